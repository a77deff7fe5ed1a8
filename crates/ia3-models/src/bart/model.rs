use burn::module::{Module, Param};
use burn::nn::{Embedding, Initializer, Linear};
use burn::tensor::{Device, Int, Tensor};
use ia3_core::{ModelInfo, Tied, model_info};

use super::config::{BartConfig, BartPositions};
use super::stack::{BartDecoder, BartEncoder};
use crate::decoder_memory::{DecoderMemory, DecoderState};
use crate::error::ModelError;
use crate::generate::GenerationConfig;
use crate::inputs::ModelInputs;
use crate::layers::{embedding, linear, logits, own_head};
use crate::output::Trace;
use crate::seq2seq::{Facts, Seq2SeqLm, source_tokens};
use crate::seq2seq_methods::seq2seq_lm_methods;
use crate::state_losses::is_fixed;

/// The two stacks and the embedding that they share.
#[derive(Module, Debug)]
pub struct BartModel {
    /// The embedding of each stack that has none of its own, `[vocab, d_model]`. A Marian model whose stacks do not share their
    /// embeddings has none.
    pub shared: Option<Embedding>,
    /// The encoder.
    pub encoder: BartEncoder,
    /// The decoder.
    pub decoder: BartDecoder,
}

/// BART, mBART, Marian or M2M-100 with a language-model head, which is Hugging Face's `BartForConditionalGeneration`,
/// `MarianMTModel` and so on.
#[derive(Module, Debug)]
pub struct BartForConditionalGeneration {
    /// All modules except the head.
    pub model: BartModel,
    /// The head, `[d_model, vocab]`; tied where it is the transposed embedding.
    pub lm_head: Tied<Linear>,
    /// The bias of the logits, `[1, vocab]`, if the checkpoint holds one. It is never trained.
    pub final_logits_bias: Option<Param<Tensor<2>>>,
    #[module(skip)]
    config: BartConfig,
}

seq2seq_lm_methods!(
    BartForConditionalGeneration, BartConfig,
    task: crate::Task::Seq2SeqLm,
    tables: ["model.encoder.embed_tokens", "model.decoder.embed_tokens"]
);

impl BartConfig {
    /// Makes a freshly initialised model. A weight takes no memory before it is first read.
    pub fn init(&self, device: &Device) -> BartForConditionalGeneration {
        let (d, vocab, std) = (self.d_model, self.decoder_vocab_size, self.init_std);
        let shared = || embedding(self.vocab_size, d, std, device);
        let table = if self.share_embeddings { "model.shared" } else { "model.decoder.embed_tokens" };
        let head = || linear(d, vocab, false, std, device);
        let bias = || Initializer::Zeros.init([1, vocab], device);
        BartForConditionalGeneration {
            model: BartModel {
                shared: self.share_embeddings.then(shared),
                encoder: BartEncoder::new(&self.encoder_stack(), device),
                decoder: BartDecoder::new(&self.decoder_stack(), device),
            },
            lm_head: Tied::to(table).with_own((!self.tied_head).then(head)),
            final_logits_bias: self.logits_bias.then(bias),
            config: self.clone(),
        }
    }
}

impl BartForConditionalGeneration {
    /// The facts that planning needs. They are read from shapes, so no weight is initialised.
    pub fn info(&self) -> ModelInfo {
        model_info(self, Some(&self.config.model_type), Some("lm_head"))
    }

    /// Gives the model a head of its own if its head is the embedding; see
    /// [`Model::with_own_head`](crate::Model::with_own_head).
    pub fn with_own_head(mut self) -> Self {
        if self.lm_head.is_none() {
            let own = own_head(self.head_table());
            self.lm_head = self.lm_head.with_own(Some(own));
            self.config.tied_head = false;
        }
        self
    }

    /// The settings of generation from the model's configuration, with `max_new_tokens`.
    pub fn generation_config(&self, max_new_tokens: usize) -> GenerationConfig {
        let c = &self.config;
        GenerationConfig::new(max_new_tokens, c.eos_token_id.clone())
            .with_pad_token_id(c.pad_token_id)
            .with_forced_bos_token_id(c.forced_bos_token_id)
            .with_forced_eos_token_id(c.forced_eos_token_id)
            .with_suppress_tokens(c.suppress_tokens.clone())
    }

    /// The embedding that a tied head is.
    fn head_table(&self) -> &Embedding {
        self.model.shared.as_ref().unwrap_or_else(|| self.target_words())
    }

    fn source_words(&self) -> &Embedding {
        words(&self.model.encoder.embed_tokens, &self.model.shared)
    }

    fn target_words(&self) -> &Embedding {
        words(&self.model.decoder.embed_tokens, &self.model.shared)
    }
}

/// The embedding of a stack. A configuration without a shared embedding gives each stack its own.
fn words<'a>(own: &'a Option<Embedding>, shared: &'a Option<Embedding>) -> &'a Embedding {
    own.as_ref().or(shared.as_ref()).expect("stacks without a shared embedding have their own")
}

impl Seq2SeqLm for BartForConditionalGeneration {
    fn facts(&self) -> Facts {
        let c = &self.config;
        let limited = c.positions != BartPositions::SinusoidalOfTokens;
        Facts {
            vocab_size: c.vocab_size,
            target_vocab_size: c.decoder_vocab_size,
            decoder_layers: c.decoder_layers,
            max_positions: limited.then_some(c.max_position_embeddings),
            pad_token_id: c.pad_token_id,
            decoder_start_token_id: c.decoder_start_token_id,
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
        let encoded = self.model.encoder.forward(self.source_words(), ids, mask, trace);
        Ok(self.model.decoder.remember(encoded, capacity))
    }

    fn decode(
        &self,
        ids: Tensor<2, Int>,
        mask: Option<Tensor<2, Int>>,
        memory: &mut dyn DecoderState,
        trace: Trace,
    ) -> Tensor<3> {
        self.model.decoder.forward(self.target_words(), ids, mask, memory, trace)
    }

    fn project(&self, x: Tensor<3>) -> Tensor<3> {
        let logits = logits(&self.lm_head, self.head_table(), x);
        match &self.final_logits_bias {
            Some(bias) => logits.clone() + bias.val().cast(logits.dtype()).unsqueeze::<3>(),
            None => logits,
        }
    }

    fn has_fixed_head(&self) -> bool {
        let trained = self.final_logits_bias.as_ref().is_some_and(|bias| bias.is_require_grad());
        !trained && is_fixed(&self.lm_head, self.head_table())
    }

    fn first_tokens(&self, labels: &Tensor<2, Int>) -> Tensor<2, Int> {
        match self.config.model_type.as_str() {
            "mbart" => last_real(labels.clone(), self.config.pad_token_id),
            _ => labels.zeros_like().narrow(1, 0, 1) + self.config.decoder_start_token_id,
        }
    }
}

/// The token `[batch, 1]` at the number of tokens that are not `pad`, which is the last real one of a row that is padded on the
/// right (`shift_tokens_right` of `modeling_mbart.py`).
fn last_real(ids: Tensor<2, Int>, pad: i64) -> Tensor<2, Int> {
    let last = ids.clone().not_equal_scalar(pad).int().sum_dim(1) - 1;
    ids.gather(1, last.clamp_min(0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Model;
    use crate::{IGNORE_INDEX, ModelConfig};

    fn tiny(model_type: &str) -> Model {
        let json = format!(
            r#"{{"model_type": "{model_type}", "vocab_size": 11, "d_model": 8, "encoder_layers": 1, "decoder_layers": 2,
                "encoder_attention_heads": 2, "decoder_attention_heads": 2, "encoder_ffn_dim": 6, "decoder_ffn_dim": 6,
                "max_position_embeddings": 5, "pad_token_id": 1, "eos_token_id": 2, "decoder_start_token_id": 2,
                "forced_eos_token_id": 2}}"#
        );
        ModelConfig::from_json(&json).unwrap().init(&Device::flex())
    }

    fn ids<const R: usize, const C: usize>(ids: [[i64; C]; R]) -> Tensor<2, Int> {
        Tensor::from_ints(ids, &Device::flex())
    }

    fn shifted(model_type: &str) -> Vec<i64> {
        let Model::Bart(model) = tiny(model_type) else { unreachable!() };
        let labels = ids([[5, 6, 2, 9], [7, 2, 8, IGNORE_INDEX]]);
        model.shift_right(labels).into_data().iter::<i64>().collect()
    }

    #[test]
    fn mbart_starts_with_the_last_token_and_others_with_their_start_token() {
        assert_eq!(shifted("mbart"), [9, 5, 6, 2, 8, 7, 2, 8]);
        assert_eq!(shifted("bart"), [2, 5, 6, 2, 2, 7, 2, 8]);
    }

    #[test]
    fn what_is_longer_than_the_table_of_positions_is_refused() {
        let first = |id, length| ids([[id; 6]]).narrow(1, 0, length);
        let inputs = |source, target| ModelInputs::seq2seq(first(3, source), first(4, target));
        for model_type in ["bart", "marian"] {
            let model = tiny(model_type);
            assert!(model.forward(&inputs(5, 5)).is_ok());
            let source = model.forward(&inputs(6, 5)).unwrap_err().to_string();
            assert!(
                source.contains("`input_ids` has 6 tokens per row, but the model has 5 positions"),
                "{source}"
            );
            let target = model.forward(&inputs(5, 6)).unwrap_err().to_string();
            assert!(target.contains("`decoder_input_ids` has 6 tokens per row"), "{target}");
            let new = model.generate(&inputs(5, 1), &model.generation_config(6)).unwrap_err().to_string();
            assert!(new.contains("max_new_tokens"), "{new}");
            assert_eq!(model.generate(&inputs(5, 1), &model.generation_config(5)).unwrap().ids.dims()[0], 1);
        }
        assert!(tiny("m2m_100").forward(&inputs(6, 6)).is_ok(), "M2M-100 has no table");
    }

    #[test]
    fn skipped_blocks_leave_the_states_as_they_are_and_give_gradients() {
        let device = Device::flex().autodiff();
        let json = r#"{"model_type": "m2m_100", "vocab_size": 11, "d_model": 8, "encoder_layers": 2, "decoder_layers": 1,
            "encoder_attention_heads": 2, "decoder_attention_heads": 2, "encoder_ffn_dim": 6, "decoder_ffn_dim": 6, "dropout": 0,
            "attention_dropout": 0, "pad_token_id": 1, "decoder_layerdrop": 0, "encoder_layerdrop": 0.999999999}"#;
        let ModelConfig::Bart(config) = ModelConfig::from_json(json).unwrap() else { unreachable!() };
        let model = config.init(&device);
        let source = Tensor::from_ints([[3, 4, 5]], &device);
        let mut states = vec![];
        model.model.encoder.forward(model.source_words(), source, None, Trace::into(Some(&mut states)));
        assert_eq!(states[0].to_data(), states[1].to_data());
        let gradients = states[1].clone().sum().backward();
        assert!(model.model.encoder.layers[0].fc2.weight.val().grad(&gradients).is_some());
    }
}
