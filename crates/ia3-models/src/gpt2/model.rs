use burn::module::Module;
use burn::nn::{Dropout, Embedding, Linear};
use burn::tensor::{Device, Tensor};
use ia3_core::{ModelInfo, Tied, model_info};

use super::block::GPT2Block;
use super::config::GPT2Config;
use crate::causal::{Caches, CausalLm, Facts, Tokens, run_blocks};
use crate::causal_methods::causal_lm_methods;
use crate::decoder_head::{score, unless_classifier};
use crate::layers::{dropout, embedding, linear, states};
use crate::norm::LayerNorm;
use crate::output::Trace;

/// The model without the head: embeddings, blocks and final norm.
#[derive(Module, Debug)]
pub struct GPT2Model {
    /// The embedding of tokens, `[vocab, d]`.
    pub wte: Embedding,
    /// The embedding of positions, `[n_positions, d]`.
    pub wpe: Embedding,
    /// The dropout on the sum of the embeddings.
    pub drop: Dropout,
    /// The blocks.
    pub h: Vec<GPT2Block>,
    /// The norm of the output.
    pub ln_f: LayerNorm,
}

/// GPT-2 with a language-model head, which is Hugging Face's `GPT2LMHeadModel`.
#[derive(Module, Debug)]
pub struct GPT2LMHeadModel {
    /// All modules except the head.
    pub transformer: GPT2Model,
    /// The head, `[d, vocab]`; tied where it is the transposed embedding.
    pub lm_head: Tied<Linear>,
    /// The classifier of sequences, `[d, num_labels]`, in the place of the head.
    pub score: Option<Linear>,
    #[module(skip)]
    config: GPT2Config,
}

causal_lm_methods!(
    GPT2LMHeadModel, GPT2Config,
    types: ["gpt2"],
    prefix: "transformer.",
    embedding: "transformer.wte.weight"
);

impl GPT2Config {
    /// Makes a freshly initialised model. A weight takes no memory before it is first read.
    pub fn init(&self, device: &Device) -> GPT2LMHeadModel {
        let (d, std) = (self.n_embd, self.initializer_range);
        let transformer = GPT2Model {
            wte: embedding(self.vocab_size, d, std, device),
            wpe: embedding(self.n_positions, d, std, device),
            drop: dropout(self.embd_pdrop),
            h: (0..self.n_layer).map(|i| GPT2Block::new(self, i, device)).collect(),
            ln_f: LayerNorm::new(d, self.layer_norm_epsilon, device),
        };
        let head = || linear(d, self.vocab_size, false, std, device);
        let lm_head = unless_classifier(
            &self.head,
            Tied::to("transformer.wte").with_own((!self.tie_word_embeddings).then(head)),
        );
        let score = score(&self.head, d, std, device);
        GPT2LMHeadModel { transformer, lm_head, score, config: self.clone() }
    }
}

impl GPT2LMHeadModel {
    /// The facts that planning needs. They are read from shapes, so no weight is initialised.
    pub fn info(&self) -> ModelInfo {
        let info = model_info(self, Some("gpt2"), Some("lm_head"));
        self.config.fused_heads().record(info, "attn.c_attn")
    }
}

impl CausalLm for GPT2LMHeadModel {
    fn facts(&self) -> Facts {
        let GPT2Config { vocab_size, n_layer, n_positions, .. } = self.config;
        Facts { vocab_size, layers: n_layer, max_positions: Some(n_positions) }
    }

    fn states(&self, tokens: &Tokens, caches: Caches, mut trace: Trace) -> Tensor<3> {
        let model = &self.transformer;
        let float32 = self.config.float32_states;
        let x = states(&model.wte, tokens.ids.clone(), float32)
            + states(&model.wpe, tokens.positions.clone(), float32);
        let bias = tokens.bias(&x, None);
        let x = model.drop.forward(x);
        let x = run_blocks(&model.h, x, caches, &mut trace, move |b, _, x, cache| {
            b.forward(x, bias.clone(), cache)
        });
        let x = model.ln_f.forward(x);
        trace.push(&x);
        x
    }

    fn head(&self) -> (&Option<Linear>, &Embedding) {
        (&self.lm_head, &self.transformer.wte)
    }
}
