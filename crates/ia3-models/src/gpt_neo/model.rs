use burn::module::Module;
use burn::nn::{Dropout, Embedding, Linear};
use burn::tensor::{Device, Tensor};
use ia3_core::{ModelInfo, Tied, model_info};

use super::block::GPTNeoBlock;
use super::config::GPTNeoConfig;
use crate::causal::{Caches, CausalLm, Facts, Tokens, run_blocks};
use crate::causal_methods::causal_lm_methods;
use crate::decoder_head::{score, unless_classifier};
use crate::layers::{dropout, embedding, linear, states};
use crate::norm::LayerNorm;
use crate::output::Trace;

/// The model without the head: embeddings, blocks and final norm.
#[derive(Module, Debug)]
pub struct GPTNeoModel {
    /// The embedding of tokens, `[vocab, d]`.
    pub wte: Embedding,
    /// The embedding of positions, `[max_positions, d]`.
    pub wpe: Embedding,
    /// The dropout on the sum of the embeddings.
    pub drop: Dropout,
    /// The blocks.
    pub h: Vec<GPTNeoBlock>,
    /// The norm of the output.
    pub ln_f: LayerNorm,
}

/// GPT-Neo with a language-model head, which is Hugging Face's `GPTNeoForCausalLM`.
#[derive(Module, Debug)]
pub struct GPTNeoForCausalLM {
    /// All modules except the head.
    pub transformer: GPTNeoModel,
    /// The head, `[d, vocab]`; tied where it is the transposed embedding.
    pub lm_head: Tied<Linear>,
    /// The classifier of sequences, `[d, num_labels]`, in the place of the head.
    pub score: Option<Linear>,
    #[module(skip)]
    config: GPTNeoConfig,
    #[module(skip)]
    windows: Vec<Option<usize>>,
}

causal_lm_methods!(
    GPTNeoForCausalLM, GPTNeoConfig,
    types: ["gpt_neo"],
    prefix: "transformer.",
    embedding: "transformer.wte.weight"
);

impl GPTNeoConfig {
    /// Makes a freshly initialised model. A weight takes no memory before it is first read.
    ///
    /// # Panics
    ///
    /// Panics if the configuration has attention types that [`from_json`](Self::from_json) refuses.
    pub fn init(&self, device: &Device) -> GPTNeoForCausalLM {
        let (d, std) = (self.hidden_size, self.initializer_range);
        let transformer = GPTNeoModel {
            wte: embedding(self.vocab_size, d, std, device),
            wpe: embedding(self.max_position_embeddings, d, std, device),
            drop: dropout(self.embed_dropout),
            h: (0..self.num_layers).map(|_| GPTNeoBlock::new(self, device)).collect(),
            ln_f: LayerNorm::new(d, self.layer_norm_epsilon, device),
        };
        let head = || linear(d, self.vocab_size, false, std, device);
        GPTNeoForCausalLM {
            transformer,
            lm_head: unless_classifier(
                &self.head,
                Tied::to("transformer.wte").with_own((!self.tie_word_embeddings).then(head)),
            ),
            score: score(&self.head, d, std, device),
            config: self.clone(),
            windows: self.windows().expect("attention types that `from_json` accepts"),
        }
    }
}

impl GPTNeoForCausalLM {
    /// The facts that planning needs. They are read from shapes, so no weight is initialised.
    pub fn info(&self) -> ModelInfo {
        model_info(self, Some("gpt_neo"), Some("lm_head"))
    }
}

impl CausalLm for GPTNeoForCausalLM {
    fn facts(&self) -> Facts {
        let GPTNeoConfig { vocab_size, num_layers, max_position_embeddings, .. } = self.config;
        Facts { vocab_size, layers: num_layers, max_positions: Some(max_position_embeddings) }
    }

    fn states(&self, tokens: &Tokens, caches: Caches, mut trace: Trace) -> Tensor<3> {
        let model = &self.transformer;
        let float32 = self.config.float32_states;
        let x = states(&model.wte, tokens.ids.clone(), float32)
            + states(&model.wpe, tokens.positions.clone(), float32);
        let biases = tokens.biases(&x, &self.windows);
        let x = model.drop.forward(x);
        let x = run_blocks(&model.h, x, caches, &mut trace, move |b, i, x, cache| {
            b.forward(x, biases.of_block(i), cache)
        });
        let x = model.ln_f.forward(x);
        trace.push(&x);
        x
    }

    fn head(&self) -> (&Option<Linear>, &Embedding) {
        (&self.lm_head, &self.transformer.wte)
    }
}
