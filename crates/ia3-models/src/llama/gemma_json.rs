//! `config.json` of Gemma 1 to 3: its fields, and what they mean where they are absent.

use serde::de::IntoDeserializer;
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

use super::config::{BlockNorms, LlamaConfig, QkNorm};
use super::gemma_defaults::{GemmaDefaults, gemma_defaults};
use crate::activation::Activation;
use crate::config_field::{expect, expect_layers, expect_sizes, nullable, read, some_ids};
use crate::error::ModelError;
use crate::layer_types::{expect_grouped_heads, windows_of};
use crate::rotary::{Beside, RopeParameters, RotaryFrequencies, fields_by_layer_type};

/// Reads the configuration without checking sizes that nothing is computed from here.
pub(super) fn read_config(text: &str) -> Result<LlamaConfig, ModelError> {
    let raw: Raw = read(text, "gemma, gemma2 or gemma3_text", &[])?;
    raw.check()?;
    raw.resolve()
}

#[derive(Deserialize)]
struct Raw {
    model_type: String,
    vocab_size: Option<usize>,
    hidden_size: Option<usize>,
    intermediate_size: Option<usize>,
    num_hidden_layers: Option<usize>,
    num_attention_heads: Option<usize>,
    num_key_value_heads: Option<usize>,
    head_dim: Option<usize>,
    #[serde(default, deserialize_with = "tanh_for_gelu")]
    hidden_act: Option<Activation>,
    hidden_activation: Option<Activation>,
    rms_norm_eps: Option<f64>,
    initializer_range: Option<f64>,
    attention_dropout: Option<f64>,
    attention_bias: Option<bool>,
    query_pre_attn_scalar: Option<f64>,
    #[serde(default, deserialize_with = "nullable")]
    attn_logit_softcapping: Option<Option<f64>>,
    #[serde(default, deserialize_with = "nullable")]
    final_logit_softcapping: Option<Option<f64>>,
    use_bidirectional_attention: Option<bool>,
    rope_parameters: Option<Map<String, Value>>,
    rope_scaling: Option<Map<String, Value>>,
    rope_theta: Option<f64>,
    rope_local_base_freq: Option<f64>,
    partial_rotary_factor: Option<f64>,
    original_max_position_embeddings: Option<f64>,
    max_position_embeddings: Option<usize>,
    #[serde(default, deserialize_with = "nullable")]
    sliding_window: Option<Option<usize>>,
    sliding_window_pattern: Option<usize>,
    layer_types: Option<Vec<String>>,
    tie_word_embeddings: Option<bool>,
    #[serde(default, deserialize_with = "nullable")]
    pad_token_id: Option<Option<i64>>,
    #[serde(default, deserialize_with = "some_ids")]
    eos_token_id: Option<Vec<i64>>,
}

impl Raw {
    fn is(&self, model_type: &str) -> bool {
        self.model_type == model_type
    }

    fn defaults(&self) -> &'static GemmaDefaults {
        gemma_defaults(&self.model_type)
    }

    fn heads(&self) -> [usize; 2] {
        let d = self.defaults();
        let kv_heads = self.num_key_value_heads.unwrap_or(d.num_key_value_heads);
        [self.num_attention_heads.unwrap_or(d.num_attention_heads), kv_heads]
    }

    fn layers(&self) -> usize {
        self.num_hidden_layers.unwrap_or(self.defaults().num_hidden_layers)
    }

    fn head_dim(&self) -> usize {
        self.head_dim.unwrap_or(256)
    }

    fn check(&self) -> Result<(), ModelError> {
        let [heads, kv_heads] = self.heads();
        expect_layers("num_hidden_layers", self.layers())?;
        expect_sizes([("num_attention_heads", heads), ("head_dim", self.head_dim())])?;
        expect_grouped_heads(heads, kv_heads)?;
        let both = self.use_bidirectional_attention == Some(true);
        expect(!both, "use_bidirectional_attention", both, "false: a token sees no later tokens")
    }

    fn resolve(self) -> Result<LlamaConfig, ModelError> {
        let (d, [num_attention_heads, num_key_value_heads]) = (self.defaults(), self.heads());
        let bias = self.attention_bias.unwrap_or(false);
        let [rotary_frequencies, local] = self.rotary()?;
        let windows = self.windows()?;
        Ok(LlamaConfig {
            head: None,
            float32_states: false,
            vocab_size: self.vocab_size.unwrap_or(d.vocab_size),
            hidden_size: self.hidden_size.unwrap_or(d.hidden_size),
            intermediate_size: self.intermediate_size.unwrap_or(d.intermediate_size),
            num_hidden_layers: self.layers(),
            num_attention_heads,
            num_key_value_heads,
            head_dim: self.head_dim(),
            hidden_act: self.activation(),
            rms_norm_eps: self.rms_norm_eps.unwrap_or(1e-6),
            initializer_range: self.initializer_range.unwrap_or(0.02),
            attention_dropout: self.attention_dropout.unwrap_or(0.0),
            qkv_bias: bias,
            output_bias: bias,
            mlp_bias: false,
            qk_norm: self.is("gemma3_text").then_some(QkNorm::Head),
            block_norms: if self.is("gemma") { BlockNorms::Before } else { BlockNorms::Around },
            norm_plus_one: true,
            scale_embeddings: true,
            query_pre_attn_scalar: match self.is("gemma") {
                true => self.head_dim() as f64,
                false => self.query_pre_attn_scalar.unwrap_or(256.0),
            },
            // Gemma 3 has the field, but transformers does not cap its scores (`modeling_gemma3.py`).
            attn_logit_softcapping: match self.is("gemma2") {
                true => self.attn_logit_softcapping.unwrap_or(d.attn_logit_softcapping),
                false => None,
            },
            final_logit_softcapping: match self.is("gemma") {
                true => None,
                false => self.final_logit_softcapping.unwrap_or(d.final_logit_softcapping),
            },
            local_rotary_frequencies: self.is("gemma3_text").then_some(local),
            rotary_frequencies,
            rotary_layers: vec![true; windows.len()],
            windows,
            experts: None,
            tie_word_embeddings: self.tie_word_embeddings.unwrap_or(true),
            pad_token_id: self.pad_token_id.unwrap_or(Some(0)),
            eos_token_id: self.eos_token_id.unwrap_or(vec![1]),
            model_type: self.model_type,
        })
    }

    fn activation(&self) -> Activation {
        let written = if self.is("gemma") { self.hidden_act } else { self.hidden_activation };
        written.unwrap_or(Activation::GeluTanh)
    }

    /// The window of each layer. If there is no `layer_types`, every second layer of Gemma 2, from the first on, has a window,
    /// and so has every layer of Gemma 3 except each `sliding_window_pattern`th.
    fn windows(&self) -> Result<Vec<Option<usize>>, ModelError> {
        let layers = self.layers();
        if self.is("gemma") {
            return Ok(vec![None; layers]);
        }
        let window = self.sliding_window.unwrap_or(Some(4096));
        expect(window != Some(0), "sliding_window", 0, "at least 1 token")?;
        let every = if self.is("gemma2") { 2 } else { self.sliding_window_pattern.unwrap_or(6) };
        expect(every > 0, "sliding_window_pattern", every, "at least 1 layer")?;
        let of_layer =
            |i: usize| if i.is_multiple_of(every) { "full_attention" } else { "sliding_attention" };
        let by_pattern = || (1..=layers).map(|i| of_layer(i).to_string()).collect();
        windows_of(&self.layer_types.clone().unwrap_or_else(by_pattern), layers, window)
    }

    /// The frequencies of layers without and with a window. They differ in Gemma 3 only.
    fn rotary(&self) -> Result<[RotaryFrequencies; 2], ModelError> {
        let longest = self.max_position_embeddings.unwrap_or(self.defaults().max_position_embeddings);
        let beside =
            |theta| Beside { rope_theta: Some(theta), max_position_embeddings: longest, ..Beside::default() };
        let frequencies = |parameters: RopeParameters| parameters.frequencies(self.head_dim(), longest);
        if self.is("gemma3_text") {
            let [full, sliding] = self.by_layer_type()?;
            let full = RopeParameters::resolve(None, Some(full), beside(self.rope_theta.unwrap_or(1e6)));
            let theta = self.rope_local_base_freq.unwrap_or(1e4);
            let sliding = RopeParameters::resolve(None, Some(sliding), beside(theta));
            return Ok([frequencies(full)?, frequencies(sliding)?]);
        }
        let beside = Beside {
            partial_rotary_factor: self.partial_rotary_factor,
            original_max_position_embeddings: self.original_max_position_embeddings,
            ..beside(self.rope_theta.unwrap_or(1e4))
        };
        let described = |fields: &Option<Map<String, Value>>| fields.clone().map(parameters).transpose();
        let [scaling, parameters] = [described(&self.rope_scaling)?, described(&self.rope_parameters)?];
        let all = frequencies(RopeParameters::resolve(scaling, parameters, beside))?;
        Ok([all.clone(), all])
    }

    /// What Gemma 3 says of layers without and with a window. The fields of `rope_scaling`, of older versions, replace those of
    /// the layers without a window (`Gemma3TextConfig.convert_rope_params_to_dict`).
    fn by_layer_type(&self) -> Result<[RopeParameters; 2], ModelError> {
        let [full, sliding] = fields_by_layer_type(self.rope_parameters.as_ref());
        let full = full.into_iter().chain(self.rope_scaling.clone().unwrap_or_default()).collect();
        Ok([parameters(full)?, parameters(sliding)?])
    }
}

/// Reads the activation of Gemma 1, whose `gelu` means its tanh approximation, as in transformers.
fn tanh_for_gelu<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Activation>, D::Error> {
    match Option::<String>::deserialize(deserializer)?.as_deref() {
        None => Ok(None),
        Some("gelu") => Ok(Some(Activation::GeluTanh)),
        Some(name) => Activation::deserialize(name.into_deserializer()).map(Some),
    }
}

fn parameters(fields: Map<String, Value>) -> Result<RopeParameters, ModelError> {
    RopeParameters::from_fields(fields, "gemma, gemma2 or gemma3_text")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> LlamaConfig {
        LlamaConfig::from_json(json).unwrap()
    }

    fn error(json: &str) -> String {
        LlamaConfig::from_json(json).unwrap_err().to_string()
    }

    #[test]
    fn the_model_type_decides_norms_caps_and_windows() {
        let one = read(
            r#"{"model_type": "gemma", "hidden_act": "gelu", "num_hidden_layers": 2, "sliding_window": 3}"#,
        );
        assert_eq!((one.hidden_act, one.block_norms), (Activation::GeluTanh, BlockNorms::Before));
        assert_eq!((one.query_pre_attn_scalar, one.final_logit_softcapping), (256.0, None));
        assert_eq!(one.windows, [None, None]);
        let exact = read(r#"{"model_type": "gemma", "hidden_act": "gelu_python"}"#);
        assert_eq!(exact.hidden_act, Activation::Gelu);
        let two = r#"{"model_type": "gemma2", "num_hidden_layers": 3, "attn_logit_softcapping": null}"#;
        let two = read(two);
        assert_eq!(two.windows, [Some(4096), None, Some(4096)]);
        assert_eq!((two.attn_logit_softcapping, two.final_logit_softcapping), (None, Some(30.0)));
        assert_eq!((two.block_norms, two.qk_norm), (BlockNorms::Around, None));
        let three = r#"{"model_type": "gemma3_text", "num_hidden_layers": 4, "sliding_window_pattern": 3,
                        "sliding_window": 5, "attn_logit_softcapping": 2.0, "query_pre_attn_scalar": 168}"#;
        let three = read(three);
        assert_eq!(three.windows, [Some(5), Some(5), None, Some(5)]);
        assert_eq!((three.attn_logit_softcapping, three.final_logit_softcapping), (None, None));
        assert_eq!((three.query_pre_attn_scalar, three.qk_norm), (168.0, Some(QkNorm::Head)));
    }

    #[test]
    fn gemma_3_has_two_bases_in_old_and_new_spelling() {
        let angles = |json: &str| {
            let config = read(json);
            let of = |frequencies: &RotaryFrequencies| frequencies.of_length(1)[1];
            [of(&config.rotary_frequencies), of(&config.local_rotary_frequencies.unwrap())]
        };
        let absent = angles(r#"{"model_type": "gemma3_text", "head_dim": 4}"#);
        assert_eq!(absent, [1e-3, 1e-2]);
        let old = r#"{"model_type": "gemma3_text", "head_dim": 4, "rope_theta": 1e8, "rope_local_base_freq": 100,
                      "rope_scaling": {"rope_type": "linear", "factor": 8.0}}"#;
        assert_eq!(angles(old), [1e-4 / 8.0, 0.1]);
        let new = r#"{"model_type": "gemma3_text", "head_dim": 4, "rope_parameters": {
                      "full_attention": {"rope_type": "linear", "factor": 8.0, "rope_theta": 1e8},
                      "sliding_attention": {"rope_type": "default", "rope_theta": 100}}}"#;
        assert_eq!(angles(new), angles(old));
    }

    #[test]
    fn impossible_values_are_named() {
        let both = error(r#"{"model_type": "gemma3_text", "use_bidirectional_attention": true}"#);
        assert!(
            both.starts_with("`use_bidirectional_attention` is true in config.json, expected false"),
            "{both}"
        );
        let cap = error(r#"{"model_type": "gemma2", "final_logit_softcapping": 0.0}"#);
        assert!(cap.starts_with("`final_logit_softcapping` is 0 in config.json"), "{cap}");
        let types = error(r#"{"model_type": "gemma2", "num_hidden_layers": 1, "layer_types": ["odd"]}"#);
        assert!(types.starts_with("`layer_types` is `odd` in config.json"), "{types}");
        let window = error(r#"{"model_type": "gemma2", "sliding_window": null}"#);
        assert!(window.contains("`sliding_attention` without a `sliding_window`"), "{window}");
        let factor = error(
            r#"{"model_type": "gemma3_text", "rope_scaling": {"rope_type": "linear", "factor": "eight"}}"#,
        );
        assert!(factor.contains("`factor` of the rotary embeddings"), "{factor}");
        let heads = error(r#"{"model_type": "gemma", "num_key_value_heads": 5}"#);
        assert!(heads.starts_with("`num_key_value_heads` is 5 in config.json"), "{heads}");
    }
}
