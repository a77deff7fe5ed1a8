use burn::module::Module;
use burn::nn::{Embedding, Linear};
use burn::tensor::{Device, Tensor};
use ia3_core::{ModelInfo, Tied, model_info};

use super::block::BloomBlock;
use super::config::BloomConfig;
use crate::alibi::Alibi;
use crate::causal::{Caches, CausalLm, Facts, Tokens, run_blocks};
use crate::causal_methods::causal_lm_methods;
use crate::decoder_head::{score, unless_classifier};
use crate::layers::{embedding, linear, states};
use crate::norm::LayerNorm;
use crate::output::Trace;

/// The model without the head: embedding, blocks and final norm.
#[derive(Module, Debug)]
pub struct BloomModel {
    /// The embedding of tokens, `[vocab, d]`.
    pub word_embeddings: Embedding,
    /// The norm of the embeddings.
    pub word_embeddings_layernorm: LayerNorm,
    /// The blocks.
    pub h: Vec<BloomBlock>,
    /// The norm of the output.
    pub ln_f: LayerNorm,
}

/// Bloom with a language-model head, which is Hugging Face's `BloomForCausalLM`.
#[derive(Module, Debug)]
pub struct BloomForCausalLM {
    /// All modules except the head.
    pub transformer: BloomModel,
    /// The head, `[d, vocab]`; tied where it is the transposed embedding.
    pub lm_head: Tied<Linear>,
    /// The classifier of sequences, `[d, num_labels]`, in the place of the head.
    pub score: Option<Linear>,
    #[module(skip)]
    config: BloomConfig,
}

causal_lm_methods!(
    BloomForCausalLM, BloomConfig,
    types: ["bloom"],
    prefix: "transformer.",
    embedding: "transformer.word_embeddings.weight"
);

impl BloomConfig {
    /// Makes a freshly initialised model. A weight takes no memory before it is first read.
    pub fn init(&self, device: &Device) -> BloomForCausalLM {
        let (d, std) = (self.hidden_size, self.initializer_range);
        let norm = || LayerNorm::new(d, self.layer_norm_epsilon, device);
        let transformer = BloomModel {
            word_embeddings: embedding(self.vocab_size, d, std, device),
            word_embeddings_layernorm: norm(),
            h: (0..self.n_layer).map(|_| BloomBlock::new(self, device)).collect(),
            ln_f: norm(),
        };
        let head = || linear(d, self.vocab_size, false, std, device);
        let lm_head = unless_classifier(
            &self.head,
            Tied::to("transformer.word_embeddings").with_own((!self.tie_word_embeddings).then(head)),
        );
        let score = score(&self.head, d, std, device);
        BloomForCausalLM { transformer, lm_head, score, config: self.clone() }
    }
}

impl BloomForCausalLM {
    /// The facts that planning needs. They are read from shapes, so no weight is initialised.
    pub fn info(&self) -> ModelInfo {
        let info = model_info(self, Some("bloom"), Some("lm_head"));
        self.config.fused_heads().record(info, "self_attention.query_key_value")
    }
}

impl CausalLm for BloomForCausalLM {
    fn facts(&self) -> Facts {
        let BloomConfig { vocab_size, n_layer, .. } = self.config;
        Facts { vocab_size, layers: n_layer, max_positions: None }
    }

    fn states(&self, tokens: &Tokens, caches: Caches, mut trace: Trace) -> Tensor<3> {
        let model = &self.transformer;
        let x = states(&model.word_embeddings, tokens.ids.clone(), self.config.float32_states);
        let x = model.word_embeddings_layernorm.forward(x);
        let bias = tokens.bias(&x, None);
        let alibi = Alibi::Plain.bias(&tokens.mask_of_all(), self.config.n_head).cast(bias.dtype());
        let bias = bias + alibi;
        let x = run_blocks(&model.h, x, caches, &mut trace, move |b, _, x, cache| {
            b.forward(x, bias.clone(), cache)
        });
        let x = model.ln_f.forward(x);
        trace.push(&x);
        x
    }

    fn head(&self) -> (&Option<Linear>, &Embedding) {
        (&self.lm_head, &self.transformer.word_embeddings)
    }
}
