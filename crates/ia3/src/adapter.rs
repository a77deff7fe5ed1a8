//! The adapter as the front door has it: a value that is made for a base, saved and loaded.

use std::ops::{Deref, DerefMut};
use std::path::Path;
use std::sync::Arc;

use burn::module::Module;
use ia3_config::{Ia3Config, ModelInfo, Plan};
use ia3_core::{ActivationSpace, MixMethod, mix, model_info};
use ia3_io::{AdapterOptions, WrittenFiles, check_finite, load_adapter, save_adapter_with};

use crate::error::Error;
use crate::folder_of;

/// A set of learned vectors with its configuration, in the file format of PEFT.
///
/// It holds an [`ia3::core::Adapter`](ia3_core::Adapter), to which it dereferences, so that every function that takes a
/// reference to that type takes a reference to this one. It also remembers the base that it was made for, which
/// [`save`](Self::save) needs for adapters with `modules_to_save`.
///
/// Cloning copies no vector, and clones are the same parameters; [`fork`](Self::fork) makes new ones.
///
/// ```
/// use ia3::{Adapter, Device, Ia3Config, ModelConfig, Model};
///
/// let t5_small = ModelConfig::from_json(r#"{"model_type": "t5"}"#)?;
/// let base = Model::from(t5_small.init(&Device::flex())); // no weight is allocated for this
/// let adapter = Adapter::new(&Ia3Config::new(), &base)?;
/// assert_eq!(adapter.num_params(), 43_008);
/// # Ok::<(), ia3::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Adapter {
    values: ia3_core::Adapter,
    base: Option<Arc<ModelInfo>>,
}

/// What an [`Adapter`] can be made for: a [`Model`](crate::Model), or a burn module that implements [`ActivationSpace`].
///
/// Any other burn module has [`Adapter::init`] and [`load_adapter`].
pub trait AdapterBase {
    /// The burn module.
    type Module: Module;

    /// The burn module, whose parameters `modules_to_save` are copies of.
    fn base_module(&self) -> &Self::Module;

    /// What planning knows of it.
    fn base_info(&self) -> ModelInfo;

    /// The name or path that `adapter_config.json` of a new adapter records as `base_model_name_or_path`.
    fn base_name(&self) -> Option<String> {
        None
    }
}

impl<M: ActivationSpace> AdapterBase for M {
    type Module = M;

    fn base_module(&self) -> &M {
        self
    }

    fn base_info(&self) -> ModelInfo {
        self.info()
    }
}

impl Adapter {
    /// Makes a new adapter for `base`: vectors of ones, so that the adapted model computes what the base computes.
    ///
    /// A configuration without `base_model_name_or_path` gets the folder that `base` was read from.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] for a configuration that does not fit the base, for example a target that no layer has.
    pub fn new(config: &Ia3Config, base: &impl AdapterBase) -> Result<Self, Error> {
        let info = base.base_info();
        let mut plan = config.plan(&info)?;
        if plan.config.base_model_name_or_path.is_none() {
            plan.config.base_model_name_or_path = base.base_name();
        }
        Ok(Self { values: ia3_core::Adapter::init(base.base_module(), &plan), base: Some(info.into()) })
    }

    /// Makes a new adapter for the sites of `plan` on any burn module, see [`ia3_core::Adapter::init`].
    pub fn init<M: Module>(base: &M, plan: &Plan) -> Self {
        let info = model_info(base, None, None);
        Self { values: ia3_core::Adapter::init(base, plan), base: Some(info.into()) }
    }

    /// Reads the adapter in a folder of PEFT, and checks it against `base`. With the feature `hub`, `OWNER/NAME` or
    /// `OWNER/NAME@REVISION` is downloaded if there is no such folder.
    ///
    /// # Errors
    ///
    /// As [`load_adapter`]: a file that is missing or damaged, a vector of another size than its layer, and vectors and
    /// layers that are not one to one.
    pub fn load(dir: impl AsRef<Path>, base: &impl AdapterBase) -> Result<Self, Error> {
        let info = base.base_info();
        let device = base.base_module().devices().first().cloned().unwrap_or_default();
        let dir = folder_of::adapter(dir.as_ref())?;
        Ok(Self { values: load_adapter(dir, &info, &device)?, base: Some(info.into()) })
    }

    /// Writes the adapter into a folder as PEFT does: `adapter_config.json`, `adapter_model.safetensors`, and a model card
    /// where the folder has none. The folder is created if it does not exist.
    ///
    /// # Errors
    ///
    /// The errors are those of [`save_adapter_with`], and [`Error::AdapterFile`] for values that are NaN or infinite; then
    /// nothing is written.
    pub fn save(&self, dir: impl AsRef<Path>) -> Result<WrittenFiles, Error> {
        let options = match self.base.as_deref() {
            Some(base) => AdapterOptions::new().with_base(base.clone()),
            None => AdapterOptions::new(),
        };
        check_finite(&self.values)?;
        Ok(save_adapter_with(&self.values, dir, &options)?)
    }

    /// Reads this adapter's values back from a burn module that it was attached to, trained or not.
    ///
    /// # Errors
    ///
    /// [`Error::Adapter`] for a module that does not carry one of the vectors.
    pub fn extract<M: Module>(&self, module: &M) -> Result<Self, Error> {
        Ok(Self { values: self.values.extract(module)?, base: self.base.clone() })
    }

    /// Returns the same values as new parameters, which train independently of these.
    pub fn fork(&self) -> Self {
        Self { values: self.values.fork(), base: self.base.clone() }
    }

    /// Holds the queries' part of every fused projection at 1, see [`ia3_core::Adapter::kv_only`].
    ///
    /// # Errors
    ///
    /// [`Error::Adapter`] if no vector scales the output of a fused projection.
    pub fn kv_only(self) -> Result<Self, Error> {
        let values = self.values.kv_only(&self.base.as_deref().cloned().unwrap_or_default())?;
        Ok(Self { values, base: self.base })
    }

    /// Mixes adapters with weights, see [`mix`]; [`MixMethod::Linear`] is PEFT's `add_weighted_adapter`.
    ///
    /// # Errors
    ///
    /// [`Error::Adapter`] for adapters that have no mix.
    pub fn mix(adapters: &[(&Self, f32)], method: MixMethod) -> Result<Self, Error> {
        let pairs: Vec<_> = adapters.iter().map(|(adapter, weight)| (&adapter.values, *weight)).collect();
        let base = adapters.first().and_then(|(adapter, _)| adapter.base.clone());
        Ok(Self { values: mix(&pairs, method)?, base })
    }

    /// Other values of the same adapter.
    #[cfg(feature = "train")]
    pub(crate) fn with_values(&self, values: ia3_core::Adapter) -> Self {
        Self { values, base: self.base.clone() }
    }

    /// The facts of the base that the adapter was made for, where they are known.
    pub fn base_info(&self) -> Option<&ModelInfo> {
        self.base.as_deref()
    }
}

impl Deref for Adapter {
    type Target = ia3_core::Adapter;

    fn deref(&self) -> &Self::Target {
        &self.values
    }
}

impl DerefMut for Adapter {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.values
    }
}

impl From<ia3_core::Adapter> for Adapter {
    fn from(values: ia3_core::Adapter) -> Self {
        Self { values, base: None }
    }
}

impl From<Adapter> for ia3_core::Adapter {
    fn from(adapter: Adapter) -> Self {
        adapter.values
    }
}
