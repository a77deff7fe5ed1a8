use serde::Deserialize;

use crate::activation::Activation;
use crate::config_field::{expect, expect_divides, expect_dropout, expect_layers, expect_sizes, ids, read};
use crate::encoder::HeadConfig;
use crate::error::ModelError;
use crate::shape::{HasShape, Shape};

/// The `config.json` of OPT (Hugging Face's `OPTConfig`), with its defaults.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default)]
pub struct OPTConfig {
    /// The size of the vocabulary, which is the number of rows of the embedding and of the head.
    pub vocab_size: usize,
    /// The width of the hidden states.
    pub hidden_size: usize,
    /// The number of blocks.
    pub num_hidden_layers: usize,
    /// The width of the feed-forward layer.
    pub ffn_dim: usize,
    /// The number of attention heads.
    pub num_attention_heads: usize,
    /// The number of positions. The table has two rows more.
    pub max_position_embeddings: usize,
    /// Whether the norms precede the attention and the feed-forward layer, and follow the last block.
    pub do_layer_norm_before: bool,
    /// Whether the norm after the last block is left out, as in old checkpoints.
    #[serde(rename = "_remove_final_layer_norm")]
    pub remove_final_layer_norm: bool,
    /// The width of the embedding and of the head. If it is absent, it is `hidden_size`.
    pub word_embed_proj_dim: Option<usize>,
    /// The dropout on the output of each layer, in training.
    pub dropout: f64,
    /// The dropout on the attention weights.
    pub attention_dropout: f64,
    /// The share of blocks that training skips, which has to be 0.
    pub layerdrop: f64,
    /// The activation of the feed-forward layer.
    pub activation_function: Activation,
    /// The standard deviation of freshly initialised weights.
    pub init_std: f64,
    /// Whether linear layers have a bias.
    pub enable_bias: bool,
    /// Whether the norms have parameters.
    pub layer_norm_elementwise_affine: bool,
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

impl Default for OPTConfig {
    fn default() -> Self {
        Self {
            vocab_size: 50_272,
            hidden_size: 768,
            num_hidden_layers: 12,
            ffn_dim: 3072,
            num_attention_heads: 12,
            max_position_embeddings: 2048,
            do_layer_norm_before: true,
            remove_final_layer_norm: false,
            word_embed_proj_dim: None,
            dropout: 0.1,
            attention_dropout: 0.0,
            layerdrop: 0.0,
            activation_function: Activation::Relu,
            init_std: 0.02,
            enable_bias: true,
            layer_norm_elementwise_affine: true,
            tie_word_embeddings: true,
            head: None,
            float32_states: false,
            pad_token_id: Some(1),
            eos_token_id: vec![2],
        }
    }
}

impl OPTConfig {
    /// The `model_type` of Hugging Face.
    pub(crate) fn hugging_face_type(&self) -> &str {
        "opt"
    }

    /// Reads Hugging Face's `config.json`. A field that is absent has its default.
    ///
    /// # Errors
    ///
    /// - [`ModelError::Json`]: the text is not such a configuration.
    /// - [`ModelError::Field`]: a field has a value that is not possible.
    pub fn from_json(text: &str) -> Result<Self, ModelError> {
        let config: Self = read(text, "opt", &[])?;
        config.check()?;
        Ok(Self { head: HeadConfig::of_decoder(text)?, ..config })
    }

    /// The width of the embedding and of the head.
    pub fn d_embedding(&self) -> usize {
        self.word_embed_proj_dim.unwrap_or(self.hidden_size)
    }

    fn check(&self) -> Result<(), ModelError> {
        expect_sizes([
            ("vocab_size", self.vocab_size),
            ("hidden_size", self.hidden_size),
            ("ffn_dim", self.ffn_dim),
            ("word_embed_proj_dim", self.d_embedding()),
            ("max_position_embeddings", self.max_position_embeddings),
        ])?;
        expect_layers("num_hidden_layers", self.num_hidden_layers)?;
        let heads = self.num_attention_heads;
        expect_divides("num_attention_heads", heads, self.hidden_size, "a divisor of `hidden_size`")?;
        expect(self.layerdrop == 0.0, "layerdrop", self.layerdrop, "0, because no block is skipped")?;
        expect_dropout("dropout", self.dropout)?;
        expect_dropout("attention_dropout", self.attention_dropout)
    }
}

impl HasShape for OPTConfig {
    fn activation(&self) -> Option<Activation> {
        Some(self.activation_function)
    }

    fn shape(&self) -> Shape {
        Shape::of_one_stack(self.num_hidden_layers, self.num_attention_heads, self.hidden_size)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_embedding_is_as_wide_as_the_model_unless_a_field_says_otherwise() {
        let read = |json: &str| OPTConfig::from_json(json);
        assert_eq!(read("{}").unwrap().d_embedding(), 768);
        assert_eq!(read(r#"{"word_embed_proj_dim": 512}"#).unwrap().d_embedding(), 512);
        let error = read(r#"{"layerdrop": 0.1}"#).unwrap_err().to_string();
        assert_eq!(error, "`layerdrop` is 0.1 in config.json, expected 0, because no block is skipped");
    }
}
