use serde::Deserialize;

use crate::activation::Activation;
use crate::config_field::{
    expect, expect_divides, expect_dropout, expect_layers, expect_positive, expect_sizes, nullable, read,
    some_ids,
};
use crate::error::ModelError;
use crate::rotary::{Beside, RopeParameters, RotaryFrequencies};
use crate::shape::{HasShape, Shape};

/// The `config.json` of Llama, Mistral and Qwen2 (Hugging Face's `LlamaConfig`, `MistralConfig` and `Qwen2Config`), with their
/// defaults.
#[derive(Clone, Debug, PartialEq)]
pub struct LlamaConfig {
    /// `llama`, `mistral` or `qwen2`. They differ in their biases, windows and defaults.
    pub model_type: String,
    /// The size of the vocabulary, which is the number of rows of the embedding and of the head.
    pub vocab_size: usize,
    /// The width of the hidden states.
    pub hidden_size: usize,
    /// The width of the feed-forward layer.
    pub intermediate_size: usize,
    /// The number of blocks.
    pub num_hidden_layers: usize,
    /// The number of heads of the queries.
    pub num_attention_heads: usize,
    /// The number of heads of the keys and values. It divides the number of heads of the queries.
    pub num_key_value_heads: usize,
    /// The width of one head.
    pub head_dim: usize,
    /// The activation of the gate.
    pub hidden_act: Activation,
    /// The epsilon of the RMS norms.
    pub rms_norm_eps: f64,
    /// The standard deviation of freshly initialised weights.
    pub initializer_range: f64,
    /// The dropout on the attention weights, in training.
    pub attention_dropout: f64,
    /// Whether queries, keys and values have a bias (Qwen2, some Llamas).
    pub qkv_bias: bool,
    /// Whether the attention's output has a bias (some Llamas).
    pub output_bias: bool,
    /// Whether the feed-forward layer has biases.
    pub mlp_bias: bool,
    /// The angle per position of each pair of values of a head, for the rotary embeddings.
    pub rotary_frequencies: RotaryFrequencies,
    /// The window of each block: the number of tokens that a token sees, including itself. `None` means that it sees all
    /// tokens before it. Only Mistral and Qwen2 have windows.
    pub windows: Vec<Option<usize>>,
    /// Whether the head is the embedding. A checkpoint that holds another `lm_head.weight` overrides this field.
    pub tie_word_embeddings: bool,
    /// The id of the padding token.
    pub pad_token_id: Option<i64>,
    /// The ids of the tokens that end a sequence.
    pub eos_token_id: Vec<i64>,
}

impl LlamaConfig {
    /// The `model_type` of Hugging Face.
    pub(crate) fn hugging_face_type(&self) -> &str {
        &self.model_type
    }

    /// Reads Hugging Face's `config.json`. A field that is absent has the default of its `model_type`.
    ///
    /// # Errors
    ///
    /// - [`ModelError::Json`]: the text is not such a configuration.
    /// - [`ModelError::Field`]: a field has a value that is not possible.
    pub fn from_json(text: &str) -> Result<Self, ModelError> {
        let raw: Raw = read(text, "llama, mistral or qwen2", &[])?;
        raw.check()?;
        raw.resolve()
    }
}

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
    tie_word_embeddings: Option<bool>,
    pad_token_id: Option<i64>,
    #[serde(default, deserialize_with = "some_ids")]
    eos_token_id: Option<Vec<i64>>,
}

impl Raw {
    fn is_qwen2(&self) -> bool {
        self.model_type == "qwen2"
    }

    fn by_type<T>(&self, llama: T, mistral: T, qwen2: T) -> T {
        match self.model_type.as_str() {
            "mistral" => mistral,
            "qwen2" => qwen2,
            _ => llama,
        }
    }

    /// Heads of queries, and of keys and values: where the field is `null`, as many as of queries.
    fn heads(&self) -> [usize; 2] {
        let heads = self.num_attention_heads.unwrap_or(32);
        let absent = self.by_type(heads, 8, 32.min(heads));
        [heads, self.num_key_value_heads.map_or(absent, |written| written.unwrap_or(heads))]
    }

    fn hidden_size(&self) -> usize {
        self.hidden_size.unwrap_or(4096)
    }

    fn layers(&self) -> usize {
        self.num_hidden_layers.unwrap_or(32)
    }

    fn check(&self) -> Result<(), ModelError> {
        let [heads, kv_heads] = self.heads();
        expect_layers("num_hidden_layers", self.layers())?;
        if self.head_dim.is_none() {
            expect_divides("num_attention_heads", heads, self.hidden_size(), "a divisor of `hidden_size`")?;
        }
        expect_divides("num_key_value_heads", kv_heads, heads, "a divisor of `num_attention_heads`")
    }

    fn resolve(self) -> Result<LlamaConfig, ModelError> {
        let [num_attention_heads, num_key_value_heads] = self.heads();
        let hidden_size = self.hidden_size();
        let head_dim = self.head_dim.unwrap_or(hidden_size / num_attention_heads);
        let bias = self.attention_bias.unwrap_or(false);
        let config = LlamaConfig {
            vocab_size: self.vocab_size.unwrap_or(self.by_type(32_000, 32_000, 151_936)),
            hidden_size,
            intermediate_size: self.intermediate_size.unwrap_or(self.by_type(11_008, 14_336, 22_016)),
            num_hidden_layers: self.layers(),
            num_attention_heads,
            num_key_value_heads,
            head_dim,
            hidden_act: self.hidden_act.unwrap_or(Activation::Silu),
            rms_norm_eps: self.rms_norm_eps.unwrap_or(1e-6),
            initializer_range: self.initializer_range.unwrap_or(0.02),
            attention_dropout: self.attention_dropout.unwrap_or(0.0),
            qkv_bias: self.by_type(bias, false, true),
            output_bias: self.by_type(bias, false, false),
            mlp_bias: self.by_type(self.mlp_bias.unwrap_or(false), false, false),
            rotary_frequencies: self.rotary(head_dim)?,
            windows: self.windows()?,
            tie_word_embeddings: self.tie_word_embeddings.unwrap_or(false),
            pad_token_id: self.pad_token_id,
            eos_token_id: self.eos_token_id.clone().unwrap_or(self.by_type(vec![2], vec![2], vec![])),
            model_type: self.model_type,
        };
        config.check()?;
        Ok(config)
    }

    fn rotary(&self, head_dim: usize) -> Result<RotaryFrequencies, ModelError> {
        let longest = self.max_position_embeddings.unwrap_or(self.by_type(2048, 131_072, 32_768));
        let beside = Beside {
            rope_theta: self.rope_theta,
            partial_rotary_factor: self.partial_rotary_factor,
            original_max_position_embeddings: self.original_max_position_embeddings,
            max_position_embeddings: longest,
        };
        let (scaling, parameters) = (self.rope_scaling.clone(), self.rope_parameters.clone());
        RopeParameters::resolve(scaling, parameters, beside).frequencies(head_dim, longest)
    }

    /// The window of the layers that have one. It is 4096 if the field is absent, and `None` if the field is `null`.
    fn window(&self) -> Option<usize> {
        let written = self.sliding_window.unwrap_or(Some(4096));
        let used = written.filter(|_| self.use_sliding_window == Some(true));
        self.by_type(None, written, used)
    }

    /// The window of each layer. If there is no `layer_types`, every layer of Mistral has a window, and so do the layers of
    /// Qwen2 from `max_window_layers` on.
    fn windows(&self) -> Result<Vec<Option<usize>>, ModelError> {
        let window = self.window();
        expect(window != Some(0), "sliding_window", 0, "at least 1 token")?;
        let first = if self.is_qwen2() { self.max_window_layers.unwrap_or(28) } else { 0 };
        let in_order = |i: usize| window.filter(|_| i >= first);
        match self.layer_types.as_ref().filter(|_| self.by_type(false, true, true)) {
            None => Ok((0..self.layers()).map(in_order).collect()),
            Some(types) => self.windows_of(types, window),
        }
    }

    fn windows_of(&self, types: &[String], window: Option<usize>) -> Result<Vec<Option<usize>>, ModelError> {
        let expected = "one of full_attention and sliding_attention for each layer";
        expect(types.len() == self.layers(), "layer_types", types.len(), expected)?;
        let of_type = |name: &String| match (name.as_str(), window) {
            ("full_attention" | "attention", _) => Ok(None),
            ("sliding_attention", Some(window)) => Ok(Some(window)),
            ("sliding_attention", None) => Err("`sliding_attention` without a `sliding_window`".to_string()),
            (other, _) => Err(format!("`{other}`")),
        };
        let windows: Result<_, String> = types.iter().map(of_type).collect();
        windows.map_err(|found| ModelError::Field { field: "layer_types", found, expected })
    }
}

impl LlamaConfig {
    fn check(&self) -> Result<(), ModelError> {
        expect_sizes([
            ("vocab_size", self.vocab_size),
            ("hidden_size", self.hidden_size),
            ("intermediate_size", self.intermediate_size),
            ("head_dim", self.head_dim),
            ("num_attention_heads", self.num_attention_heads),
            ("num_attention_heads · head_dim", self.num_attention_heads.saturating_mul(self.head_dim)),
        ])?;
        expect_dropout("attention_dropout", self.attention_dropout)?;
        expect_positive("rms_norm_eps", self.rms_norm_eps)
    }
}

impl HasShape for LlamaConfig {
    fn shape(&self) -> Shape {
        let d_kv = self.num_key_value_heads * self.head_dim;
        Shape::of_one_stack(self.num_hidden_layers, self.num_attention_heads, d_kv)
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
        let types = error(r#"{"model_type": "qwen2", "num_hidden_layers": 1, "layer_types": ["odd"]}"#);
        assert!(types.starts_with("`layer_types` is `odd` in config.json"), "{types}");
    }
}
