use burn::module::Module;
use burn::nn::{Embedding, Linear};
use burn::tensor::{Device, Tensor};
use ia3_core::{ModelInfo, Tied, model_info};

use super::block::LlamaDecoderLayer;
use super::config::LlamaConfig;
use crate::causal::{Caches, CausalLm, Facts, Tokens, run_blocks};
use crate::causal_methods::causal_lm_methods;
use crate::decoder_head::{score, unless_classifier};
use crate::layers::{embedding, linear, states};
use crate::norm::RmsNorm;
use crate::output::Trace;
use crate::rotary::Rotation;

/// The model without the head: embedding, blocks and final norm.
#[derive(Module, Debug)]
pub struct LlamaModel {
    /// The embedding of tokens, `[vocab, d]`.
    pub embed_tokens: Embedding,
    /// The blocks.
    pub layers: Vec<LlamaDecoderLayer>,
    /// The RMS norm of the output.
    pub norm: RmsNorm,
}

/// Llama, Mistral, Qwen2, Qwen3, SmolLM3, OLMo 2, Mixtral, Qwen3-MoE or Gemma with a language-model head, which is Hugging Face's
/// `LlamaForCausalLM`, `MistralForCausalLM` and so on.
#[derive(Module, Debug)]
pub struct LlamaForCausalLM {
    /// All modules except the head.
    pub model: LlamaModel,
    /// The head, `[d, vocab]`; tied where it is the transposed embedding.
    pub lm_head: Tied<Linear>,
    /// The classifier of sequences, `[d, num_labels]`, in the place of the head.
    pub score: Option<Linear>,
    #[module(skip)]
    config: LlamaConfig,
}

causal_lm_methods!(
    LlamaForCausalLM, LlamaConfig,
    types: ["llama", "mistral", "qwen2", "qwen3", "smollm3", "olmo2", "mixtral", "qwen3_moe", "gemma", "gemma2", "gemma3_text"],
    prefix: "model.",
    embedding: "model.embed_tokens.weight",
    other_names: super::experts::other_names
);

impl LlamaConfig {
    /// Makes a freshly initialised model. A weight takes no memory before it is first read.
    pub fn init(&self, device: &Device) -> LlamaForCausalLM {
        let (d, std) = (self.hidden_size, self.initializer_range);
        let model = LlamaModel {
            embed_tokens: embedding(self.vocab_size, d, std, device),
            layers: (0..self.num_hidden_layers).map(|i| LlamaDecoderLayer::new(self, i, device)).collect(),
            norm: self.norm(d, device),
        };
        let head = || linear(d, self.vocab_size, false, std, device);
        let lm_head = unless_classifier(
            &self.head,
            Tied::to("model.embed_tokens").with_own((!self.tie_word_embeddings).then(head)),
        );
        let score = score(&self.head, d, std, device);
        LlamaForCausalLM { model, lm_head, score, config: self.clone() }
    }
}

impl LlamaForCausalLM {
    /// The facts that planning needs. They are read from shapes, so no weight is initialised.
    pub fn info(&self) -> ModelInfo {
        model_info(self, Some(&self.config.model_type), Some("lm_head"))
    }
}

impl CausalLm for LlamaForCausalLM {
    fn facts(&self) -> Facts {
        let LlamaConfig { vocab_size, num_hidden_layers, .. } = self.config;
        Facts { vocab_size, layers: num_hidden_layers, max_positions: None }
    }

    fn states(&self, tokens: &Tokens, caches: Caches, mut trace: Trace) -> Tensor<3> {
        let (model, config) = (&self.model, &self.config);
        let x = states(&model.embed_tokens, tokens.ids.clone(), config.float32_states);
        let x = if config.scale_embeddings { x * (config.hidden_size as f64).sqrt() } else { x };
        let of_all = |frequencies| Rotation::at(tokens.positions.clone(), frequencies);
        let rotation = of_all(&config.rotary_frequencies);
        let local = config.local_rotary_frequencies.as_ref().map(of_all);
        let (biases, windows) = (tokens.biases(&x, &config.windows), config.windows.clone());
        let x = run_blocks(&model.layers, x, caches, &mut trace, move |layer, i, x, cache| {
            let rotation = local.as_ref().filter(|_| windows[i].is_some()).unwrap_or(&rotation);
            layer.forward(x, rotation, biases.of_block(i), cache)
        });
        let x = model.norm.forward(x);
        trace.push(&x);
        x
    }

    fn logit_cap(&self) -> Option<f64> {
        self.config.final_logit_softcapping
    }

    fn angles_fit_up_to(&self) -> Option<usize> {
        let config = &self.config;
        let all = [Some(&config.rotary_frequencies), config.local_rotary_frequencies.as_ref()];
        all.into_iter().flatten().filter_map(|frequencies| frequencies.same_up_to()).min()
    }

    fn head(&self) -> (&Option<Linear>, &Embedding) {
        (&self.lm_head, &self.model.embed_tokens)
    }
}
