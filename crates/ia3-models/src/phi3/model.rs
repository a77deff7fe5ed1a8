use burn::module::Module;
use burn::nn::{Embedding, Linear};
use burn::tensor::{Device, Tensor};
use ia3_core::{ModelInfo, Tied, model_info};

use super::block::Phi3DecoderLayer;
use super::config::Phi3Config;
use crate::causal::{Caches, CausalLm, Facts, Tokens, run_blocks};
use crate::causal_methods::causal_lm_methods;
use crate::decoder_head::{score, unless_classifier};
use crate::layers::{embedding, linear, states};
use crate::norm::RmsNorm;
use crate::output::Trace;
use crate::rotary::{RotaryFrequencies, Rotation};

/// The model without the head: embedding, blocks and final norm.
#[derive(Module, Debug)]
pub struct Phi3Model {
    /// The embedding of tokens, `[vocab, d]`.
    pub embed_tokens: Embedding,
    /// The blocks.
    pub layers: Vec<Phi3DecoderLayer>,
    /// The RMS norm of the output.
    pub norm: RmsNorm,
}

/// Phi-3 with a language-model head, which is Hugging Face's `Phi3ForCausalLM`.
#[derive(Module, Debug)]
pub struct Phi3ForCausalLM {
    /// All modules except the head.
    pub model: Phi3Model,
    /// The head, `[d, vocab]`; tied where it is the transposed embedding.
    pub lm_head: Tied<Linear>,
    /// The classifier of sequences, `[d, num_labels]`, in the place of the head.
    pub score: Option<Linear>,
    #[module(skip)]
    config: Phi3Config,
    #[module(skip)]
    frequencies: RotaryFrequencies,
}

causal_lm_methods!(
    Phi3ForCausalLM, Phi3Config,
    types: ["phi3"],
    prefix: "model.",
    embedding: "model.embed_tokens.weight"
);

impl Phi3Config {
    /// Makes a freshly initialised model. A weight takes no memory before it is first read.
    ///
    /// # Panics
    ///
    /// Panics if the configuration has rotary embeddings that [`from_json`](Self::from_json) refuses.
    pub fn init(&self, device: &Device) -> Phi3ForCausalLM {
        let (d, std) = (self.hidden_size, self.initializer_range);
        let model = Phi3Model {
            embed_tokens: embedding(self.vocab_size, d, std, device),
            layers: (0..self.num_hidden_layers).map(|_| Phi3DecoderLayer::new(self, device)).collect(),
            norm: RmsNorm::new(d, self.rms_norm_eps, self.float32_states, device),
        };
        let head = || linear(d, self.vocab_size, false, std, device);
        Phi3ForCausalLM {
            model,
            lm_head: unless_classifier(
                &self.head,
                Tied::to("model.embed_tokens").with_own((!self.tie_word_embeddings).then(head)),
            ),
            score: score(&self.head, d, std, device),
            config: self.clone(),
            frequencies: self.frequencies().expect("rotary embeddings that `from_json` accepts"),
        }
    }
}

impl Phi3ForCausalLM {
    /// The facts that planning needs. They are read from shapes, so no weight is initialised.
    pub fn info(&self) -> ModelInfo {
        let info = model_info(self, Some("phi3"), Some("lm_head"));
        self.config.fused_heads().record(info, "self_attn.qkv_proj")
    }
}

impl CausalLm for Phi3ForCausalLM {
    fn facts(&self) -> Facts {
        let Phi3Config { vocab_size, num_hidden_layers, .. } = self.config;
        Facts { vocab_size, layers: num_hidden_layers, max_positions: None }
    }

    fn cache_fits_up_to(&self) -> Option<usize> {
        self.frequencies.other_beyond()
    }

    fn states(&self, tokens: &Tokens, caches: Caches, mut trace: Trace) -> Tensor<3> {
        let model = &self.model;
        let x = states(&model.embed_tokens, tokens.ids.clone(), self.config.float32_states);
        let rotation = Rotation::at(tokens.positions.clone(), &self.frequencies);
        let bias = tokens.bias(&x, self.config.sliding_window);
        let x = run_blocks(&model.layers, x, caches, &mut trace, move |b, _, x, cache| {
            b.forward(x, &rotation, bias.clone(), cache)
        });
        let x = model.norm.forward(x);
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
