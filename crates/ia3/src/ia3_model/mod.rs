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
/// For a pretrained model, [`ia3::Model`](crate::Model) is shorter. This type serves programs that are written after PEFT,
/// and modules of one's own.
///
/// The base is never changed. [`model`](Self::model) returns the module to run: the base with the active adapters attached,
/// or with adapters merged. A method that fails changes nothing. In contrast to PEFT, activating an adapter does not
/// unfreeze it, deleting one does not activate another, and only [`unmerge_adapter`](Self::unmerge_adapter) unmerges.
///
/// To train, clone [`model`](Self::model), train the clone with burn, and pass it to [`update`](Self::update).
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
    /// Whether the active adapters are frozen regardless of their own settings.
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
    /// Returns the module to run: the base with the active adapters attached, or with the merged weights.
    pub fn model(&self) -> &M {
        &self.model
    }

    /// Returns the base, unchanged to the bit.
    pub fn base(&self) -> &M {
        &self.base
    }

    /// The base without adapters, as inside PEFT's `with model.disable_adapter():`. Nothing changes here.
    pub fn disable_adapter(&self) -> &M {
        &self.base
    }

    /// Returns the facts of the base that planning uses.
    pub fn info(&self) -> &ModelInfo {
        &self.info
    }

    /// Returns the adapter called `name`.
    pub fn adapter(&self, name: &str) -> Option<&Adapter> {
        self.adapters.get(name).map(|entry| &entry.adapter)
    }

    /// Returns the names of all adapters, sorted.
    pub fn adapter_names(&self) -> impl Iterator<Item = &str> {
        self.adapters.keys().map(String::as_str)
    }

    /// Returns the names of the active adapters, in the order in which they multiply.
    pub fn active_adapters(&self) -> &[String] {
        &self.active
    }

    /// Returns the names of the merged adapters, in the order in which they were merged.
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
