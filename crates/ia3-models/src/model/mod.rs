//! Any model as one type.

use burn::tensor::{Int, Tensor};
use ia3_core::{ActivationSpace, ModelInfo};

use crate::bert::BertForSequenceClassification;
use crate::error::ModelError;
use crate::falcon::FalconForCausalLM;
use crate::generate::{Generated, GenerationConfig, Step};
use crate::gpt2::GPT2LMHeadModel;
use crate::inputs::{ModelInputs, PaddingSide};
use crate::llama::LlamaForCausalLM;
use crate::loss::RowLosses;
use crate::output::ModelOutput;
use crate::t5::T5ForConditionalGeneration;

/// A model of any supported architecture, as one burn module. The paths inside it are those of the architecture's own type.
#[derive(Clone, Debug)]
#[allow(clippy::large_enum_variant)] // A program has few models, and their weights are behind pointers.
pub enum Model {
    /// T5 or mT5.
    T5(T5ForConditionalGeneration),
    /// GPT-2.
    GPT2(GPT2LMHeadModel),
    /// Falcon.
    Falcon(FalconForCausalLM),
    /// Llama, Mistral or Qwen2.
    Llama(LlamaForCausalLM),
    /// BERT as a sequence classifier.
    Bert(BertForSequenceClassification),
}

/// What a model computes. It determines the form of inputs and labels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Task {
    /// An encoder-decoder, which turns text into text.
    Seq2SeqLm,
    /// A decoder, which predicts the next token.
    CausalLm,
    /// A classifier of whole sequences.
    SequenceClassification,
}

/// Evaluates an expression on the model of whichever architecture it is.
macro_rules! each {
    ($model:expr, $inner:ident => $body:expr) => {
        match $model {
            Model::T5($inner) => $body,
            Model::GPT2($inner) => $body,
            Model::Falcon($inner) => $body,
            Model::Llama($inner) => $body,
            Model::Bert($inner) => $body,
        }
    };
}

/// As `each!`, and wraps the result in the same variant.
macro_rules! map_each {
    ($model:expr, $inner:ident => $body:expr) => {
        match $model {
            Model::T5($inner) => Model::T5($body),
            Model::GPT2($inner) => Model::GPT2($body),
            Model::Falcon($inner) => Model::Falcon($body),
            Model::Llama($inner) => Model::Llama($body),
            Model::Bert($inner) => Model::Bert($body),
        }
    };
}

mod module;

impl Model {
    /// The facts that planning needs, from shapes alone.
    pub fn info(&self) -> ModelInfo {
        each!(self, m => m.info())
    }

    /// What the model computes.
    pub fn task(&self) -> Task {
        match self {
            Self::T5(_) => Task::Seq2SeqLm,
            Self::GPT2(_) | Self::Falcon(_) | Self::Llama(_) => Task::CausalLm,
            Self::Bert(_) => Task::SequenceClassification,
        }
    }

    /// The same function with a head of its own where the head was the embedding, so that [`quantize`](ia3_core::quantize)
    /// can make integers of the one and leave the other as it is. Both share their memory until then.
    pub fn with_own_head(self) -> Self {
        match self {
            Self::T5(m) => Self::T5(m.with_own_head()),
            Self::GPT2(m) => Self::GPT2(m.with_own_head()),
            Self::Falcon(m) => Self::Falcon(m.with_own_head()),
            Self::Llama(m) => Self::Llama(m.with_own_head()),
            Self::Bert(m) => Self::Bert(m),
        }
    }

    /// Logits `[batch, seq, vocab]`, where `seq` is that of the decoder's input; `[batch, 1, num_labels]` for a classifier.
    ///
    /// # Errors
    ///
    /// [`ModelError::Input`] for an input that is missing or does not fit.
    pub fn forward(&self, inputs: &ModelInputs) -> Result<Tensor<3>, ModelError> {
        Ok(each!(self, m => m.run(inputs, false))?.logits)
    }

    /// As [`forward`](Self::forward), with the hidden states of every layer.
    ///
    /// # Errors
    ///
    /// As [`forward`](Self::forward).
    pub fn forward_traced(&self, inputs: &ModelInputs) -> Result<ModelOutput, ModelError> {
        each!(self, m => m.run(inputs, true))
    }

    /// Logits `[batch, vocab]` at the last real token of each batch entry; `[batch, num_labels]` for a classifier.
    ///
    /// # Errors
    ///
    /// As [`forward`](Self::forward).
    pub fn last_logits(&self, inputs: &ModelInputs) -> Result<Tensor<2>, ModelError> {
        match self {
            Self::T5(m) => m.last_logits(inputs),
            Self::GPT2(m) => m.last_logits(inputs),
            Self::Falcon(m) => m.last_logits(inputs),
            Self::Llama(m) => m.last_logits(inputs),
            Self::Bert(m) => m.forward(inputs),
        }
    }

    /// Generates from `input_ids` and `attention_mask`, with keys and values cached.
    ///
    /// A decoder continues its prompts, which may be padded on either side; an encoder-decoder generates its answers.
    ///
    /// # Errors
    ///
    /// [`ModelError::Input`] for an input that is missing or does not fit, [`ModelError::Generation`] for an impossible
    /// setting, [`ModelError::Unsupported`] for a model without a decoder.
    pub fn generate(&self, inputs: &ModelInputs, config: &GenerationConfig) -> Result<Generated, ModelError> {
        self.generate_with(inputs, config, |_| ())
    }

    /// As [`generate`](Self::generate), calling `on_step` after each step.
    ///
    /// # Errors
    ///
    /// As [`generate`](Self::generate).
    pub fn generate_with(
        &self,
        inputs: &ModelInputs,
        config: &GenerationConfig,
        on_step: impl FnMut(Step),
    ) -> Result<Generated, ModelError> {
        match self {
            Self::T5(m) => m.generate_with(inputs, config, on_step),
            Self::GPT2(m) => m.generate_with(inputs, config, on_step),
            Self::Falcon(m) => m.generate_with(inputs, config, on_step),
            Self::Llama(m) => m.generate_with(inputs, config, on_step),
            Self::Bert(_) => {
                let problem = "classifies and has no decoder to generate with";
                Err(ModelError::Unsupported { model_type: "bert".into(), problem })
            }
        }
    }

    /// Mean cross entropy; see [`cross_entropy`](crate::cross_entropy).
    ///
    /// `labels` are `[batch, seq]`: the targets of an encoder-decoder, which makes its decoder's input from them where
    /// there is none; the tokens themselves for a decoder, which shifts them; `[batch, 1]` classes for a classifier.
    ///
    /// # Errors
    ///
    /// [`ModelError::Input`] for an input that is missing or does not fit.
    pub fn loss(&self, inputs: &ModelInputs, labels: Tensor<2, Int>) -> Result<Tensor<1>, ModelError> {
        each!(self, m => m.loss(inputs, labels))
    }

    /// As [`loss`](Self::loss), separately for each batch entry.
    ///
    /// # Errors
    ///
    /// As [`loss`](Self::loss).
    pub fn row_losses(&self, inputs: &ModelInputs, labels: Tensor<2, Int>) -> Result<RowLosses, ModelError> {
        each!(self, m => m.row_losses(inputs, labels))
    }

    /// The side on which prompts are padded for generation. It is the left for a decoder, so that the new tokens follow the
    /// prompt.
    pub fn padding_side(&self) -> PaddingSide {
        match self.task() {
            Task::CausalLm => PaddingSide::Left,
            Task::Seq2SeqLm | Task::SequenceClassification => PaddingSide::Right,
        }
    }

    /// The id of the padding token.
    pub fn pad_token_id(&self) -> i64 {
        match self {
            Self::T5(m) => m.config().pad_token_id,
            Self::GPT2(m) => m.config().pad_token_id(),
            Self::Falcon(m) => m.config().pad_token_id(),
            Self::Llama(m) => m.config().pad_token_id(),
            Self::Bert(m) => m.config().pad_token_id(),
        }
    }

    /// The number of classes of a classifier; `None` for a language model.
    pub fn num_labels(&self) -> Option<usize> {
        match self {
            Self::Bert(m) => Some(m.config().labels()),
            _ => None,
        }
    }

    /// The settings of generation from the model's configuration, with `max_new_tokens`.
    pub fn generation_config(&self, max_new_tokens: usize) -> GenerationConfig {
        match self {
            Self::T5(m) => m.generation_config(max_new_tokens),
            Self::GPT2(m) => m.generation_config(max_new_tokens),
            Self::Falcon(m) => m.generation_config(max_new_tokens),
            Self::Llama(m) => m.generation_config(max_new_tokens),
            Self::Bert(_) => GenerationConfig::new(max_new_tokens, vec![]),
        }
    }
}

impl ActivationSpace for Model {
    fn info(&self) -> ModelInfo {
        self.info()
    }
}
