//! The front door: a pretrained model as a value that knows where it came from and which adapters it carries.

mod adapters;
mod base;
mod forward;
mod generate;
mod generated;
mod inputs;
mod merge;
mod save;
mod tokenizer;

use std::path::Path;
use std::sync::Arc;

use burn::module::Module;
use burn::tensor::Device;
use ia3_core::{QuantizeReport, TrainableParameters};
use ia3_io::LoadReport;
use ia3_models::{GenerationConfig, ModelConfig, Task};

pub use generate::Generate;
pub use generated::Generated;
#[cfg(feature = "data")]
pub use tokenizer::model_kind;

use crate::adapter::AdapterBase;
use crate::error::Error;
use crate::folder_of;
use crate::pretrained::PretrainedOptions;
use adapters::Attached;
use base::Base;

/// A pretrained model with its tokenizer, its generation settings and, where they are attached, its adapters.
///
/// A model is a value: methods return a new model and leave this one as it is. All models made from one base share its
/// weights, so a model with an adapter costs the memory of the adapter.
///
/// ```
/// # let _folder = ia3_testing::enter_sandbox();
/// use ia3::{Adapter, Device, Model};
///
/// let base = Model::from_pretrained("fixtures/t5/base", &Device::flex())?;
/// let adapter = Adapter::load("fixtures/t5/adapter", &base)?;
/// let model = base.with_adapter(&adapter)?;
/// println!("{}", model.trainable_parameters());
/// println!("{}", model.generate([[17, 4, 42, 1]]).max_new_tokens(10).run()?);
/// # Ok::<(), ia3::Error>(())
/// ```
///
/// The model inside is a burn module, [`ia3::models::Model`](ia3_models::Model). [`module`](Self::module) gives it to
/// programs that compute or train with burn directly, and [`with_module`](Self::with_module) takes it back.
#[derive(Clone, Debug)]
pub struct Model {
    /// The base with the adapters attached.
    module: ia3_models::Model,
    adapters: Attached,
    base: Arc<Base>,
}

impl Model {
    /// Reads a folder of Hugging Face: `config.json` and `model.safetensors`, in one file or several. A `tokenizer.json`
    /// in the folder is read when the first text needs it. With the feature `hub`, `OWNER/NAME` or `OWNER/NAME@REVISION` is
    /// downloaded if there is no such folder.
    ///
    /// # Errors
    ///
    /// The errors are those of [`PretrainedOptions::load`].
    pub fn from_pretrained(dir: impl AsRef<Path>, device: &Device) -> Result<Self, Error> {
        Self::from_pretrained_with(dir, &PretrainedOptions::new(), device)
    }

    /// As [`from_pretrained`](Self::from_pretrained), with options: another dtype, quantised weights, another number of
    /// labels.
    ///
    /// ```no_run
    /// use ia3::{Bits, Device, Model, PretrainedOptions};
    ///
    /// let options = PretrainedOptions::new().with_quantization(Bits::Eight);
    /// let base = Model::from_pretrained_with("t5-base", &options, &Device::flex())?;
    /// # Ok::<(), ia3::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// The errors are those of [`PretrainedOptions::load`].
    pub fn from_pretrained_with(
        dir: impl AsRef<Path>,
        options: &PretrainedOptions,
        device: &Device,
    ) -> Result<Self, Error> {
        let dir = folder_of::base(dir.as_ref())?;
        let pretrained = options.load(&dir, device)?;
        Ok(Self::of(Base::pretrained(&dir, pretrained)?))
    }

    /// A model without adapters.
    fn of(base: Base) -> Self {
        Self { module: base.module.clone(), adapters: Attached::None, base: Arc::new(base) }
    }

    /// The burn module: the base with the adapters attached.
    pub fn module(&self) -> &ia3_models::Model {
        &self.module
    }

    /// As [`module`](Self::module).
    pub fn into_module(self) -> ia3_models::Model {
        self.module
    }

    /// The device of the weights.
    pub fn device(&self) -> Device {
        self.module.devices().first().cloned().unwrap_or_default()
    }

    /// The folder that the model was read from; `None` for a model that was made in memory.
    pub fn folder(&self) -> Option<&Path> {
        self.base.folder.as_deref()
    }

    /// The configuration that the model was read with; `None` for a model that was made in memory.
    pub fn config(&self) -> Option<&ModelConfig> {
        self.base.config.as_ref()
    }

    /// What the model computes.
    pub fn task(&self) -> Task {
        self.module.task()
    }

    /// The settings that [`generate`](Self::generate) starts from: the end and padding ids of `config.json`, greedy
    /// search, 64 new tokens, and what `generation_config.json` says of ids and penalties ([`GenerationFile`](crate::GenerationFile)).
    pub fn generation_config(&self) -> &GenerationConfig {
        &self.base.generation
    }

    /// Replaces the settings that [`generate`](Self::generate) starts from.
    pub fn with_generation_config(self, generation: GenerationConfig) -> Self {
        let base = Base { generation, ..Base::clone(&self.base) };
        Self { base: Arc::new(base), ..self }
    }

    /// What was read from the checkpoint, which tensors of it have no use, and which parameters it lacks.
    pub fn load_report(&self) -> &LoadReport {
        &self.base.report
    }

    /// What quantising the weights while they were read did, where [`PretrainedOptions`] asked for it.
    pub fn quantize_report(&self) -> Option<&QuantizeReport> {
        self.base.quantized.as_ref()
    }

    /// How many values are trained, those of the attached adapters, among all values. Its `Display` is the line that
    /// PEFT's `print_trainable_parameters` prints.
    pub fn trainable_parameters(&self) -> TrainableParameters {
        let adapters = self.adapters.distinct();
        let values: usize = adapters.iter().map(|adapter| adapter.num_params()).sum();
        TrainableParameters {
            trainable: adapters.iter().map(|adapter| adapter.num_trainable()).sum(),
            all: self.base.module.num_params() + values,
        }
    }
}

/// A model that was made in memory, for example by [`ModelConfig::init`]: it has no folder and no tokenizer.
impl From<ia3_models::Model> for Model {
    fn from(module: ia3_models::Model) -> Self {
        Self::of(Base::in_memory(module))
    }
}

impl AdapterBase for Model {
    type Module = ia3_models::Model;

    fn base_module(&self) -> &ia3_models::Model {
        &self.base.module
    }

    fn base_info(&self) -> ia3_config::ModelInfo {
        self.base.module.info()
    }

    fn base_name(&self) -> Option<String> {
        self.folder().map(crate::base_names::base_name)
    }
}
