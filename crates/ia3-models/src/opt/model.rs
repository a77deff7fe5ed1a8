use burn::module::Module;
use burn::nn::{Embedding, Linear};
use burn::tensor::{Device, Int, Tensor};
use ia3_core::{Ia3Forward, ModelInfo, Tied, model_info};

use super::block::{OPTDecoderLayer, norm, normed};
use super::config::OPTConfig;
use crate::causal::{Caches, CausalLm, Facts, Tokens, run_blocks};
use crate::causal_methods::causal_lm_methods;
use crate::decoder_head::{score, unless_classifier};
use crate::inputs::ModelInputs;
use crate::layers::{embedding, linear, states};
use crate::norm::LayerNorm;
use crate::output::Trace;

/// The first position is in this row of the table of positions.
const OFFSET: usize = 2;

/// The embeddings, the blocks and the final norm.
#[derive(Module, Debug)]
pub struct OPTDecoder {
    /// The embedding of tokens, `[vocab, d_embedding]`.
    pub embed_tokens: Embedding,
    /// The embedding of positions, `[max_positions + 2, d]`.
    pub embed_positions: Embedding,
    /// The projection of embeddings to the width of the model, if they have another width, `[d_embedding, d]`.
    pub project_in: Option<Linear>,
    /// The projection of the output to the width of the embedding, `[d, d_embedding]`.
    pub project_out: Option<Linear>,
    /// The norm of the output.
    pub final_layer_norm: Option<LayerNorm>,
    /// The blocks.
    pub layers: Vec<OPTDecoderLayer>,
}

/// The model without the head.
#[derive(Module, Debug)]
pub struct OPTModel {
    /// All modules.
    pub decoder: OPTDecoder,
}

/// OPT with a language-model head, which is Hugging Face's `OPTForCausalLM`.
#[derive(Module, Debug)]
pub struct OPTForCausalLM {
    /// All modules except the head.
    pub model: OPTModel,
    /// The head, `[d_embedding, vocab]`; tied where it is the transposed embedding.
    pub lm_head: Tied<Linear>,
    /// The classifier of sequences, `[d, num_labels]`, in the place of the head.
    pub score: Option<Linear>,
    #[module(skip)]
    config: OPTConfig,
}

causal_lm_methods!(
    OPTForCausalLM, OPTConfig,
    types: ["opt"],
    prefix: "model.",
    embedding: "model.decoder.embed_tokens.weight"
);

impl OPTConfig {
    /// Makes a freshly initialised model. A weight takes no memory before it is first read.
    pub fn init(&self, device: &Device) -> OPTForCausalLM {
        let (d, d_embedding, std) = (self.hidden_size, self.d_embedding(), self.init_std);
        let project = |d_in, d_out| (d != d_embedding).then(|| linear(d_in, d_out, false, std, device));
        let decoder = OPTDecoder {
            embed_tokens: embedding(self.vocab_size, d_embedding, std, device),
            embed_positions: embedding(self.max_position_embeddings + OFFSET, d, std, device),
            project_in: project(d_embedding, d),
            project_out: project(d, d_embedding),
            final_layer_norm: if self.has_final_norm() { norm(self, device) } else { None },
            layers: (0..self.num_hidden_layers).map(|_| OPTDecoderLayer::new(self, device)).collect(),
        };
        let head = || linear(d_embedding, self.vocab_size, false, std, device);
        let lm_head = unless_classifier(
            &self.head,
            Tied::to("model.decoder.embed_tokens").with_own((!self.tie_word_embeddings).then(head)),
        );
        let score = score(&self.head, d_embedding, std, device);
        OPTForCausalLM { model: OPTModel { decoder }, lm_head, score, config: self.clone() }
    }

    fn has_final_norm(&self) -> bool {
        self.do_layer_norm_before && !self.remove_final_layer_norm
    }
}

impl OPTForCausalLM {
    /// The facts that planning needs. They are read from shapes, so no weight is initialised.
    pub fn info(&self) -> ModelInfo {
        model_info(self, Some("opt"), Some("lm_head"))
    }
}

/// `layer(x)`, or `x` if there is no layer.
fn projected(layer: &Option<Linear>, x: Tensor<3>) -> Tensor<3> {
    match layer {
        Some(layer) => layer.ia3_forward(x),
        None => x,
    }
}

impl CausalLm for OPTForCausalLM {
    fn facts(&self) -> Facts {
        let OPTConfig { vocab_size, num_hidden_layers, max_position_embeddings, .. } = self.config;
        Facts { vocab_size, layers: num_hidden_layers, max_positions: Some(max_position_embeddings) }
    }

    /// The positions count the real tokens of a row, on whichever side its padding is.
    fn positions(&self, inputs: &ModelInputs, ids: &Tensor<2, Int>) -> Tensor<2, Int> {
        inputs.real_positions(ids)
    }

    fn states(&self, tokens: &Tokens, caches: Caches, mut trace: Trace) -> Tensor<3> {
        let model = &self.model.decoder;
        let float32 = self.config.float32_states;
        let x = projected(&model.project_in, states(&model.embed_tokens, tokens.ids.clone(), float32));
        let x = x + states(&model.embed_positions, tokens.positions.clone() + OFFSET as i64, float32);
        let bias = tokens.bias(&x, None);
        let x = run_blocks(&model.layers, x, caches, &mut trace, move |b, _, x, cache| {
            b.forward(x, bias.clone(), cache)
        });
        let x = if self.config.has_final_norm() { normed(&model.final_layer_norm, x) } else { x };
        let x = projected(&model.project_out, x);
        trace.push(&x);
        x
    }

    fn head(&self) -> (&Option<Linear>, &Embedding) {
        (&self.lm_head, &self.model.decoder.embed_tokens)
    }
}
