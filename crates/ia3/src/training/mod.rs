//! Training and evaluation of a model from texts, token ids or files.

mod encode;
mod evaluate;
mod examples;
mod train;
mod train_settings;
mod trained;

pub use evaluate::Evaluate;
pub use examples::{ExampleInput, Examples};
pub use train::Train;
pub use trained::{Trained, TrainedAdapters};
