#![doc = include_str!("../README.md")]
#![warn(missing_docs)]
#![forbid(unsafe_code)]

mod adapterhub;
mod column;
mod conversion;
mod error;
mod feed_forward;
mod format;
mod open;
mod order;
mod peft_bin;
mod recognise;
mod save;
mod selectors;
mod t5;
mod tfew;
mod torch;

pub use conversion::{ConvertOptions, Converted, convert_adapter};
pub use error::ConvertError;
pub use feed_forward::{FeedForwardSite, Placed, place_feed_forward};
pub use format::AdapterFormat;
pub use open::{OpenedAdapter, open_adapter};
pub use save::save_adapter_as;
pub use torch::{PickleProblem, TorchError, TorchProblem};
