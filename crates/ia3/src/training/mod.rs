//! Training and evaluation of a model from texts, token ids or files.

mod encode;
mod evaluate;
mod examples;
mod train;

pub use evaluate::Evaluate;
pub use examples::{ExampleInput, Examples};
pub use train::{Train, Trained, TrainedAdapters};
