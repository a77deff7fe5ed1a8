use burn::module::Module;
use burn::nn::{Embedding, EmbeddingConfig, Linear, LinearConfig};
use burn::tensor::{Device, Int, Tensor};
use ia3_core::{ActivationSpace, ModelInfo, Tied, assert_all_touched, batch_rows, model_info};

use super::config::T5Config;
use super::init::normal;
use super::stack::{DecoderMemory, SHARED, T5Decoder, T5Encoder};
use crate::architecture::Architecture;
use crate::decode::{Steps, decode};
use crate::error::ModelError;
use crate::generate::{Generated, GenerationConfig, Step};
use crate::inputs::{ModelInputs, check_labels, check_pad, check_rows, required};
use crate::layers::{logits, own_head, states};
use crate::loss::{RowLosses, label_log_likelihoods, row_losses};
use crate::mask;
use crate::output::{ModelOutput, Trace};

/// T5 with a language-model head, which is Hugging Face's `T5ForConditionalGeneration` or `MT5ForConditionalGeneration`.
#[derive(Module, Debug)]
pub struct T5ForConditionalGeneration {
    /// The embedding of each stack that has none of its own, and of a tied head, `[vocab, d_model]`.
    pub shared: Embedding,
    /// The encoder.
    pub encoder: T5Encoder,
    /// The decoder.
    pub decoder: T5Decoder,
    /// The head, `[d_model, vocab]`; tied where it is the transposed embedding.
    pub lm_head: Tied<Linear>,
    #[module(skip)]
    config: T5Config,
}

impl ActivationSpace for T5ForConditionalGeneration {
    fn info(&self) -> ModelInfo {
        self.info()
    }

    fn embeddings_by_row(&self) -> Vec<String> {
        self.token_embeddings()
    }

    fn float32_states(&self) -> bool {
        self.config.float32_states
    }
}

impl T5Config {
    /// Makes a freshly initialised embedding.
    pub(crate) fn embedding(&self, device: &Device) -> Embedding {
        EmbeddingConfig::new(self.vocab_size, self.d_model).with_initializer(normal(self, 1.0)).init(device)
    }

    /// Makes a freshly initialised model. A weight takes no memory before it is first read.
    pub fn init(&self, device: &Device) -> T5ForConditionalGeneration {
        let head = LinearConfig::new(self.d_model, self.vocab_size)
            .with_bias(false)
            .with_initializer(normal(self, 1.0));
        T5ForConditionalGeneration {
            shared: self.embedding(device),
            encoder: T5Encoder::new(self, device),
            decoder: T5Decoder::new(self, device),
            lm_head: Tied::to(SHARED).with_own((!self.tie_lm_head).then(|| head.init(device))),
            config: self.clone(),
        }
    }
}

impl T5ForConditionalGeneration {
    /// The configuration that the model was made from.
    pub fn config(&self) -> &T5Config {
        &self.config
    }

    /// The facts that planning needs. They are read from shapes, so no weight is initialised.
    pub fn info(&self) -> ModelInfo {
        model_info(self, Some(&self.config.model_type), Some("lm_head"))
    }

    /// Gives the model a head of its own if its head is the embedding; see
    /// [`Model::with_own_head`](crate::Model::with_own_head).
    pub fn with_own_head(mut self) -> Self {
        if self.lm_head.is_none() {
            let own = own_head(&self.shared);
            self.lm_head = self.lm_head.with_own(Some(own));
            self.config.tie_lm_head = false;
        }
        self
    }

    /// Computes the logits `[batch, decoder_seq, vocab]` of the whole input of the decoder.
    ///
    /// # Errors
    ///
    /// [`ModelError::Input`] if `input_ids` or `decoder_input_ids` is missing, or a shape or an id does not fit.
    pub fn forward(&self, inputs: &ModelInputs) -> Result<Tensor<3>, ModelError> {
        Ok(self.run(inputs, false)?.logits)
    }

    pub(crate) fn run(&self, inputs: &ModelInputs, traced: bool) -> Result<ModelOutput, ModelError> {
        let (mut encoder, mut decoder) = (vec![], vec![]);
        let traces = [&mut encoder, &mut decoder].map(|states| Trace::into(traced.then_some(states)));
        let x = self.states(inputs, traces)?;
        let logits = ModelOutput::new(self.head(x));
        assert_all_touched(self);
        Ok(ModelOutput { encoder_hidden_states: encoder, decoder_hidden_states: decoder, ..logits })
    }

    /// Computes only the logits `[batch, vocab]` at the last real token of each row of the decoder's input.
    ///
    /// # Errors
    ///
    /// The errors are those of [`forward`](Self::forward).
    pub fn last_logits(&self, inputs: &ModelInputs) -> Result<Tensor<2>, ModelError> {
        let x = self.states(inputs, Default::default())?;
        let logits = self.head(mask::last_real(x, inputs.decoder_attention_mask.as_ref())).squeeze_dim(1);
        assert_all_touched(self);
        Ok(logits)
    }

    /// Computes the hidden states `[batch, decoder_seq, d_model]` of the decoder.
    fn states(&self, inputs: &ModelInputs, [encoder, decoder]: [Trace; 2]) -> Result<Tensor<3>, ModelError> {
        inputs.check(self.config.vocab_size)?;
        let decoder_ids = required("decoder_input_ids", &inputs.decoder_input_ids)?;
        let mut memory = self.encode(inputs, None, encoder)?;
        let x = self.embed_target(decoder_ids);
        Ok(self.decoder.forward(x, inputs.decoder_attention_mask.clone(), &mut memory, decoder))
    }

    /// Encodes the input and prepares the decoder. With a `capacity`, the decoder decodes step by step.
    fn encode(
        &self,
        inputs: &ModelInputs,
        capacity: Option<usize>,
        trace: Trace,
    ) -> Result<DecoderMemory, ModelError> {
        check_rows(self, &inputs.input_ids)?;
        let ids = required("input_ids", &inputs.input_ids)?;
        let mask = inputs.attention_mask.clone().unwrap_or_else(|| ids.ones_like());
        let table = self.encoder.embed_tokens.as_ref().unwrap_or(&self.shared);
        let x = states(table, ids, self.config.float32_states);
        let padding = mask::padding(mask, x.dtype());
        let encoded = self.encoder.forward(x, padding.clone(), trace);
        Ok(self.decoder.remember(encoded, padding, capacity))
    }

    /// Embeds ids `[batch, seq]` of the decoder.
    fn embed_target(&self, ids: Tensor<2, Int>) -> Tensor<3> {
        let table = self.decoder.embed_tokens.as_ref().unwrap_or(&self.shared);
        states(table, ids, self.config.float32_states)
    }

    /// Computes the logits of the decoder's outputs `[batch, seq, d_model]`.
    fn head(&self, x: Tensor<3>) -> Tensor<3> {
        let x = match self.config.scale_decoder_outputs {
            true => x * (self.config.d_model as f64).powf(-0.5),
            false => x,
        };
        logits(&self.lm_head, &self.shared, x)
    }

    /// The settings of generation from the model's configuration, with `max_new_tokens`.
    pub fn generation_config(&self, max_new_tokens: usize) -> GenerationConfig {
        let config = GenerationConfig::new(max_new_tokens, self.config.eos_token_id.clone());
        config.with_pad_token_id(self.config.pad_token_id)
    }

    /// Generates from `input_ids` and `attention_mask`. The encoder runs once, and keys and values are cached.
    ///
    /// # Errors
    ///
    /// - The errors of [`forward`](Self::forward).
    /// - [`ModelError::Generation`]: a setting has a value that is not possible.
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
        inputs.check(self.config.vocab_size)?;
        let ids = required("input_ids", &inputs.input_ids)?;
        let mut memory = self.encode(inputs, Some(config.max_new_tokens), Trace::default())?;
        let start = Tensor::full([ids.dims()[0], 1], self.config.decoder_start_token_id, &ids.device());
        let first = start.clone();
        let next = |_, tokens: Option<Tensor<2, Int>>| {
            let x = self.embed_target(tokens.unwrap_or_else(|| first.clone()));
            self.head(self.decoder.forward(x, None, &mut memory, Trace::default())).squeeze_dim(1)
        };
        let generated = decode(Steps { start, config, next }, on_step)?;
        assert_all_touched(self);
        Ok(generated)
    }

    /// The mean cross entropy per target token of `labels` `[batch, seq]`, without those that are
    /// [`IGNORE_INDEX`](crate::IGNORE_INDEX). If there is no input for the decoder, it is made from the labels with
    /// [`shift_right`](Self::shift_right).
    ///
    /// # Errors
    ///
    /// The errors are those of [`forward`](Self::forward).
    pub fn loss(&self, inputs: &ModelInputs, labels: Tensor<2, Int>) -> Result<Tensor<1>, ModelError> {
        Ok(self.row_losses(inputs, labels)?.mean())
    }

    /// The cross entropy of each row, as in [`loss`](Self::loss).
    ///
    /// # Errors
    ///
    /// The errors are those of [`forward`](Self::forward).
    pub fn row_losses(&self, inputs: &ModelInputs, labels: Tensor<2, Int>) -> Result<RowLosses, ModelError> {
        let positions = inputs.decoder_input_ids.as_ref().map_or(labels.dims(), Tensor::dims);
        check_labels(&labels, positions, self.config.vocab_size)?;
        let mut inputs = inputs.clone();
        if inputs.decoder_input_ids.is_none() {
            self.check_pad()?;
            inputs.decoder_input_ids = Some(self.shift_right(labels.clone()));
        }
        Ok(row_losses(self.forward(&inputs)?, labels))
    }

    /// The log-likelihoods `[rows, seq]` of `labels` `[rows, seq]`. They are 0 for labels that are
    /// [`IGNORE_INDEX`](crate::IGNORE_INDEX).
    ///
    /// Row `r` of the labels is a text after row `input_of[r]` of the inputs. Each input is encoded once, and its keys and
    /// values for the decoder are computed once. The input of the decoder is [`shift_right`](Self::shift_right) of the labels.
    /// If the rows have their own adapters ([`attach_rows`](ia3_core::attach_rows)), these rows are those of the labels, and
    /// each of them encodes its input.
    ///
    /// # Errors
    ///
    /// [`ModelError::Input`] if `input_ids` is missing, or if a shape, an id or a row does not fit.
    pub fn log_likelihoods(
        &self,
        inputs: &ModelInputs,
        labels: Tensor<2, Int>,
        input_of: &[usize],
    ) -> Result<Tensor<2>, ModelError> {
        inputs.check(self.config.vocab_size)?;
        let sources = required("input_ids", &inputs.input_ids)?.dims()[0];
        check_labels(&labels, [input_of.len(), labels.dims()[1]], self.config.vocab_size)?;
        self.check_pad()?;
        if let Some(row) = input_of.iter().find(|row| **row >= sources) {
            let problem = format!("names row {row} of {sources} inputs");
            return Err(ModelError::Input { name: "input_of", problem });
        }
        let index: Vec<i64> = input_of.iter().map(|&row| row as i64).collect();
        let index = Tensor::from_ints(index.as_slice(), &labels.device());
        let mut memory = match batch_rows(self) {
            None => self.encode(inputs, None, Trace::default())?.select(index),
            Some(_) => self.encode(&inputs.select(index), None, Trace::default())?,
        };
        let x = self.embed_target(self.shift_right(labels.clone()));
        let x = self.decoder.forward(x, None, &mut memory, Trace::default());
        let logits = self.head(x);
        assert_all_touched(self);
        Ok(label_log_likelihoods(logits, labels))
    }

    /// Checks the padding token, which [`shift_right`](Self::shift_right) uses.
    fn check_pad(&self) -> Result<(), ModelError> {
        let (pad, vocab) = (self.config.pad_token_id, self.config.vocab_size);
        check_pad((0..vocab as i64).contains(&pad), pad, vocab)
    }

    /// The decoder's input for `labels` `[batch, seq]`. It is the start token followed by all labels except the last, with the
    /// padding token in place of ignored labels.
    pub fn shift_right(&self, labels: Tensor<2, Int>) -> Tensor<2, Int> {
        let [batch, seq] = labels.dims();
        let ignored = labels.clone().equal_scalar(crate::IGNORE_INDEX);
        let labels = labels.mask_fill(ignored, self.config.pad_token_id);
        let start = labels.zeros_like().slice([0..batch, 0..1]) + self.config.decoder_start_token_id;
        Tensor::cat(vec![start, labels.slice([0..batch, 0..seq - 1])], 1)
    }
}
