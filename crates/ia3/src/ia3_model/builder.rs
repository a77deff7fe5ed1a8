use std::path::Path;

use burn::module::Module;
use ia3_core::{ActivationSpace, Adapter, Ia3Config, ModelInfo, attach, attach_to_weights, model_info};

use super::{Attach, Ia3Model};
use crate::Error;

/// Makes an [`Ia3Model`] with settings that [`Ia3Model::new`] does not have.
#[derive(Clone, Debug)]
pub struct Ia3ModelBuilder<M: Module> {
    base: M,
    info: ModelInfo,
    attach: Attach<M>,
    adapter_name: String,
    low_cpu_mem_usage: bool,
}

impl<M: ActivationSpace> Ia3Model<M> {
    /// Makes a model with one new adapter, which is active and trained, as PEFT's `get_peft_model` does.
    ///
    /// # Errors
    ///
    /// The errors are those of [`Ia3ModelBuilder::init`].
    pub fn new(base: M, config: &Ia3Config, adapter_name: &str) -> Result<Self, Error> {
        Self::builder(base).adapter_name(adapter_name).init(config)
    }

    /// Makes a model with the adapter in a folder, which is active and frozen, as PEFT's `PeftModel.from_pretrained` does. To
    /// train it further, as with `is_trainable=True`, call [`set_requires_grad`](Self::set_requires_grad) afterwards.
    ///
    /// # Errors
    ///
    /// As [`load_adapter`](Self::load_adapter), and for a base that carries vectors.
    pub fn from_pretrained(base: M, dir: impl AsRef<Path>, adapter_name: &str) -> Result<Self, Error> {
        Self::builder(base).adapter_name(adapter_name).load(dir)
    }

    /// Starts a model over a base whose layers call `ia3_forward`, see [`attach`].
    pub fn builder(base: M) -> Ia3ModelBuilder<M> {
        let info = base.info();
        Ia3ModelBuilder::new(base, info, attach::<M>)
    }
}

impl<M: Module> Ia3Model<M> {
    /// Starts a model over an unmodified burn module, whose layers read scaled weights; see [`attach_to_weights`].
    pub fn weights_builder(base: M) -> Ia3ModelBuilder<M> {
        let info = model_info(&base, None, None);
        Ia3ModelBuilder::new(base, info, attach_to_weights::<M>)
    }
}

impl<M: Module> Ia3ModelBuilder<M> {
    fn new(base: M, info: ModelInfo, attach: Attach<M>) -> Self {
        Self { base, info, attach, adapter_name: "default".into(), low_cpu_mem_usage: false }
    }

    /// Sets the facts of the base that planning uses, for a module that does not know them itself, such as its `model_type`.
    pub fn model_info(mut self, info: ModelInfo) -> Self {
        self.info = info;
        self
    }

    /// Sets the name of the first adapter; otherwise it is `default`.
    pub fn adapter_name(mut self, name: impl Into<String>) -> Self {
        self.adapter_name = name.into();
        self
    }

    /// Sets whether the vectors of new adapters take memory only when they are first read. It has no effect on adapters from
    /// files.
    pub fn low_cpu_mem_usage(mut self, low: bool) -> Self {
        self.low_cpu_mem_usage = low;
        self
    }

    /// Makes the model with a new adapter. It is active, and trained unless the configuration says `inference_mode`.
    ///
    /// # Errors
    ///
    /// As [`Ia3Model::add_adapter`], and [`AdapterError::AlreadyAttached`](ia3_core::AdapterError::AlreadyAttached) for a base
    /// that carries vectors.
    pub fn init(self, config: &Ia3Config) -> Result<Ia3Model<M>, Error> {
        self.start(|model, name| model.add_adapter(name, config))
    }

    /// Makes the model with a given adapter, for example one that [`AdapterFile::from_state_dict`] made of PEFT's `state_dict`.
    /// It is active, and trained unless its configuration says `inference_mode`.
    ///
    /// # Errors
    ///
    /// As [`Ia3Model::insert_adapter`], and for a base that carries vectors.
    ///
    /// [`AdapterFile::from_state_dict`]: ia3_io::AdapterFile::from_state_dict
    pub fn init_from(self, adapter: impl Into<Adapter>) -> Result<Ia3Model<M>, Error> {
        self.start(|model, name| model.insert_adapter(name, adapter))
    }

    /// Makes the model with the adapter in a folder, which is active and frozen, as [`Ia3Model::from_pretrained`] does.
    ///
    /// # Errors
    ///
    /// As [`Ia3Model::load_adapter`], and for a base that carries vectors.
    pub fn load(self, dir: impl AsRef<Path>) -> Result<Ia3Model<M>, Error> {
        self.start(|model, name| model.load_adapter(dir, name))
    }

    /// Makes the model without an adapter.
    ///
    /// # Errors
    ///
    /// [`Error::Adapter`] for a base that carries vectors.
    pub fn without_adapter(self) -> Result<Ia3Model<M>, Error> {
        let model = (self.attach)(&self.base, &[])?;
        Ok(Ia3Model {
            base: self.base,
            info: self.info,
            attach: self.attach,
            low_cpu_mem_usage: self.low_cpu_mem_usage,
            adapters: Default::default(),
            active: vec![],
            inference_mode: false,
            merged: vec![],
            model,
            recent: Default::default(),
        })
    }

    fn start(
        self,
        add: impl FnOnce(&mut Ia3Model<M>, &str) -> Result<(), Error>,
    ) -> Result<Ia3Model<M>, Error> {
        let name = self.adapter_name.clone();
        let mut model = self.without_adapter()?;
        add(&mut model, &name)?;
        model.set_adapter([name])?;
        Ok(model)
    }
}
