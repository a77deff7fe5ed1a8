use burn::module::Module;
use burn::nn::{Dropout, Embedding, Linear};
use burn::tensor::{Device, Tensor};
use ia3_core::{ModelInfo, Tied, model_info};

use super::block::PhiDecoderLayer;
use super::config::PhiConfig;
use crate::causal::{Caches, CausalLm, Facts, Tokens, run_blocks};
use crate::causal_methods::causal_lm_methods;
use crate::decoder_head::{score, unless_classifier};
use crate::layers::{dropout, embedding, linear, states};
use crate::norm::LayerNorm;
use crate::output::Trace;
use crate::rotary::{RotaryFrequencies, Rotation};

/// The model without the head: embedding, blocks and final norm.
#[derive(Module, Debug)]
pub struct PhiModel {
    /// The embedding of tokens, `[vocab, d]`.
    pub embed_tokens: Embedding,
    /// The dropout on the embeddings.
    pub embed_dropout: Dropout,
    /// The blocks.
    pub layers: Vec<PhiDecoderLayer>,
    /// The norm of the output.
    pub final_layernorm: LayerNorm,
}

/// Phi with a language-model head, which is Hugging Face's `PhiForCausalLM`.
#[derive(Module, Debug)]
pub struct PhiForCausalLM {
    /// All modules except the head.
    pub model: PhiModel,
    /// The head, `[d, vocab]`, with a bias. It is never tied.
    pub lm_head: Tied<Linear>,
    /// The classifier of sequences, `[d, num_labels]`, in the place of the head.
    pub score: Option<Linear>,
    #[module(skip)]
    config: PhiConfig,
    #[module(skip)]
    frequencies: RotaryFrequencies,
}

causal_lm_methods!(
    PhiForCausalLM, PhiConfig,
    types: ["phi"],
    prefix: "model.",
    embedding: "model.embed_tokens.weight"
);

impl PhiConfig {
    /// Makes a freshly initialised model. A weight takes no memory before it is first read.
    ///
    /// # Panics
    ///
    /// Panics if the configuration has rotary embeddings that [`from_json`](Self::from_json) refuses.
    pub fn init(&self, device: &Device) -> PhiForCausalLM {
        let (d, std) = (self.hidden_size, self.initializer_range);
        let model = PhiModel {
            embed_tokens: embedding(self.vocab_size, d, std, device),
            embed_dropout: dropout(self.embd_pdrop),
            layers: (0..self.num_hidden_layers).map(|_| PhiDecoderLayer::new(self, device)).collect(),
            final_layernorm: LayerNorm::new(d, self.layer_norm_eps, device),
        };
        let head = linear(d, self.vocab_size, true, std, device);
        PhiForCausalLM {
            model,
            lm_head: unless_classifier(&self.head, Tied::to("model.embed_tokens").with_own(Some(head))),
            score: score(&self.head, d, std, device),
            config: self.clone(),
            frequencies: self.frequencies().expect("rotary embeddings that `from_json` accepts"),
        }
    }
}

impl PhiForCausalLM {
    /// The facts that planning needs. They are read from shapes, so no weight is initialised.
    pub fn info(&self) -> ModelInfo {
        model_info(self, Some("phi"), Some("lm_head"))
    }
}

impl CausalLm for PhiForCausalLM {
    fn facts(&self) -> Facts {
        let PhiConfig { vocab_size, num_hidden_layers, .. } = self.config;
        Facts { vocab_size, layers: num_hidden_layers, max_positions: None }
    }

    fn states(&self, tokens: &Tokens, caches: Caches, mut trace: Trace) -> Tensor<3> {
        let model = &self.model;
        let x = states(&model.embed_tokens, tokens.ids.clone(), self.config.float32_states);
        let (rotation, bias) =
            (Rotation::at(tokens.positions.clone(), &self.frequencies), tokens.bias(&x, None));
        let x = model.embed_dropout.forward(x);
        let x = run_blocks(&model.layers, x, caches, &mut trace, move |b, _, x, cache| {
            b.forward(x, &rotation, bias.clone(), cache)
        });
        let x = model.final_layernorm.forward(x);
        trace.push(&x);
        x
    }

    fn angles_fit_up_to(&self) -> Option<usize> {
        self.frequencies.same_up_to()
    }

    fn head(&self) -> (&Option<Linear>, &Embedding) {
        (&self.lm_head, &self.model.embed_tokens)
    }
}
