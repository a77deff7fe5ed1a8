use burn::tensor::{Device, Int, Tensor};
use ia3_core::{ActivationSpace, ModelInfo};

use super::classifier::T5ForSequenceClassification;
use super::config::T5Config;
use super::encoder::T5EncoderModel;
use super::model::T5ForConditionalGeneration;
use crate::architecture::Architecture;
use crate::delegating_module::delegating_module;
use crate::encoder::ProblemType;
use crate::error::ModelError;
use crate::generate::{Generated, GenerationConfig, Step};
use crate::inputs::ModelInputs;
use crate::loss::RowLosses;
use crate::output::ModelOutput;
use crate::slots::{SlotTokens, Slots};
use crate::task::Task;

/// T5 or mT5 for one of its tasks. The paths inside it are those of the model inside.
#[derive(Clone, Debug)]
#[allow(clippy::large_enum_variant)] // A program has few models, and their weights are behind pointers.
pub enum T5 {
    /// With a language-model head.
    Lm(T5ForConditionalGeneration),
    /// A classifier of sequences.
    Classifier(T5ForSequenceClassification),
    /// The encoder alone.
    Encoder(T5EncoderModel),
}

/// Evaluates an expression on the model inside.
macro_rules! each {
    ($model:expr, $inner:ident => $body:expr) => {
        match $model {
            T5::Lm($inner) => $body,
            T5::Classifier($inner) => $body,
            T5::Encoder($inner) => $body,
        }
    };
}

/// Evaluates an expression as `each!` does, and wraps the result in the same variant.
macro_rules! map_each {
    ($model:expr, $inner:ident => $body:expr) => {
        match $model {
            T5::Lm($inner) => T5::Lm($body),
            T5::Classifier($inner) => T5::Classifier($body),
            T5::Encoder($inner) => T5::Encoder($body),
        }
    };
}

impl T5 {
    /// The configuration that the model was made from.
    pub fn config(&self) -> &T5Config {
        each!(self, m => m.config())
    }

    /// The facts that planning needs. They are read from shapes, so no weight is initialised.
    pub fn info(&self) -> ModelInfo {
        each!(self, m => m.info())
    }

    /// The language model, for what needs one.
    fn lm(&self) -> Result<&T5ForConditionalGeneration, ModelError> {
        match self {
            T5::Lm(m) => Ok(m),
            _ => self.config().unsupported("without a language-model head generates no text"),
        }
    }

    /// The encoder.
    pub fn encoder(&self) -> &super::T5Encoder {
        match self {
            T5::Lm(m) => &m.encoder,
            T5::Classifier(m) => &m.transformer.encoder,
            T5::Encoder(m) => &m.encoder,
        }
    }
}

impl T5Config {
    /// Makes a freshly initialised model of the task. A weight takes no memory before it is first read.
    pub fn init(&self, device: &Device) -> T5 {
        match self.task() {
            Task::SequenceClassification => T5::Classifier(T5ForSequenceClassification::new(self, device)),
            Task::FeatureExtraction => T5::Encoder(T5EncoderModel::new(self, device)),
            _ => T5::Lm(self.init_lm(device)),
        }
    }

    /// The error of a model that cannot do something.
    pub(super) fn unsupported<T>(&self, problem: &'static str) -> Result<T, ModelError> {
        Err(ModelError::Unsupported { model_type: self.model_type.clone(), problem })
    }
}

impl Architecture for T5 {
    fn task(&self) -> Task {
        self.config().task()
    }

    fn info(&self) -> ModelInfo {
        self.info()
    }

    fn pad_token_id(&self) -> i64 {
        self.config().pad_token_id
    }

    fn token_embeddings(&self) -> Vec<String> {
        let tables: &[&str] = match self {
            T5::Lm(m) => return m.token_embeddings(),
            T5::Classifier(_) => &["transformer.encoder.embed_tokens", "transformer.decoder.embed_tokens"],
            T5::Encoder(_) => &["encoder.embed_tokens"],
        };
        tables.iter().map(|table| table.to_string()).collect()
    }

    fn float32_states(&self) -> bool {
        self.config().float32_states
    }

    fn num_labels(&self) -> Option<usize> {
        each!(self, m => m.num_labels())
    }

    fn class_name(&self) -> Option<String> {
        each!(self, m => m.class_name())
    }

    fn problem(&self) -> Option<ProblemType> {
        each!(self, m => m.problem())
    }

    fn with_own_head(self) -> Self {
        match self {
            T5::Lm(m) => T5::Lm(m.with_own_head()),
            other => other,
        }
    }

    fn run(&self, inputs: &ModelInputs, traced: bool) -> Result<ModelOutput, ModelError> {
        each!(self, m => m.run(inputs, traced))
    }

    fn last_logits(&self, inputs: &ModelInputs) -> Result<Tensor<2>, ModelError> {
        each!(self, m => m.last_logits(inputs))
    }

    fn row_losses(&self, inputs: &ModelInputs, labels: Tensor<2, Int>) -> Result<RowLosses, ModelError> {
        each!(self, m => m.row_losses(inputs, labels))
    }

    fn value_losses(&self, inputs: &ModelInputs, values: Tensor<2>) -> Result<RowLosses, ModelError> {
        each!(self, m => m.value_losses(inputs, values))
    }

    fn generation_config(&self, max_new_tokens: usize) -> GenerationConfig {
        let config = GenerationConfig::new(max_new_tokens, self.config().eos_token_id.clone());
        config.with_pad_token_id(self.config().pad_token_id)
    }

    fn generate_with(
        &self,
        inputs: &ModelInputs,
        config: &GenerationConfig,
        on_step: impl FnMut(Step),
    ) -> Result<Generated, ModelError> {
        self.lm()?.generate_with(inputs, config, on_step)
    }

    fn slots(&self, slots: usize, capacity: usize) -> Result<Slots, ModelError> {
        self.lm()?.slots(slots, capacity)
    }

    fn decoder_start(&self, config: &GenerationConfig) -> Result<Option<Vec<i64>>, ModelError> {
        match self {
            T5::Lm(m) => m.decoder_start(config),
            _ => Ok(None),
        }
    }

    fn read_input(&self, slots: &mut Slots, slot: usize, ids: &[i64]) -> Result<(), ModelError> {
        self.lm()?.read_input(slots, slot, ids)
    }

    fn read_tokens(&self, slots: &mut Slots, tokens: &[SlotTokens]) -> Result<Tensor<2>, ModelError> {
        self.lm()?.read_tokens(slots, tokens)
    }

    fn next_logits(&self, states: Tensor<2>) -> Result<Tensor<2>, ModelError> {
        self.lm()?.next_logits(states)
    }

    fn log_likelihoods(
        &self,
        inputs: &[(&[i64], &[Vec<i64>])],
        labels: Tensor<2, Int>,
        device: &Device,
    ) -> Result<Tensor<2>, ModelError> {
        match self {
            T5::Lm(m) => Architecture::log_likelihoods(m, inputs, labels, device),
            _ => self.config().unsupported("without a language-model head computes no likelihood of a text"),
        }
    }
}

impl ActivationSpace for T5 {
    fn info(&self) -> ModelInfo {
        self.info()
    }

    fn embeddings_by_row(&self) -> Vec<String> {
        self.token_embeddings()
    }

    fn float32_states(&self) -> bool {
        self.config().float32_states
    }
}

delegating_module!(T5, each, map_each);
