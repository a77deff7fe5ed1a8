#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]
#![warn(missing_docs)]

/// Types of the GPU backends that burn does not re-export: the set-up of wgpu, and the devices of wgpu and CUDA.
#[cfg(any(feature = "wgpu", feature = "cuda"))]
pub mod backend {
    #[cfg(feature = "cuda")]
    pub use burn_cuda as cuda;
    #[cfg(feature = "wgpu")]
    pub use burn_wgpu as wgpu;
}

mod adapter;
mod adapter_notes;
mod base_config;
mod base_names;
mod device;
mod error;
mod folder_of;
mod generation_file;
mod gguf_config;
mod ia3_model;
mod lora;
mod merge_packed;
mod model;
mod model_config;
mod precision;
mod pretrained;
mod prompts;
mod sentence;
mod speech_prompt;
#[cfg(feature = "data")]
mod stop_strings;
mod tied_tensors;
#[cfg(feature = "train")]
mod training;

pub use adapter::{Adapter, AdapterBase};
pub use adapter_notes::{AdapterNote, adapter_notes, task_type};
pub use base_config::{config_of_base, read_config};
pub use base_names::{base_name, same_base};
pub use burn::tensor::Device;

pub use device::{DeviceError, FoundDevice, compiled_in, device, devices};
pub use error::Error;
pub use generation_file::GenerationFile;
pub use ia3_config::{
    Ia3Config, ModelInfo, ModuleInfo, ModuleKind, Placement, Plan, PlanOptions, Selector, Site, TaskType,
};
pub use ia3_convert as convert;
pub use ia3_core as core;
pub use ia3_core::{
    ActivationSpace, AdapterError, Bits, Ia3ConvForward, Ia3Forward, Ia3Vector, MixMethod, NonFinite,
    ParamPath, Quantization, QuantizeReport, QuantizedLayout, QuantizedWeight, Quantizer, Requantized,
    TrainableParameters, attach, attach_rows, attach_to_weights, batch_rows, freeze, merge,
    merge_requantizing, merge_safe, mix, mix_linear, model_info, move_inputs, quantize,
    with_integer_products,
};
#[cfg(feature = "data")]
pub use ia3_data as data;
#[cfg(feature = "hub")]
pub use ia3_hub as hub;
pub use ia3_io as io;
pub use ia3_model::{AdapterModelStatus, Ia3Model, Ia3ModelBuilder, LayerStatus, MergeOptions, SaveOptions};
pub use ia3_models as models;
pub use ia3_models::{ModelConfig, ModelInputs, Task};
#[cfg(feature = "train")]
pub use ia3_train as train;
pub use lora::convert_to_lora;
pub use merge_packed::merge_packed;
#[cfg(feature = "data")]
pub use model::model_kind;
pub use model::{Generate, Generated, Model};
pub use model_config::config_text;
pub use precision::Precision;
pub use pretrained::{Pretrained, PretrainedOptions, from_pretrained};
pub use prompts::{Prompt, Prompts};
pub use sentence::SentenceConfig;
pub use speech_prompt::SpeechPrompt;
#[cfg(feature = "data")]
pub use stop_strings::StopStrings;
pub use tied_tensors::with_head_of;
#[cfg(feature = "train")]
pub use training::{Evaluate, ExampleInput, Examples, Train, Trained, TrainedAdapters};
