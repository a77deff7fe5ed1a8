#![doc = include_str!("../README.md")]
#![warn(missing_docs)]

mod device;
mod error;
mod pretrained;

pub use device::{DeviceError, compiled_in, device};
pub use error::Error;
pub use ia3_config::{Ia3Config, ModelInfo, Placement, Plan, PlanOptions, Selector, Site, TaskType};
pub use ia3_core::{
    ActivationSpace, Adapter, Ia3ConvForward, Ia3Error, Ia3Forward, Ia3Vector, ParameterPath,
    TrainableParameters, attach, attach_to_weights, merge, merge_safe, mix_linear, model_info,
};
pub use ia3_io as io;
pub use ia3_models as models;
pub use ia3_models::{Model, ModelConfig, ModelInputs, Task};
#[cfg(feature = "train")]
pub use ia3_train as train;
pub use pretrained::{Pretrained, from_pretrained, read_config, with_head_of};
