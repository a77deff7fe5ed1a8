#![doc = include_str!("../README.md")]
#![warn(missing_docs)]
#![forbid(unsafe_code)]

mod adapterhub;
mod base;
mod column;
mod conversion;
mod error;
mod feed_forward;
mod format;
mod lora;
mod lycoris;
mod open;
mod options;
mod order;
mod recognise;
mod save;
mod selectors;
mod t5;
mod tfew;

pub use base::{ConvertedBase, convert_base};
pub use conversion::{Converted, convert_adapter, convert_adapter_with};
pub use error::ConvertError;
pub use feed_forward::{FeedForwardSite, Placed, place_feed_forward};
pub use format::AdapterFormat;
pub use ia3_torch::{PickleProblem, TorchError, TorchProblem};
pub use lora::{ConvertedLora, LoraBase, convert_to_lora};
pub use open::{OpenedAdapter, open_adapter, open_adapter_for};
pub use options::ConvertOptions;
pub use save::save_adapter_as;
