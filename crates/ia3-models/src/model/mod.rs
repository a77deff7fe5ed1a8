//! One type for the models of all architectures.

use burn::tensor::{Device, Int, Tensor};
use ia3_core::config::FeedForward;
use ia3_core::{ActivationSpace, ModelInfo};

use crate::architecture::{Architecture, ArchitectureConfig, with_architectures};
use crate::delegating_module::delegating_module;
use crate::encoder::ProblemType;
use crate::error::ModelError;
use crate::feed_forward_pairs::feed_forwards;
use crate::generate::{Generated, GenerationConfig, Step};
use crate::image::ImageShape;
use crate::input_features::SoundShape;
use crate::inputs::{ModelInputs, PaddingSide, check_row_ids};
use crate::loss::{RowLosses, TokenPredictions};
use crate::output::ModelOutput;
use crate::shape::HasShape;
use crate::task::Task;

macro_rules! define_model {
    (() $($(#[$doc:meta])* $name:ident: $model:ty, $config:ty;)*) => {
        /// A model of any supported architecture, as one burn module. The paths inside it are those of the architecture's
        /// own type.
        #[derive(Clone, Debug)]
        #[allow(clippy::large_enum_variant)] // A program has few models, and their weights are behind pointers.
        pub enum Model {
            $($(#[$doc])* $name($model),)*
        }
    };
}

with_architectures!(define_model!());

macro_rules! match_model {
    (($model:expr, $inner:ident => $body:expr) $($(#[$doc:meta])* $name:ident: $m:ty, $config:ty;)*) => {
        match $model {
            $(Model::$name($inner) => $body,)*
        }
    };
}

macro_rules! map_model {
    (($model:expr, $inner:ident => $body:expr) $($(#[$doc:meta])* $name:ident: $m:ty, $config:ty;)*) => {
        match $model {
            $(Model::$name($inner) => Model::$name($body),)*
        }
    };
}

/// Evaluates an expression on the model of whichever architecture it is.
macro_rules! each {
    ($model:expr, $inner:ident => $body:expr) => {
        with_architectures!(match_model!($model, $inner => $body))
    };
}

/// Evaluates an expression as `each!` does, and wraps the result in the same variant.
macro_rules! map_each {
    ($model:expr, $inner:ident => $body:expr) => {
        with_architectures!(map_model!($model, $inner => $body))
    };
}

delegating_module!(Model, each, map_each);

mod slots; // Behind the macro that it uses.

impl Model {
    /// The facts that planning needs. They are read from shapes, so no weight is initialised.
    pub fn info(&self) -> ModelInfo {
        each!(self, m => Architecture::info(m))
    }

    /// The feed-forward blocks in which factors of the last layer's inputs can move to the layer before: those with a gate, and
    /// those of two layers with a ReLU between them.
    pub fn feed_forwards(&self) -> Vec<FeedForward> {
        feed_forwards(&self.info(), each!(self, m => m.config().activation()))
    }

    /// The number of ids of the vocabulary, or 0 for a model of images.
    pub fn vocab_size(&self) -> usize {
        each!(self, m => ArchitectureConfig::vocab_size(m.config()))
    }

    /// The shape of the images that the model reads ([`ModelInputs::pixel_values`]), or `None` for a model of texts.
    pub fn image(&self) -> Option<ImageShape> {
        each!(self, m => ArchitectureConfig::image(m.config()))
    }

    /// The shape of the features of sound that the model reads ([`ModelInputs::input_features`]), or `None` for other models.
    pub fn sound(&self) -> Option<SoundShape> {
        each!(self, m => ArchitectureConfig::sound(m.config()))
    }

    /// Rows of ids as one batch, padded on `side` to the longest ([`ModelInputs::from_rows`]).
    ///
    /// # Errors
    ///
    /// [`ModelError::Input`] for an id outside the vocabulary, and [`ModelError::PaddingToken`] if rows of different lengths
    /// have no token to be padded with.
    pub fn batch(
        &self,
        rows: &[Vec<i64>],
        side: PaddingSide,
        device: &Device,
    ) -> Result<ModelInputs, ModelError> {
        check_row_ids(rows, self.pad_token_id(), self.vocab_size())?;
        Ok(ModelInputs::from_rows(rows, self.pad_token_id(), side, device))
    }

    /// Rows of token types as a batch that fits [`batch`](Self::batch), padded with 0. `None` if the model does not tell the texts of
    /// an input apart by types.
    pub fn token_type_batch(
        &self,
        rows: &[Vec<i64>],
        side: PaddingSide,
        device: &Device,
    ) -> Option<Tensor<2, Int>> {
        let batch = || ModelInputs::from_rows(rows, 0, side, device).input_ids;
        (self.token_types() > 1).then(batch).flatten()
    }

    /// The task that the model performs.
    pub fn task(&self) -> Task {
        each!(self, m => Architecture::task(m))
    }

    /// Gives the model a head of its own if its head is the embedding, so that [`quantize`](ia3_core::quantize) can quantise the
    /// head without the embedding. The results of the model do not change, and head and embedding share their memory until one
    /// of them is quantised.
    pub fn with_own_head(self) -> Self {
        map_each!(self, m => Architecture::with_own_head(m))
    }

    /// Computes the logits: `[batch, seq, vocab]`, where `seq` is the length of the decoder's input, `[batch, 1, num_labels]` for
    /// a classifier, or `[batch, 1, choices]` for a model that chooses.
    ///
    /// # Errors
    ///
    /// [`ModelError::Input`] if an input is missing or does not fit.
    pub fn forward(&self, inputs: &ModelInputs) -> Result<Tensor<3>, ModelError> {
        Ok(each!(self, m => Architecture::run(m, inputs, false))?.logits)
    }

    /// Computes the logits as [`forward`](Self::forward) does, and returns the hidden states of every layer too.
    ///
    /// # Errors
    ///
    /// The errors are those of [`forward`](Self::forward).
    pub fn forward_traced(&self, inputs: &ModelInputs) -> Result<ModelOutput, ModelError> {
        each!(self, m => Architecture::run(m, inputs, true))
    }

    /// The last hidden states of the tokens, `[batch, seq, d]`: what an encoder without a head returns, or what the head of another
    /// encoder or of a decoder reads.
    ///
    /// # Errors
    ///
    /// - [`ModelError::Input`] if an input is missing or does not fit.
    /// - [`ModelError::Unsupported`]: the model is an encoder-decoder.
    pub fn last_hidden_state(&self, inputs: &ModelInputs) -> Result<Tensor<3>, ModelError> {
        if self.task() == Task::FeatureExtraction {
            return self.forward(inputs);
        }
        let unsupported = || {
            let problem = "is an encoder-decoder, of which no one stack of hidden states stands for a text";
            let model_type = each!(self, m => ArchitectureConfig::model_type(m.config()).to_string());
            ModelError::Unsupported { model_type, problem }
        };
        match self.task() {
            Task::Seq2SeqLm | Task::SpeechSeq2Seq => Err(unsupported()),
            _ => self.forward_traced(inputs)?.hidden_states.pop().ok_or_else(unsupported),
        }
    }

    /// Computes the logits at the last real token of each batch entry, `[batch, vocab]`, `[batch, num_labels]` for a
    /// classifier, or `[batch, choices]` for a model that chooses.
    ///
    /// # Errors
    ///
    /// The errors are those of [`forward`](Self::forward).
    pub fn last_logits(&self, inputs: &ModelInputs) -> Result<Tensor<2>, ModelError> {
        each!(self, m => Architecture::last_logits(m, inputs))
    }

    /// Generates from `input_ids` and `attention_mask`, or from `input_features`. Keys and values are cached.
    ///
    /// A decoder continues its prompts, which may be padded on either side. An encoder-decoder generates answers to its inputs;
    /// `decoder_input_ids` are what the answers of Whisper begin with.
    ///
    /// # Errors
    ///
    /// - [`ModelError::Input`]: an input is missing or does not fit.
    /// - [`ModelError::Generation`]: a setting has a value that is not possible.
    /// - [`ModelError::Unsupported`]: the model has no decoder.
    pub fn generate(&self, inputs: &ModelInputs, config: &GenerationConfig) -> Result<Generated, ModelError> {
        self.generate_with(inputs, config, |_| ())
    }

    /// Generates as [`generate`](Self::generate) does, and calls `on_step` after each step.
    ///
    /// # Errors
    ///
    /// The errors are those of [`generate`](Self::generate).
    pub fn generate_with(
        &self,
        inputs: &ModelInputs,
        config: &GenerationConfig,
        on_step: impl FnMut(Step),
    ) -> Result<Generated, ModelError> {
        each!(self, m => Architecture::generate_with(m, inputs, config, on_step))
    }

    /// The mean cross entropy; see [`cross_entropy`](crate::cross_entropy).
    ///
    /// For an encoder-decoder, `labels` are the targets `[batch, seq]`; if there is no input for the decoder, it is made from
    /// them. For a decoder, they are the tokens `[batch, seq]`, which the function shifts. For a classifier, they are the
    /// classes `[batch, 1]`. For a classifier of tokens they are `[batch, seq]`, and for a model that answers questions
    /// `[batch, 2]`: the first and the last token of the span. For a masked language model they are the hidden tokens
    /// `[batch, seq]`, and for a model that chooses the right choices `[batch, 1]`.
    ///
    /// # Errors
    ///
    /// [`ModelError::Input`] if an input is missing or does not fit.
    pub fn loss(&self, inputs: &ModelInputs, labels: Tensor<2, Int>) -> Result<Tensor<1>, ModelError> {
        Ok(self.row_losses(inputs, labels)?.mean())
    }

    /// The cross entropy of each batch entry, as in [`loss`](Self::loss).
    ///
    /// # Errors
    ///
    /// The errors are those of [`loss`](Self::loss).
    pub fn row_losses(&self, inputs: &ModelInputs, labels: Tensor<2, Int>) -> Result<RowLosses, ModelError> {
        each!(self, m => Architecture::row_losses(m, inputs, labels))
    }

    /// The losses of a classifier of tokens or of a masked language model, and the most likely class of each token that has a label.
    /// `labels` are `[batch, seq]`.
    ///
    /// The logits of a masked language model are computed for the labels only, some at a time. No gradient is computed.
    ///
    /// # Errors
    ///
    /// - The errors of [`loss`](Self::loss).
    /// - [`ModelError::Unsupported`]: the model has no classes of tokens.
    pub fn token_predictions(
        &self,
        inputs: &ModelInputs,
        labels: Tensor<2, Int>,
    ) -> Result<TokenPredictions, ModelError> {
        each!(self, m => Architecture::token_predictions(m, inputs, labels))
    }

    /// The loss of each batch entry of a regression, or of a classification with several labels per entry. `values`
    /// `[batch, num_labels]` are the numbers, or 1 for each class that the entry has and 0 for each other class.
    ///
    /// # Errors
    ///
    /// - The errors of [`loss`](Self::loss).
    /// - [`ModelError::Unsupported`]: the labels of the model are ids; see [`problem`](Self::problem).
    pub fn value_losses(&self, inputs: &ModelInputs, values: Tensor<2>) -> Result<RowLosses, ModelError> {
        each!(self, m => Architecture::value_losses(m, inputs, values))
    }

    /// The side on which prompts are padded for generation. It is the left for a decoder, so that the new tokens follow the
    /// prompt.
    pub fn padding_side(&self) -> PaddingSide {
        match self.task() {
            Task::CausalLm => PaddingSide::Left,
            _ => PaddingSide::Right,
        }
    }

    /// The id of the padding token.
    pub fn pad_token_id(&self) -> i64 {
        each!(self, m => Architecture::pad_token_id(m))
    }

    /// The number of token types, by which an encoder tells two texts of one input apart
    /// ([`ModelInputs::token_type_ids`]); 0 if the model has none.
    pub fn token_types(&self) -> usize {
        each!(self, m => Architecture::token_types(m))
    }

    /// The class of transformers that an encoder with its head is, such as `BertForTokenClassification`; `None` for a language
    /// model.
    pub fn architecture(&self) -> Option<String> {
        each!(self, m => Architecture::class_name(m))
    }

    /// The kind of a classification of sequences, or `None` for a model with another task.
    pub fn problem(&self) -> Option<ProblemType> {
        each!(self, m => Architecture::problem(m))
    }

    /// Names under which transformers saves parameters and which are not their paths: (the path, the name). The head of
    /// GPT-NeoX and the blocks of ViT have such names.
    pub fn checkpoint_names(&self) -> Vec<(String, String)> {
        each!(self, m => Architecture::checkpoint_names(m))
    }

    /// The number of classes of a classifier, or `None` for a language model and for one without a head.
    pub fn num_labels(&self) -> Option<usize> {
        each!(self, m => Architecture::num_labels(m))
    }

    /// The settings of generation from the model's configuration, with `max_new_tokens`.
    pub fn generation_config(&self, max_new_tokens: usize) -> GenerationConfig {
        each!(self, m => Architecture::generation_config(m, max_new_tokens))
    }

    /// The log-likelihoods `[rows, tokens]` of `labels`, which are the padded texts of `inputs`.
    pub(crate) fn label_log_likelihoods(
        &self,
        inputs: &[(&[i64], &[Vec<i64>])],
        labels: Tensor<2, Int>,
        device: &Device,
    ) -> Result<Tensor<2>, ModelError> {
        each!(self, m => Architecture::log_likelihoods(m, inputs, labels, device))
    }
}

impl ActivationSpace for Model {
    fn info(&self) -> ModelInfo {
        self.info()
    }

    fn feed_forwards(&self) -> Vec<FeedForward> {
        self.feed_forwards()
    }

    fn embeddings_by_row(&self) -> Vec<String> {
        each!(self, m => Architecture::token_embeddings(m))
    }

    fn float32_states(&self) -> bool {
        each!(self, m => Architecture::float32_states(m))
    }
}
