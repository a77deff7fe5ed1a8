use burn::module::{Devices, Module, ModuleMapper, ModuleVisitor};
use burn::tensor::{Device, Int, Tensor};
use ia3_core::{ActivationSpace, ModelInfo};
use serde::Deserialize;

use crate::error::ModelError;
use crate::generate::{Generated, GenerationConfig, Step};
use crate::inputs::ModelInputs;
use crate::output::ModelOutput;
use crate::t5::{T5Config, T5ForConditionalGeneration};

/// The values of `model_type` there is a model for.
const KNOWN: &[&str] = &["mt5", "t5"];

/// The configuration of any model there is: the one place that turns a `model_type` into a model.
#[derive(Clone, Debug, PartialEq)]
pub enum ModelConfig {
    /// T5 or mT5.
    T5(T5Config),
}

impl ModelConfig {
    /// Reads Hugging Face's `config.json`.
    ///
    /// # Errors
    ///
    /// [`ModelError::UnknownModelType`] with the known ones, and whatever the architecture's own reader finds.
    pub fn from_json(text: &str) -> Result<Self, ModelError> {
        #[derive(Deserialize)]
        struct Type {
            model_type: Option<String>,
        }
        let model_type = "any model".to_string();
        let read: Type =
            serde_json::from_str(text).map_err(|source| ModelError::Json { model_type, source })?;
        match read.model_type.as_deref() {
            Some("t5" | "mt5") => T5Config::from_json(text).map(Self::T5),
            Some(found) => Err(ModelError::UnknownModelType { found: found.into(), known: KNOWN }),
            None => Err(ModelError::NoModelType { known: KNOWN }),
        }
    }

    /// Hugging Face's `model_type`.
    pub fn model_type(&self) -> &str {
        match self {
            Self::T5(c) => &c.model_type,
        }
    }

    /// The same model with its head tied to the embedding or apart from it, as the checkpoint's content tells.
    pub fn with_tied_head(self, tied: bool) -> Self {
        match self {
            Self::T5(c) => Self::T5(T5Config { tie_lm_head: tied, ..c }),
        }
    }

    /// The checkpoint key of the head and the key it is tied to where the head has no weight of its own.
    pub fn tied_keys(&self) -> Option<(&'static str, &'static str)> {
        match self {
            Self::T5(_) => Some(("lm_head.weight", "shared.weight")),
        }
    }

    /// Other names under which a checkpoint may hold a tensor: (the model's, the other). A tied head is one.
    pub fn aliases(&self) -> Vec<(String, String)> {
        let Self::T5(c) = self;
        let others = ["encoder.embed_tokens.weight", "decoder.embed_tokens.weight", "lm_head.weight"];
        let others = &others[..if c.tie_lm_head { 3 } else { 2 }];
        others.iter().map(|other| ("shared.weight".to_string(), other.to_string())).collect()
    }

    /// A freshly initialised model; nothing is allocated before a weight is read.
    pub fn init(&self, device: &Device) -> Model {
        match self {
            Self::T5(c) => Model::T5(c.init(device)),
        }
    }
}

/// Any model there is, as one burn module; paths inside it are those of the architecture's own type.
#[derive(Clone, Debug)]
pub enum Model {
    /// T5 or mT5.
    T5(T5ForConditionalGeneration),
}

/// Does the same on whichever model it is.
macro_rules! each {
    ($model:expr, $inner:ident => $body:expr) => {
        match $model {
            Model::T5($inner) => $body,
        }
    };
}

/// As `each!`, wrapping the result as the same kind of model.
macro_rules! map_each {
    ($model:expr, $inner:ident => $body:expr) => {
        match $model {
            Model::T5($inner) => Model::T5($body),
        }
    };
}

impl Model {
    /// Hugging Face's `model_type`.
    pub fn model_type(&self) -> &str {
        each!(self, m => &m.config().model_type)
    }

    /// The facts that planning needs, from shapes alone.
    pub fn info(&self) -> ModelInfo {
        each!(self, m => m.info())
    }

    /// Logits `[batch, seq, vocab]`.
    ///
    /// # Errors
    ///
    /// [`ModelError::Input`] for an input that is missing or does not fit.
    pub fn forward(&self, inputs: &ModelInputs) -> Result<Tensor<3>, ModelError> {
        each!(self, m => m.forward(inputs))
    }

    /// As [`forward`](Self::forward), with the hidden states of every layer.
    ///
    /// # Errors
    ///
    /// As [`forward`](Self::forward).
    pub fn forward_traced(&self, inputs: &ModelInputs) -> Result<ModelOutput, ModelError> {
        each!(self, m => m.forward_traced(inputs))
    }

    /// Generates; see the architecture's own `generate`.
    ///
    /// # Errors
    ///
    /// [`ModelError::Input`] for an input that is missing or does not fit.
    pub fn generate(
        &self,
        inputs: &ModelInputs,
        config: &GenerationConfig,
        on_step: &mut dyn FnMut(Step),
    ) -> Result<Generated, ModelError> {
        each!(self, m => m.generate(inputs, config, on_step))
    }

    /// Mean cross entropy a target token; see [`cross_entropy`](crate::cross_entropy).
    ///
    /// `labels` `[batch, seq]`; an encoder-decoder makes its decoder's input from them where there is none.
    ///
    /// # Errors
    ///
    /// [`ModelError::Input`] for an input that is missing or does not fit.
    pub fn loss(&self, inputs: &ModelInputs, labels: Tensor<2, Int>) -> Result<Tensor<1>, ModelError> {
        each!(self, m => m.loss(inputs, labels))
    }

    /// The id that fills rows up.
    pub fn pad_token_id(&self) -> i64 {
        each!(self, m => m.config().pad_token_id)
    }

    /// What the model's configuration says about generating, with `max_new_tokens`.
    pub fn generation_config(&self, max_new_tokens: usize) -> GenerationConfig {
        each!(self, m => m.generation_config(max_new_tokens))
    }
}

impl ActivationSpace for Model {}

/// Delegates to the model inside without a path segment of its own, which `derive(Module)` would add.
impl Module for Model {
    fn collect_devices(&self, devices: Devices) -> Devices {
        each!(self, m => m.collect_devices(devices))
    }

    fn fork(self, device: &Device) -> Self {
        map_each!(self, m => m.fork(device))
    }

    fn to_device(self, device: &Device) -> Self {
        map_each!(self, m => m.to_device(device))
    }

    fn train(self) -> Self {
        map_each!(self, m => m.train())
    }

    fn valid(&self) -> Self {
        map_each!(self, m => m.valid())
    }

    fn materialize(self) -> Self {
        map_each!(self, m => m.materialize())
    }

    fn visit<V: ModuleVisitor>(&self, visitor: &mut V) {
        each!(self, m => m.visit(visitor))
    }

    fn map<M: ModuleMapper>(self, mapper: &mut M) -> Self {
        map_each!(self, m => m.map(mapper))
    }
}

impl std::fmt::Display for Model {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        each!(self, m => m.fmt(f))
    }
}
