use burn::module::Module;
use burn::nn::{Dropout, Embedding, Linear};
use burn::tensor::{Device, Tensor};
use ia3_core::{ModelInfo, Tied, model_info};

use super::block::GPTNeoXLayer;
use super::config::GPTNeoXConfig;
use crate::causal::{Caches, CausalLm, Facts, Tokens, run_blocks};
use crate::causal_methods::causal_lm_methods;
use crate::decoder_head::{score, unless_classifier};
use crate::layers::{dropout, embedding, linear, states};
use crate::norm::LayerNorm;
use crate::output::Trace;
use crate::rotary::{RotaryFrequencies, Rotation};

/// The model without the head: embedding, blocks and final norm.
#[derive(Module, Debug)]
pub struct GPTNeoXModel {
    /// The embedding of tokens, `[vocab, d]`.
    pub embed_in: Embedding,
    /// The dropout on the embeddings.
    pub emb_dropout: Dropout,
    /// The blocks.
    pub layers: Vec<GPTNeoXLayer>,
    /// The norm of the output.
    pub final_layer_norm: LayerNorm,
}

/// GPT-NeoX with a language-model head, which is Hugging Face's `GPTNeoXForCausalLM`.
#[derive(Module, Debug)]
pub struct GPTNeoXForCausalLM {
    /// All modules except the head.
    pub gpt_neox: GPTNeoXModel,
    /// The head, `[d, vocab]`; tied where it is the transposed embedding. Older checkpoints call it `embed_out`.
    pub lm_head: Tied<Linear>,
    /// The classifier of sequences, `[d, num_labels]`, in the place of the head.
    pub score: Option<Linear>,
    #[module(skip)]
    config: GPTNeoXConfig,
    #[module(skip)]
    frequencies: RotaryFrequencies,
}

causal_lm_methods!(
    GPTNeoXForCausalLM, GPTNeoXConfig,
    types: ["gpt_neox"],
    prefix: "gpt_neox.",
    embedding: "gpt_neox.embed_in.weight",
    old_head: "embed_out.weight"
);

impl GPTNeoXConfig {
    /// Makes a freshly initialised model. A weight takes no memory before it is first read.
    ///
    /// # Panics
    ///
    /// Panics if the configuration has rotary embeddings that [`from_json`](Self::from_json) refuses.
    pub fn init(&self, device: &Device) -> GPTNeoXForCausalLM {
        let (d, std) = (self.hidden_size, self.initializer_range);
        let gpt_neox = GPTNeoXModel {
            embed_in: embedding(self.vocab_size, d, std, device),
            emb_dropout: dropout(self.hidden_dropout),
            layers: (0..self.num_hidden_layers).map(|_| GPTNeoXLayer::new(self, device)).collect(),
            final_layer_norm: LayerNorm::new(d, self.layer_norm_eps, device),
        };
        let head = || linear(d, self.vocab_size, false, std, device);
        GPTNeoXForCausalLM {
            gpt_neox,
            lm_head: unless_classifier(
                &self.head,
                Tied::to("gpt_neox.embed_in").with_own((!self.tie_word_embeddings).then(head)),
            ),
            score: score(&self.head, d, std, device),
            config: self.clone(),
            frequencies: self.frequencies().expect("rotary embeddings that `from_json` accepts"),
        }
    }
}

impl GPTNeoXForCausalLM {
    /// The facts that planning needs. They are read from shapes, so no weight is initialised.
    pub fn info(&self) -> ModelInfo {
        let info = model_info(self, Some("gpt_neox"), Some("lm_head"));
        self.config.fused_heads().record(info, "attention.query_key_value")
    }
}

impl CausalLm for GPTNeoXForCausalLM {
    fn facts(&self) -> Facts {
        let GPTNeoXConfig { vocab_size, num_hidden_layers, .. } = self.config;
        Facts { vocab_size, layers: num_hidden_layers, max_positions: None }
    }

    fn states(&self, tokens: &Tokens, caches: Caches, mut trace: Trace) -> Tensor<3> {
        let model = &self.gpt_neox;
        let x = states(&model.embed_in, tokens.ids.clone(), self.config.float32_states);
        let (rotation, bias) =
            (Rotation::at(tokens.positions.clone(), &self.frequencies), tokens.bias(&x, None));
        let x = model.emb_dropout.forward(x);
        let x = run_blocks(&model.layers, x, caches, &mut trace, move |b, _, x, cache| {
            b.forward(x, &rotation, bias.clone(), cache)
        });
        let x = model.final_layer_norm.forward(x);
        trace.push(&x);
        x
    }

    fn angles_fit_up_to(&self) -> Option<usize> {
        self.frequencies.same_up_to()
    }

    fn head(&self) -> (&Option<Linear>, &Embedding) {
        (&self.lm_head, &self.gpt_neox.embed_in)
    }
}
