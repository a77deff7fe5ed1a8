use burn::module::Module;
use burn::nn::{Embedding, Linear};
use burn::tensor::{Device, Tensor};
use ia3_core::{ModelInfo, Tied, model_info};

use super::attention::Positions;
use super::block::FalconDecoderLayer;
use super::config::FalconConfig;
use crate::alibi::Alibi;
use crate::causal::{Caches, CausalLm, Facts, Tokens, run_blocks};
use crate::causal_methods::causal_lm_methods;
use crate::decoder_head::{score, unless_classifier};
use crate::layers::{embedding, linear, states};
use crate::norm::LayerNorm;
use crate::output::Trace;
use crate::rotary::{RotaryFrequencies, Rotation};

/// The model without the head: embedding, blocks and final norm.
#[derive(Module, Debug)]
pub struct FalconModel {
    /// The embedding of tokens, `[vocab, d]`.
    pub word_embeddings: Embedding,
    /// The blocks.
    pub h: Vec<FalconDecoderLayer>,
    /// The norm of the output.
    pub ln_f: LayerNorm,
}

/// Falcon with a language-model head, which is Hugging Face's `FalconForCausalLM`.
#[derive(Module, Debug)]
pub struct FalconForCausalLM {
    /// All modules except the head.
    pub transformer: FalconModel,
    /// The head, `[d, vocab]`; tied where it is the transposed embedding.
    pub lm_head: Tied<Linear>,
    /// The classifier of sequences, `[d, num_labels]`, in the place of the head.
    pub score: Option<Linear>,
    #[module(skip)]
    config: FalconConfig,
    /// The angle per position of each pair of values of a head, for the rotary embeddings. It is absent if the model uses
    /// ALiBi.
    #[module(skip)]
    frequencies: Option<RotaryFrequencies>,
}

causal_lm_methods!(
    FalconForCausalLM, FalconConfig,
    types: ["falcon", "RefinedWeb", "RefinedWebModel"],
    prefix: "transformer.",
    embedding: "transformer.word_embeddings.weight"
);

impl FalconConfig {
    /// Makes a freshly initialised model. A weight takes no memory before it is first read.
    ///
    /// # Panics
    ///
    /// Panics if the configuration has sizes that [`from_json`](Self::from_json) refuses.
    pub fn init(&self, device: &Device) -> FalconForCausalLM {
        let (d, std) = (self.hidden_size, self.initializer_range);
        let transformer = FalconModel {
            word_embeddings: embedding(self.vocab_size, d, std, device),
            h: (0..self.num_hidden_layers).map(|_| FalconDecoderLayer::new(self, device)).collect(),
            ln_f: LayerNorm::new(d, self.layer_norm_epsilon, device),
        };
        let head = || linear(d, self.vocab_size, false, std, device);
        FalconForCausalLM {
            transformer,
            lm_head: unless_classifier(
                &self.head,
                Tied::to("transformer.word_embeddings").with_own((!self.tie_word_embeddings).then(head)),
            ),
            score: score(&self.head, d, std, device),
            config: self.clone(),
            frequencies: self.frequencies().expect("rotary embeddings that `from_json` accepts"),
        }
    }
}

impl FalconForCausalLM {
    /// The facts that planning needs. They are read from shapes, so no weight is initialised.
    pub fn info(&self) -> ModelInfo {
        let info = model_info(self, Some(&self.config.model_type), Some("lm_head"));
        self.config.fused_heads().record(info, "self_attention.query_key_value")
    }

    fn positions(&self, tokens: &Tokens, x: &Tensor<3>) -> Positions {
        let bias = tokens.bias(x, None);
        let rotation =
            self.frequencies.as_ref().map(|frequencies| Rotation::at(tokens.positions.clone(), frequencies));
        if !self.config.alibi {
            return Positions { rotation, bias };
        }
        let alibi = Alibi::Rounded { d_head: self.config.head_dim() };
        let alibi = alibi.bias(&tokens.mask_of_all(), self.config.num_attention_heads).cast(bias.dtype());
        Positions { rotation, bias: bias + alibi }
    }
}

impl CausalLm for FalconForCausalLM {
    fn facts(&self) -> Facts {
        let FalconConfig { vocab_size, num_hidden_layers, .. } = self.config;
        Facts { vocab_size, layers: num_hidden_layers, max_positions: None }
    }

    fn states(&self, tokens: &Tokens, caches: Caches, mut trace: Trace) -> Tensor<3> {
        let model = &self.transformer;
        let x = states(&model.word_embeddings, tokens.ids.clone(), self.config.float32_states);
        let positions = self.positions(tokens, &x);
        let x = run_blocks(&model.h, x, caches, &mut trace, move |b, _, x, cache| {
            b.forward(x, &positions, cache)
        });
        let x = model.ln_f.forward(x);
        trace.push(&x);
        x
    }

    fn angles_fit_up_to(&self) -> Option<usize> {
        self.frequencies.as_ref()?.same_up_to()
    }

    fn head(&self) -> (&Option<Linear>, &Embedding) {
        (&self.lm_head, &self.transformer.word_embeddings)
    }
}
