//! `config.json`: its fields, and what they mean where they are absent.

use serde::Deserialize;

use super::config::{BlockNorms, Experts, LlamaConfig, QkNorm};
use super::gemma_json;
use super::model_type::{Defaults, defaults};
use crate::activation::Activation;
use crate::config_field::{expect, expect_divides, expect_layers, expect_sizes, nullable, read, some_ids};
use crate::encoder::HeadConfig;
use crate::error::ModelError;
use crate::layer_types::{expect_grouped_heads, windows_of};
use crate::rotary::{Beside, RopeParameters, RotaryFrequencies};

/// The most experts of all layers together. Each has names of its own, so a number from a file cannot be without a bound: each takes
/// about 5 kB before a weight is read. The largest public models of these architectures have 12,032 (94 layers of 128).
const MAX_EXPERTS: usize = 12_800;

impl LlamaConfig {
    /// Reads Hugging Face's `config.json`. A field that is absent has the default of its `model_type`.
    ///
    /// # Errors
    ///
    /// - [`ModelError::Json`]: the text is not such a configuration.
    /// - [`ModelError::Field`]: a field has a value that is not possible.
    pub fn from_json(text: &str) -> Result<Self, ModelError> {
        #[derive(Deserialize)]
        struct Type {
            model_type: String,
        }
        let config = match read::<Type>(text, NAMES, &[])?.model_type.as_str() {
            "gemma" | "gemma2" | "gemma3_text" => gemma_json::read_config(text)?,
            _ => {
                let raw: Raw = read(text, NAMES, &[])?;
                raw.check()?;
                raw.resolve()?
            }
        };
        config.check()?;
        Ok(Self { head: HeadConfig::of_decoder(text)?, ..config })
    }
}

const NAMES: &str =
    "llama, mistral, qwen2, qwen3, smollm3, olmo2, mixtral, qwen3_moe, gemma, gemma2 or gemma3_text";

#[derive(Deserialize)]
struct Raw {
    model_type: String,
    vocab_size: Option<usize>,
    hidden_size: Option<usize>,
    intermediate_size: Option<usize>,
    num_hidden_layers: Option<usize>,
    num_attention_heads: Option<usize>,
    #[serde(default, deserialize_with = "nullable")]
    num_key_value_heads: Option<Option<usize>>,
    head_dim: Option<usize>,
    hidden_act: Option<Activation>,
    rms_norm_eps: Option<f64>,
    initializer_range: Option<f64>,
    attention_dropout: Option<f64>,
    attention_bias: Option<bool>,
    mlp_bias: Option<bool>,
    rope_parameters: Option<RopeParameters>,
    rope_scaling: Option<RopeParameters>,
    rope_theta: Option<f64>,
    partial_rotary_factor: Option<f64>,
    original_max_position_embeddings: Option<f64>,
    max_position_embeddings: Option<usize>,
    #[serde(default, deserialize_with = "nullable")]
    sliding_window: Option<Option<usize>>,
    use_sliding_window: Option<bool>,
    max_window_layers: Option<usize>,
    layer_types: Option<Vec<String>>,
    no_rope_layers: Option<Vec<u8>>,
    no_rope_layer_interval: Option<usize>,
    num_local_experts: Option<usize>,
    num_experts: Option<usize>,
    num_experts_per_tok: Option<usize>,
    moe_intermediate_size: Option<usize>,
    norm_topk_prob: Option<bool>,
    decoder_sparse_step: Option<usize>,
    mlp_only_layers: Option<Vec<usize>>,
    output_router_logits: Option<bool>,
    router_jitter_noise: Option<f64>,
    tie_word_embeddings: Option<bool>,
    #[serde(default, deserialize_with = "nullable")]
    pad_token_id: Option<Option<i64>>,
    #[serde(default, deserialize_with = "some_ids")]
    eos_token_id: Option<Vec<i64>>,
}

impl Raw {
    fn is(&self, model_types: &[&str]) -> bool {
        model_types.contains(&self.model_type.as_str())
    }

    fn defaults(&self) -> &'static Defaults {
        defaults(&self.model_type)
    }

    /// Heads of queries, and of keys and values: where the field is `null`, as many as of queries.
    fn heads(&self) -> [usize; 2] {
        let heads = self.num_attention_heads.unwrap_or(self.defaults().num_attention_heads);
        let kv_heads = self.num_key_value_heads.unwrap_or(self.defaults().num_key_value_heads);
        [heads, kv_heads.unwrap_or(heads)]
    }

    fn hidden_size(&self) -> usize {
        self.hidden_size.unwrap_or(self.defaults().hidden_size)
    }

    fn layers(&self) -> usize {
        self.num_hidden_layers.unwrap_or(self.defaults().num_hidden_layers)
    }

    fn head_dim(&self) -> Option<usize> {
        self.head_dim.or(self.defaults().head_dim)
    }

    fn check(&self) -> Result<(), ModelError> {
        let [heads, kv_heads] = self.heads();
        expect_layers("num_hidden_layers", self.layers())?;
        match self.head_dim() {
            None => expect_divides(
                "num_attention_heads",
                heads,
                self.hidden_size(),
                "a divisor of `hidden_size`",
            )?,
            Some(head_dim) => expect_sizes([("num_attention_heads", heads), ("head_dim", head_dim)])?,
        }
        // The frequencies of the rotary embedding, which come next, are as many as half a head is wide.
        expect_sizes([("hidden_size", self.hidden_size())])?;
        expect_grouped_heads(heads, kv_heads)
    }

    fn resolve(self) -> Result<LlamaConfig, ModelError> {
        let (d, [num_attention_heads, num_key_value_heads]) = (self.defaults(), self.heads());
        let head_dim = self.head_dim().unwrap_or(self.hidden_size() / num_attention_heads);
        let bias = self.attention_bias.unwrap_or(false) && !self.is(&["mistral", "qwen2", "mixtral"]);
        Ok(LlamaConfig {
            vocab_size: self.vocab_size.unwrap_or(d.vocab_size),
            hidden_size: self.hidden_size(),
            intermediate_size: self.intermediate_size.unwrap_or(d.intermediate_size),
            num_hidden_layers: self.layers(),
            num_attention_heads,
            num_key_value_heads,
            head_dim,
            hidden_act: self.hidden_act.unwrap_or(Activation::Silu),
            rms_norm_eps: self.rms_norm_eps.unwrap_or(d.rms_norm_eps),
            initializer_range: self.initializer_range.unwrap_or(0.02),
            attention_dropout: self.attention_dropout.unwrap_or(0.0),
            qkv_bias: bias || self.is(&["qwen2"]),
            output_bias: bias,
            mlp_bias: self.mlp_bias.unwrap_or(false) && self.is(&["llama", "smollm3"]),
            qk_norm: match self.model_type.as_str() {
                "qwen3" | "qwen3_moe" => Some(QkNorm::Head),
                "olmo2" => Some(QkNorm::AllHeads),
                _ => None,
            },
            block_norms: if self.is(&["olmo2"]) { BlockNorms::After } else { BlockNorms::Before },
            norm_plus_one: false,
            scale_embeddings: false,
            query_pre_attn_scalar: head_dim as f64,
            attn_logit_softcapping: None,
            final_logit_softcapping: None,
            rotary_frequencies: self.rotary(head_dim)?,
            local_rotary_frequencies: None,
            rotary_layers: self.rotary_layers()?,
            windows: self.windows()?,
            experts: self.experts()?,
            tie_word_embeddings: self.tie_word_embeddings.unwrap_or(d.tie_word_embeddings),
            head: None,
            float32_states: false,
            pad_token_id: self.pad_token_id.unwrap_or(d.pad_token_id),
            eos_token_id: self.eos_token_id.clone().unwrap_or(d.eos_token_id.into_iter().collect()),
            model_type: self.model_type,
        })
    }

    fn rotary(&self, head_dim: usize) -> Result<RotaryFrequencies, ModelError> {
        let longest = self.max_position_embeddings.unwrap_or(self.defaults().max_position_embeddings);
        let beside = Beside {
            rope_theta: self.rope_theta.or(Some(self.defaults().rope_theta)),
            partial_rotary_factor: self.partial_rotary_factor,
            original_max_position_embeddings: self.original_max_position_embeddings,
            max_position_embeddings: longest,
        };
        let (scaling, parameters) = (self.rope_scaling.clone(), self.rope_parameters.clone());
        RopeParameters::resolve(scaling, parameters, beside).frequencies(head_dim, longest)
    }

    /// Whether each layer has rotary positions. Only SmolLM3 has layers without them: those whose entry in `no_rope_layers`
    /// is 0, or every fourth layer if the field is absent.
    fn rotary_layers(&self) -> Result<Vec<bool>, ModelError> {
        let layers = self.layers();
        let every = self.no_rope_layer_interval.unwrap_or(4);
        expect(every > 0, "no_rope_layer_interval", every, "at least 1 layer")?;
        match &self.no_rope_layers {
            _ if !self.is(&["smollm3"]) => Ok(vec![true; layers]),
            None => Ok((1..=layers).map(|i| !i.is_multiple_of(every)).collect()),
            Some(listed) => {
                let expected = "an entry for each layer, 1 with rotary positions and 0 without";
                expect(listed.len() >= layers, "no_rope_layers", listed.len(), expected)?;
                Ok(listed[..layers].iter().map(|&rotary| rotary != 0).collect())
            }
        }
    }

    /// The window of the layers that have one. No layer of Qwen2 and Qwen3 has one unless `use_sliding_window` says so.
    fn window(&self) -> Option<usize> {
        let written = self.sliding_window.unwrap_or(self.defaults().sliding_window);
        let off = self.is(&["qwen2", "qwen3", "qwen3_moe"]) && self.use_sliding_window != Some(true);
        written.filter(|_| !off && !self.is(&["llama", "olmo2"]))
    }

    /// The experts of Mixtral and Qwen3-MoE.
    fn experts(&self) -> Result<Option<Experts>, ModelError> {
        let mixtral = self.is(&["mixtral"]);
        if !mixtral && !self.is(&["qwen3_moe"]) {
            return Ok(None);
        }
        let (count, width, per_token) = match mixtral {
            true => (
                self.num_experts.or(self.num_local_experts).unwrap_or(8),
                self.intermediate_size.unwrap_or(self.defaults().intermediate_size),
                2,
            ),
            false => (
                self.num_local_experts.or(self.num_experts).unwrap_or(128),
                self.moe_intermediate_size.unwrap_or(768),
                8,
            ),
        };
        let all = count.checked_mul(self.layers());
        expect(
            all.is_some_and(|all| all <= MAX_EXPERTS),
            "num_experts",
            count,
            "at most 12800 in all layers",
        )?;
        let num_experts_per_tok = self.num_experts_per_tok.unwrap_or(per_token);
        let (every, only) =
            (self.decoder_sparse_step.unwrap_or(1), self.mlp_only_layers.clone().unwrap_or_default());
        expect_sizes([
            ("num_experts_per_tok", num_experts_per_tok),
            ("moe_intermediate_size", width),
            ("decoder_sparse_step", every),
        ])?;
        let sparse = |layer: usize| {
            mixtral || count > 0 && !only.contains(&layer) && (layer + 1).is_multiple_of(every)
        };
        let layers: Vec<bool> = (0..self.layers()).map(sparse).collect();
        let enough = !layers.contains(&true) || num_experts_per_tok <= count;
        expect(enough, "num_experts_per_tok", num_experts_per_tok, "at most the number of experts")?;
        let aux = self.output_router_logits == Some(true);
        expect(!aux, "output_router_logits", true, "false, because the loss of the router is not computed")?;
        let noise = self.router_jitter_noise.unwrap_or(0.0);
        expect(
            noise == 0.0,
            "router_jitter_noise",
            noise,
            "0, because the input of the router has no noise here",
        )?;
        let norm_topk_prob = mixtral || self.norm_topk_prob.unwrap_or(false);
        Ok(Some(Experts { num_experts: count, num_experts_per_tok, width, norm_topk_prob, layers }))
    }

    /// The window of each layer. If there is no `layer_types`, every layer of Mistral has a window, and so do the layers of
    /// Qwen2 and Qwen3 from `max_window_layers` on, and, if `use_sliding_window` says so, the layers of SmolLM3 that have no
    /// rotary positions.
    fn windows(&self) -> Result<Vec<Option<usize>>, ModelError> {
        let window = self.window();
        expect(window != Some(0), "sliding_window", 0, "at least 1 token")?;
        if let Some(types) = self.layer_types.as_ref().filter(|_| !self.is(&["llama", "olmo2"])) {
            return windows_of(types, self.layers(), window);
        }
        let first = if self.is(&["qwen2", "qwen3"]) { self.max_window_layers.unwrap_or(28) } else { 0 };
        let smollm3 = self.is(&["smollm3"]);
        let windowed = |(i, rotary): (usize, bool)| match smollm3 {
            true => self.use_sliding_window == Some(true) && !rotary,
            false => i >= first,
        };
        let layers = self.rotary_layers()?.into_iter().enumerate();
        Ok(layers.map(|layer| window.filter(|_| windowed(layer))).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_model_type_decides_defaults_biases_and_windows() {
        let read = |json: &str| LlamaConfig::from_json(json).unwrap();
        let llama = read(r#"{"model_type": "llama", "num_hidden_layers": 2, "sliding_window": 7}"#);
        assert_eq!((llama.num_key_value_heads, llama.intermediate_size, llama.qkv_bias), (32, 11_008, false));
        assert_eq!(llama.windows, [None, None]);
        let mistral = read(r#"{"model_type": "mistral", "num_hidden_layers": 2, "sliding_window": 7}"#);
        assert_eq!((mistral.num_key_value_heads, mistral.intermediate_size), (8, 14_336));
        assert_eq!(mistral.windows, [Some(7), Some(7)]);
        let qwen = r#"{"model_type": "qwen2", "num_hidden_layers": 3, "max_window_layers": 1, "use_sliding_window": true}"#;
        let qwen = read(qwen);
        assert_eq!((qwen.qkv_bias, qwen.output_bias), (true, false));
        assert_eq!(qwen.windows, [None, Some(4096), Some(4096)]);
        let null = r#"{"model_type": "qwen2", "num_attention_heads": 64, "num_key_value_heads": null}"#;
        assert_eq!(read(null).num_key_value_heads, 64);
        let off = read(r#"{"model_type": "qwen2", "num_hidden_layers": 1, "sliding_window": 7}"#);
        assert_eq!(off.windows, [None]);
        let null = r#"{"model_type": "mistral", "num_hidden_layers": 1, "sliding_window": null}"#;
        assert_eq!(read(null).windows, [None]);
        let absent = read(r#"{"model_type": "mistral", "num_hidden_layers": 1}"#);
        assert_eq!(absent.windows, [Some(4096)]);
    }

    #[test]
    fn impossible_values_are_named() {
        let error = |json: &str| LlamaConfig::from_json(json).unwrap_err().to_string();
        let heads = error(r#"{"model_type": "llama", "num_key_value_heads": 5}"#);
        let expected =
            "`num_key_value_heads` is 5 in config.json, expected a divisor of `num_attention_heads`";
        assert_eq!(heads, expected);
        let none = error(r#"{"model_type": "qwen3", "num_attention_heads": 0, "head_dim": 8}"#);
        assert!(none.starts_with("`num_attention_heads` is 0 in config.json"), "{none}");
        let experts = error(r#"{"model_type": "mixtral", "num_local_experts": 4294967296}"#);
        let expected = "`num_experts` is 4294967296 in config.json, expected at most 12800 in all layers";
        assert_eq!(experts, expected);
        let types = error(r#"{"model_type": "qwen2", "num_hidden_layers": 1, "layer_types": ["odd"]}"#);
        assert!(types.starts_with("`layer_types` is `odd` in config.json"), "{types}");
    }
}
