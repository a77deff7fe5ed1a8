use burn::module::Module;
use burn::nn::{Embedding, Linear};
use burn::tensor::{Device, Int, Tensor};
use ia3_core::{ModelInfo, Tied, model_info};

use super::config::WhisperConfig;
use super::encoder::WhisperEncoder;
use crate::bart::BartDecoder;
use crate::decoder_memory::{DecoderMemory, DecoderState};
use crate::error::ModelError;
use crate::generate::GenerationConfig;
use crate::input_features::{check_finite, features};
use crate::inputs::{ModelInputs, check_row_count};
use crate::layers::{linear, logits, own_head};
use crate::output::Trace;
use crate::seq2seq::{Facts, Seq2SeqLm};
use crate::seq2seq_methods::seq2seq_lm_methods;
use crate::state_losses::is_fixed;

/// The module that is the head.
const HEAD: &str = "proj_out";

/// The embedding of the decoder.
const EMBEDDING: &str = "model.decoder.embed_tokens";

/// The two stacks.
#[derive(Module, Debug)]
pub struct WhisperModel {
    /// The encoder.
    pub encoder: WhisperEncoder,
    /// The decoder, which has an embedding of its own.
    pub decoder: BartDecoder,
}

/// Whisper with a language-model head, which is Hugging Face's `WhisperForConditionalGeneration`.
#[derive(Module, Debug)]
pub struct WhisperForConditionalGeneration {
    /// All modules except the head.
    pub model: WhisperModel,
    /// The head, `[d_model, vocab]`; tied where it is the transposed embedding.
    pub proj_out: Tied<Linear>,
    #[module(skip)]
    config: WhisperConfig,
}

seq2seq_lm_methods!(
    WhisperForConditionalGeneration, WhisperConfig,
    task: crate::Task::SpeechSeq2Seq,
    tables: [EMBEDDING]
);

impl WhisperConfig {
    /// Makes a freshly initialised model. A weight takes no memory before it is first read.
    pub fn init(&self, device: &Device) -> WhisperForConditionalGeneration {
        let head = || linear(self.d_model, self.vocab_size, false, self.init_std, device);
        WhisperForConditionalGeneration {
            model: WhisperModel {
                encoder: WhisperEncoder::new(self, device),
                decoder: BartDecoder::new(&self.decoder_stack(), device),
            },
            proj_out: Tied::to(EMBEDDING).with_own((!self.tied_head).then(head)),
            config: self.clone(),
        }
    }
}

impl WhisperForConditionalGeneration {
    /// The facts that planning needs. They are read from shapes, so no weight is initialised.
    pub fn info(&self) -> ModelInfo {
        model_info(self, Some("whisper"), Some(HEAD))
    }

    /// Gives the model a head of its own if its head is the embedding; see
    /// [`Model::with_own_head`](crate::Model::with_own_head).
    pub fn with_own_head(mut self) -> Self {
        if self.proj_out.is_none() {
            let own = own_head(self.words());
            self.proj_out = self.proj_out.with_own(Some(own));
            self.config.tied_head = false;
        }
        self
    }

    /// The settings of generation from the model's configuration, with `max_new_tokens`.
    pub fn generation_config(&self, max_new_tokens: usize) -> GenerationConfig {
        let c = &self.config;
        GenerationConfig::new(max_new_tokens, c.eos_token_id.clone())
            .with_pad_token_id(c.pad_token_id)
            .with_decoder_prompt(c.decoder_prompt.clone())
            .with_suppress_tokens(c.suppress_tokens.clone())
            .with_begin_suppress_tokens(c.begin_suppress_tokens.clone())
    }

    fn words(&self) -> &Embedding {
        self.model.decoder.embed_tokens.as_ref().expect("the decoder has its own embedding")
    }

    fn features(&self, inputs: &ModelInputs) -> Result<Tensor<3>, ModelError> {
        features(inputs, [self.config.num_mel_bins, self.config.frames()])
    }
}

impl Seq2SeqLm for WhisperForConditionalGeneration {
    fn facts(&self) -> Facts {
        let c = &self.config;
        Facts {
            vocab_size: c.vocab_size,
            target_vocab_size: c.vocab_size,
            decoder_layers: c.decoder_layers,
            max_positions: Some(c.max_target_positions),
            pad_token_id: c.pad_token_id,
            decoder_start_token_id: c.decoder_start_token_id,
            prompted: true,
        }
    }

    fn check_inputs(&self, inputs: &ModelInputs) -> Result<(), ModelError> {
        let features = self.features(inputs)?;
        check_finite(&features)?;
        if self.config.apply_spec_augment && features.device().is_autodiff() {
            let (model_type, problem) = (
                "whisper".into(),
                "with `apply_spec_augment` in its config.json hides parts of the \
                features in training, which is not implemented; set it to false",
            );
            return Err(ModelError::Unsupported { model_type, problem });
        }
        inputs.check_decoder(self.config.vocab_size, ("input_features", Some(features.dims()[0])))
    }

    fn encode(
        &self,
        inputs: &ModelInputs,
        capacity: Option<usize>,
        trace: Trace,
    ) -> Result<DecoderMemory, ModelError> {
        let features = self.features(inputs)?;
        check_row_count(self, "input_features", features.dims()[0])?;
        let encoded = self.model.encoder.forward(features, trace);
        Ok(self.model.decoder.remember(encoded, capacity))
    }

    fn decode(
        &self,
        ids: Tensor<2, Int>,
        mask: Option<Tensor<2, Int>>,
        memory: &mut dyn DecoderState,
        trace: Trace,
    ) -> Tensor<3> {
        self.model.decoder.forward(self.words(), ids, mask, memory, trace)
    }

    fn project(&self, x: Tensor<3>) -> Tensor<3> {
        logits(&self.proj_out, self.words(), x)
    }

    fn has_fixed_head(&self) -> bool {
        is_fixed(&self.proj_out, self.words())
    }
}
