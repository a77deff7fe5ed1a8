use burn::module::Module;
use burn::nn::{Dropout, Embedding, Linear};
use burn::tensor::{Device, Tensor};
use ia3_core::{ModelInfo, Tied, model_info};

use super::block::GPTJBlock;
use super::config::GPTJConfig;
use crate::causal::{Caches, CausalLm, Facts, Tokens, run_blocks};
use crate::causal_methods::causal_lm_methods;
use crate::decoder_head::{score, unless_classifier};
use crate::layers::{dropout, embedding, linear, states};
use crate::norm::LayerNorm;
use crate::output::Trace;
use crate::rotary::Rotation;

/// The model without the head: embedding, blocks and final norm.
#[derive(Module, Debug)]
pub struct GPTJModel {
    /// The embedding of tokens, `[vocab, d]`.
    pub wte: Embedding,
    /// The dropout on the embeddings.
    pub drop: Dropout,
    /// The blocks.
    pub h: Vec<GPTJBlock>,
    /// The norm of the output.
    pub ln_f: LayerNorm,
}

/// GPT-J with a language-model head, which is Hugging Face's `GPTJForCausalLM`.
#[derive(Module, Debug)]
pub struct GPTJForCausalLM {
    /// All modules except the head.
    pub transformer: GPTJModel,
    /// The head, `[d, vocab]`, with a bias. It is never tied.
    pub lm_head: Tied<Linear>,
    /// The classifier of sequences, `[d, num_labels]`, in the place of the head.
    pub score: Option<Linear>,
    #[module(skip)]
    config: GPTJConfig,
}

causal_lm_methods!(
    GPTJForCausalLM, GPTJConfig,
    types: ["gptj"],
    prefix: "transformer.",
    embedding: "transformer.wte.weight"
);

impl GPTJConfig {
    /// Makes a freshly initialised model. A weight takes no memory before it is first read.
    pub fn init(&self, device: &Device) -> GPTJForCausalLM {
        let (d, std) = (self.n_embd, self.initializer_range);
        let transformer = GPTJModel {
            wte: embedding(self.vocab_size, d, std, device),
            drop: dropout(self.embd_pdrop),
            h: (0..self.n_layer).map(|_| GPTJBlock::new(self, device)).collect(),
            ln_f: LayerNorm::new(d, self.layer_norm_epsilon, device),
        };
        let head = linear(d, self.vocab_size, true, std, device);
        let lm_head = unless_classifier(&self.head, Tied::to("transformer.wte").with_own(Some(head)));
        let score = score(&self.head, d, std, device);
        GPTJForCausalLM { transformer, lm_head, score, config: self.clone() }
    }
}

impl GPTJForCausalLM {
    /// The facts that planning needs. They are read from shapes, so no weight is initialised.
    pub fn info(&self) -> ModelInfo {
        model_info(self, Some("gptj"), Some("lm_head"))
    }
}

impl CausalLm for GPTJForCausalLM {
    fn facts(&self) -> Facts {
        let GPTJConfig { vocab_size, n_layer, n_positions, .. } = self.config;
        Facts { vocab_size, layers: n_layer, max_positions: Some(n_positions) }
    }

    fn states(&self, tokens: &Tokens, caches: Caches, mut trace: Trace) -> Tensor<3> {
        let model = &self.transformer;
        let x = states(&model.wte, tokens.ids.clone(), self.config.float32_states);
        let rotation = Rotation::at(tokens.positions.clone(), &self.config.frequencies());
        let bias = tokens.bias(&x, None);
        let x = model.drop.forward(x);
        let x = run_blocks(&model.h, x, caches, &mut trace, move |b, _, x, cache| {
            b.forward(x, &rotation, bias.clone(), cache)
        });
        let x = model.ln_f.forward(x);
        trace.push(&x);
        x
    }

    fn head(&self) -> (&Option<Linear>, &Embedding) {
        (&self.lm_head, &self.transformer.wte)
    }
}
