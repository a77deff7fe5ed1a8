//! PEFT's `PeftModel` as a value: a base, named adapters, and what is active.

mod active;
mod adapters;
mod builder;
mod display;
mod files;
mod merge;
mod recent;
mod rows;
mod status;

use std::collections::BTreeMap;

use burn::module::Module;
use ia3_core::{Adapter, AdapterError, ModelInfo, TrainableParameters};

pub use builder::Ia3ModelBuilder;
pub use files::SaveOptions;
pub use merge::MergeOptions;
pub use status::{AdapterModelStatus, LayerStatus};

/// A base with named adapters: PEFT's `PeftModel`, over any burn module.
///
/// It keeps the base as it was given and never changes it. [`model`](Self::model) is what to run: the base with the
/// active adapters attached, or with those merged that were asked for. Every method that fails leaves everything as
/// it was. Nothing happens that was not asked for: activating unfreezes nothing, deleting activates nothing, and a
/// merged model is only unmerged by [`unmerge_adapter`](Self::unmerge_adapter).
///
/// Training goes through values: take `model().clone().train()`, train it, and give it back to
/// [`update`](Self::update).
///
/// ```
/// use burn::nn::{Linear, LinearConfig};
/// use burn::tensor::{Device, Tensor};
/// use ia3::{ActivationSpace, Ia3Config, Ia3Forward, Ia3Model};
///
/// #[derive(burn::module::Module, Debug)]
/// struct Mlp { wi: Linear, wo: Linear }
/// impl ActivationSpace for Mlp {}
/// impl Mlp {
///     fn forward(&self, x: Tensor<2>) -> Tensor<2> {
///         self.wo.ia3_forward(self.wi.ia3_forward(x))
///     }
/// }
///
/// let device = Device::flex();
/// let base = Mlp { wi: LinearConfig::new(4, 8).init(&device), wo: LinearConfig::new(8, 4).init(&device) };
/// let config = Ia3Config::new().with_target_modules(["wi", "wo"]).with_feedforward_modules(["wo"]);
///
/// let mut model = Ia3Model::new(base, &config, "default")?;
/// model.add_adapter("other", &config)?;
/// model.set_adapter(["other"])?;
/// let y = model.model().forward(Tensor::ones([1, 4], &device));
/// assert_eq!(y.dims(), [1, 4]);
/// assert_eq!(model.trainable_parameters().trainable, 8 + 8);
/// # Ok::<(), ia3::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Ia3Model<M: Module> {
    base: M,
    info: ModelInfo,
    attach: Attach<M>,
    low_cpu_mem_usage: bool,
    adapters: BTreeMap<String, Entry>,
    /// In the order in which they multiply.
    active: Vec<String>,
    /// Whether the active adapters are frozen whatever their own setting is.
    inference_mode: bool,
    merged: Vec<String>,
    model: M,
    recent: recent::Recent<M>,
}

/// [`attach`](ia3_core::attach) or [`attach_to_weights`](ia3_core::attach_to_weights).
type Attach<M> = fn(&M, &[&Adapter]) -> Result<M, AdapterError>;

/// A named adapter.
#[derive(Clone, Debug)]
struct Entry {
    adapter: Adapter,
    /// Whether it is trained while it is active.
    requires_grad: bool,
}

impl<M: Module> Ia3Model<M> {
    /// What to run: the base with the active adapters attached, or the merged weights.
    pub fn model(&self) -> &M {
        &self.model
    }

    /// The base as it was given, to the bit.
    pub fn base(&self) -> &M {
        &self.base
    }

    /// The base without adapters, as inside PEFT's `with model.disable_adapter():`. Nothing changes here.
    pub fn disable_adapter(&self) -> &M {
        &self.base
    }

    /// What planning knows of the base.
    pub fn info(&self) -> &ModelInfo {
        &self.info
    }

    /// The adapter called `name`.
    pub fn adapter(&self, name: &str) -> Option<&Adapter> {
        self.adapters.get(name).map(|entry| &entry.adapter)
    }

    /// The names of all adapters, sorted.
    pub fn adapter_names(&self) -> impl Iterator<Item = &str> {
        self.adapters.keys().map(String::as_str)
    }

    /// The names of the active adapters, in the order in which they multiply.
    pub fn active_adapters(&self) -> &[String] {
        &self.active
    }

    /// The names of the merged adapters, in the order in which they were merged.
    pub fn merged_adapters(&self) -> &[String] {
        &self.merged
    }

    /// How many values are trained, those of the active adapters that are not frozen, among all values of the base and of
    /// every adapter. Its `Display` is the line that PEFT's `print_trainable_parameters` prints.
    pub fn trainable_parameters(&self) -> TrainableParameters {
        let trained = self.adapters.iter().filter(|(name, _)| self.is_trained(name));
        let adapters: usize = self.adapters.values().map(|e| e.adapter.num_params()).sum();
        TrainableParameters {
            trainable: trained.map(|(_, e)| e.adapter.num_trainable()).sum(),
            all: self.base.num_params() + adapters,
        }
    }
}
