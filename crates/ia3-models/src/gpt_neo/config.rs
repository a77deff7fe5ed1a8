use serde::Deserialize;

use crate::activation::Activation;
use crate::config_field::{
    Spelling, expect, expect_divides, expect_dropout, expect_layers, expect_positive, expect_sizes, ids, read,
};
use crate::encoder::HeadConfig;
use crate::error::ModelError;
use crate::shape::{HasShape, Shape};

/// The `config.json` of GPT-Neo (Hugging Face's `GPTNeoConfig`), with its defaults.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default)]
pub struct GPTNeoConfig {
    /// The size of the vocabulary, which is the number of rows of the embedding and of the head.
    pub vocab_size: usize,
    /// The number of positions, which is the largest number of tokens of a batch entry.
    pub max_position_embeddings: usize,
    /// The width of the hidden states.
    pub hidden_size: usize,
    /// The number of blocks.
    pub num_layers: usize,
    /// The attention of the blocks, `global` or `local`: names of consecutive blocks, and how often they are repeated. If it is
    /// absent, it is `[[["global", "local"], 12]]`.
    pub attention_types: Option<Vec<(Vec<String>, usize)>>,
    /// The attention of each block. If it is present, it is used instead of `attention_types`.
    pub attention_layers: Option<Vec<String>>,
    /// The number of attention heads.
    pub num_heads: usize,
    /// The width of the feed-forward layer. If it is absent, it is `4·hidden_size`.
    pub intermediate_size: Option<usize>,
    /// The number of tokens that a token sees in a `local` block, including itself.
    pub window_size: usize,
    /// The activation of the feed-forward layer.
    pub activation_function: Activation,
    /// The dropout on the output of each layer, in training.
    pub resid_dropout: f64,
    /// The dropout on the embeddings.
    pub embed_dropout: f64,
    /// The dropout on the attention weights.
    pub attention_dropout: f64,
    /// The epsilon of the norms.
    pub layer_norm_epsilon: f64,
    /// The standard deviation of freshly initialised weights.
    pub initializer_range: f64,
    /// Whether the head is the embedding. A checkpoint that holds another `lm_head.weight` overrides this field.
    pub tie_word_embeddings: bool,
    /// The classifier of sequences, or `None` for a language model. `architectures` decides it.
    #[serde(skip)]
    pub head: Option<HeadConfig>,
    /// Whether the states are float32 where the weights are in half precision; see
    /// [`ModelConfig::with_float32_states`](crate::ModelConfig::with_float32_states).
    #[serde(skip)]
    pub float32_states: bool,
    /// The id of the padding token.
    pub pad_token_id: Option<i64>,
    /// The ids of the tokens that end a sequence.
    #[serde(deserialize_with = "ids")]
    pub eos_token_id: Vec<i64>,
}

/// `GPTNeoConfig.attribute_map` of transformers.
const SPELLINGS: &[Spelling] = &[
    Spelling::Attribute("num_attention_heads", "num_heads"),
    Spelling::Attribute("num_hidden_layers", "num_layers"),
];

impl Default for GPTNeoConfig {
    fn default() -> Self {
        Self {
            vocab_size: 50_257,
            max_position_embeddings: 2048,
            hidden_size: 2048,
            num_layers: 24,
            attention_types: None,
            attention_layers: None,
            num_heads: 16,
            intermediate_size: None,
            window_size: 256,
            activation_function: Activation::GeluTanh,
            resid_dropout: 0.0,
            embed_dropout: 0.0,
            attention_dropout: 0.0,
            layer_norm_epsilon: 1e-5,
            initializer_range: 0.02,
            tie_word_embeddings: true,
            head: None,
            float32_states: false,
            pad_token_id: None,
            eos_token_id: vec![50_256],
        }
    }
}

impl GPTNeoConfig {
    /// The `model_type` of Hugging Face.
    pub(crate) fn hugging_face_type(&self) -> &str {
        "gpt_neo"
    }

    /// Reads Hugging Face's `config.json`. A field that is absent has its default.
    ///
    /// # Errors
    ///
    /// - [`ModelError::Json`]: the text is not such a configuration.
    /// - [`ModelError::Field`]: a field has a value that is not possible.
    pub fn from_json(text: &str) -> Result<Self, ModelError> {
        let config: Self = read(text, "gpt_neo", SPELLINGS)?;
        config.check()?;
        Ok(Self { head: HeadConfig::of_decoder(text)?, ..config })
    }

    /// The width of the feed-forward layer.
    pub fn d_inner(&self) -> usize {
        self.intermediate_size.unwrap_or(self.hidden_size.saturating_mul(4))
    }

    /// The window of each block, or `None` for a block that sees all tokens before a token.
    pub fn windows(&self) -> Result<Vec<Option<usize>>, ModelError> {
        let default = || vec![(vec!["global".to_string(), "local".to_string()], 12)];
        let (field, expected) = ("attention_types", "`global` or `local` for each of `num_layers` blocks");
        // Blocks beyond the number of layers are not listed, because a file can ask for any number of them.
        let types: Vec<String> = match (&self.attention_layers, &self.attention_types) {
            (Some(layers), _) => layers.clone(),
            (None, types) => {
                let types = types.clone().unwrap_or_else(default);
                let repeated = |(names, times): (Vec<String>, usize)| {
                    let times = if names.is_empty() { 0 } else { times };
                    std::iter::repeat_n(names, times).flatten()
                };
                types.into_iter().flat_map(repeated).take(self.num_layers + 1).collect()
            }
        };
        expect(types.len() == self.num_layers, field, types.len(), expected)?;
        let window = |name: &String| match name.as_str() {
            "global" => Ok(None),
            "local" => Ok(Some(self.window_size)),
            other => Err(ModelError::Field { field, found: format!("`{other}`"), expected }),
        };
        types.iter().map(window).collect()
    }

    fn check(&self) -> Result<(), ModelError> {
        expect_sizes([
            ("vocab_size", self.vocab_size),
            ("max_position_embeddings", self.max_position_embeddings),
            ("hidden_size", self.hidden_size),
            ("intermediate_size", self.d_inner()),
        ])?;
        expect_layers("num_layers", self.num_layers)?;
        expect_divides("num_heads", self.num_heads, self.hidden_size, "a divisor of `hidden_size`")?;
        expect(self.window_size > 0, "window_size", 0, "at least 1 token")?;
        expect_dropout("resid_dropout", self.resid_dropout)?;
        expect_dropout("embed_dropout", self.embed_dropout)?;
        expect_dropout("attention_dropout", self.attention_dropout)?;
        expect_positive("layer_norm_epsilon", self.layer_norm_epsilon)?;
        self.windows().map(|_| ())
    }
}

impl HasShape for GPTNeoConfig {
    fn activation(&self) -> Option<Activation> {
        Some(self.activation_function)
    }

    fn shape(&self) -> Shape {
        Shape::of_one_stack(self.num_layers, self.num_heads, self.hidden_size)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_are_global_and_local_in_turn() {
        let read = |json: &str| GPTNeoConfig::from_json(json);
        let default = read("{}").unwrap().windows().unwrap();
        assert_eq!((default.len(), default[0], default[1]), (24, None, Some(256)));
        let json = r#"{"num_layers": 3, "attention_types": [[["local", "global"], 1], [["local"], 1]], "window_size": 5}"#;
        assert_eq!(read(json).unwrap().windows().unwrap(), [Some(5), None, Some(5)]);
        let error = read(r#"{"num_layers": 2}"#).unwrap_err().to_string();
        let expected = "`attention_types` is 3 in config.json, expected `global` or `local` for each of `num_layers` blocks";
        assert_eq!(error, expected);
        let json = r#"{"num_layers": 2, "attention_types": [[["odd"], 99999999999]]}"#;
        assert_eq!(read(json).unwrap_err().to_string(), expected);
    }
}
