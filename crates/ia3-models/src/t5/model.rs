use burn::module::Module;
use burn::nn::{Embedding, EmbeddingConfig, Linear, LinearConfig};
use burn::tensor::{Device, Int, Tensor};
use ia3_core::{ModelInfo, Tied, model_info};

use super::config::T5Config;
use super::init::normal;
use super::stack::{SHARED, T5Decoder, T5Encoder};
use super::stack::{decoded, encoded};
use crate::decoder_memory::{DecoderMemory, DecoderState};
use crate::error::ModelError;
use crate::generate::GenerationConfig;
use crate::inputs::ModelInputs;
use crate::layers::{logits, own_head};
use crate::output::Trace;
use crate::seq2seq::{Facts, Seq2SeqLm, source_tokens};
use crate::seq2seq_methods::seq2seq_lm_methods;
use crate::state_losses::is_fixed;

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

seq2seq_lm_methods!(
    T5ForConditionalGeneration, T5Config,
    task: crate::Task::Seq2SeqLm,
    tables: ["encoder.embed_tokens", "decoder.embed_tokens"]
);

impl T5Config {
    /// Makes a freshly initialised embedding.
    pub(crate) fn embedding(&self, device: &Device) -> Embedding {
        EmbeddingConfig::new(self.vocab_size, self.d_model).with_initializer(normal(self, 1.0)).init(device)
    }

    /// Makes a freshly initialised language model. A weight takes no memory before it is first read.
    pub fn init_lm(&self, device: &Device) -> T5ForConditionalGeneration {
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

    /// The settings of generation from the model's configuration, with `max_new_tokens`.
    pub fn generation_config(&self, max_new_tokens: usize) -> GenerationConfig {
        let config = GenerationConfig::new(max_new_tokens, self.config.eos_token_id.clone());
        config.with_pad_token_id(self.config.pad_token_id)
    }
}

impl Seq2SeqLm for T5ForConditionalGeneration {
    fn facts(&self) -> Facts {
        let T5Config { vocab_size, pad_token_id, decoder_start_token_id, .. } = self.config;
        Facts {
            vocab_size,
            target_vocab_size: vocab_size,
            decoder_layers: self.config.num_decoder_layers,
            max_positions: None,
            pad_token_id,
            decoder_start_token_id,
            prompted: false,
        }
    }

    fn encode(
        &self,
        inputs: &ModelInputs,
        capacity: Option<usize>,
        trace: Trace,
    ) -> Result<DecoderMemory, ModelError> {
        let (ids, mask) = source_tokens(self, inputs)?;
        let (encoded, padding) = encoded(&self.config, (&self.shared, &self.encoder), ids, mask, trace);
        Ok(self.decoder.remember(encoded, padding, capacity))
    }

    fn decode(
        &self,
        ids: Tensor<2, Int>,
        mask: Option<Tensor<2, Int>>,
        memory: &mut dyn DecoderState,
        trace: Trace,
    ) -> Tensor<3> {
        decoded(&self.config, (&self.shared, &self.decoder), ids, mask, memory, trace)
    }

    fn project(&self, x: Tensor<3>) -> Tensor<3> {
        let x = match self.config.scale_decoder_outputs {
            true => x * (self.config.d_model as f64).powf(-0.5),
            false => x,
        };
        logits(&self.lm_head, &self.shared, x)
    }

    fn has_fixed_head(&self) -> bool {
        is_fixed(&self.lm_head, &self.shared)
    }
}
