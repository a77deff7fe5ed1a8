use serde::Deserialize;

use crate::activation::Activation;
use crate::config_field::{
    Spelling, expect, expect_divides, expect_dropout, expect_layers, expect_positive, expect_sizes, ids,
    read, switch,
};
use crate::encoder::HeadConfig;
use crate::error::ModelError;
use crate::fused_heads::FusedHeads;
use crate::rotary::{Beside, RopeParameters, RotaryFrequencies};
use crate::shape::{HasShape, Shape};

/// Falcon's `config.json` (Hugging Face's `FalconConfig`), with its defaults. It also reads the old types `RefinedWeb` and
/// `RefinedWebModel`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default)]
pub struct FalconConfig {
    /// `falcon`, `RefinedWeb` (40B) or `RefinedWebModel` (7B, RW-1B).
    pub model_type: String,
    /// The size of the vocabulary, which is the number of rows of the embedding and of the head.
    pub vocab_size: usize,
    /// The width of the hidden states.
    pub hidden_size: usize,
    /// The number of blocks.
    pub num_hidden_layers: usize,
    /// The number of heads of the queries.
    pub num_attention_heads: usize,
    /// The number of heads of the keys and values in the new decoder architecture. If it is absent, there are as many as heads
    /// of the queries.
    pub num_kv_heads: Option<usize>,
    /// The number of norms before attention and feed-forward layer in the new decoder architecture. If it is absent, it is 2.
    pub num_ln_in_parallel_attn: Option<usize>,
    /// Grouped heads, as in 40B and 11B; [`multi_query`](Self::multi_query) does not count then.
    #[serde(deserialize_with = "switch")]
    pub new_decoder_architecture: bool,
    /// One head of keys and values for all queries.
    #[serde(deserialize_with = "switch")]
    pub multi_query: bool,
    /// Attention and feed-forward layer read the same state and are added together.
    #[serde(deserialize_with = "switch")]
    pub parallel_attn: bool,
    /// Positions by a linear bias on the scores (arXiv 2108.12409) instead of rotary embeddings.
    #[serde(deserialize_with = "switch")]
    pub alibi: bool,
    /// Whether linear layers have a bias.
    #[serde(deserialize_with = "switch")]
    pub bias: bool,
    /// The width of the feed-forward layer. If it is absent, it is four times `hidden_size`.
    pub ffn_hidden_size: Option<usize>,
    /// The activation of the feed-forward layer.
    pub activation: Activation,
    /// The epsilon of the norms.
    pub layer_norm_epsilon: f64,
    /// The standard deviation of freshly initialised weights.
    pub initializer_range: f64,
    /// The dropout on the output of the feed-forward layer, in training.
    pub hidden_dropout: f64,
    /// The dropout on the attention weights.
    pub attention_dropout: f64,
    /// The rotary embeddings.
    pub rope_parameters: Option<Box<RopeParameters>>,
    /// The rotary embeddings in older files. If it is not empty, it is used instead of `rope_parameters`.
    pub rope_scaling: Option<Box<RopeParameters>>,
    /// The number of positions that the model was trained on, which the rotary scaling `llama3` uses.
    pub max_position_embeddings: usize,
    /// The base of the wavelengths of the rotary embeddings in older files.
    pub rope_theta: Option<f64>,
    /// Share of a head that is rotated, as older files have it.
    pub partial_rotary_factor: Option<f64>,
    /// Positions that the model was first trained on, where they stand beside the parameters of the rotary embeddings.
    pub original_max_position_embeddings: Option<f64>,
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

const SPELLINGS: &[Spelling] = &[
    Spelling::Attribute("n_embed", "hidden_size"),
    Spelling::Old("n_layer", "num_hidden_layers"),
    Spelling::Old("n_head", "num_attention_heads"),
    Spelling::Old("n_head_kv", "num_kv_heads"),
];

impl Default for FalconConfig {
    fn default() -> Self {
        Self {
            model_type: "falcon".into(),
            vocab_size: 65_024,
            hidden_size: 4544,
            num_hidden_layers: 32,
            num_attention_heads: 71,
            num_kv_heads: None,
            num_ln_in_parallel_attn: None,
            new_decoder_architecture: false,
            multi_query: true,
            parallel_attn: true,
            alibi: false,
            bias: false,
            ffn_hidden_size: None,
            activation: Activation::Gelu,
            layer_norm_epsilon: 1e-5,
            initializer_range: 0.02,
            hidden_dropout: 0.0,
            attention_dropout: 0.0,
            rope_parameters: None,
            rope_scaling: None,
            max_position_embeddings: 2048,
            rope_theta: None,
            partial_rotary_factor: None,
            original_max_position_embeddings: None,
            tie_word_embeddings: true,
            head: None,
            float32_states: false,
            pad_token_id: None,
            eos_token_id: vec![11],
        }
    }
}

impl FalconConfig {
    /// The `model_type` of Hugging Face.
    pub(crate) fn hugging_face_type(&self) -> &str {
        &self.model_type
    }

    /// Reads Hugging Face's `config.json`. A field that is absent has its default.
    ///
    /// # Errors
    ///
    /// - [`ModelError::Json`]: the text is not such a configuration.
    /// - [`ModelError::Field`]: a field has a value that is not possible.
    pub fn from_json(text: &str) -> Result<Self, ModelError> {
        let mut config: Self = read(text, "falcon, RefinedWeb or RefinedWebModel", SPELLINGS)?;
        config.new_decoder_architecture |= config.model_type == "RefinedWeb";
        config.check()?;
        Ok(Self { head: HeadConfig::of_decoder(text)?, ..config })
    }

    /// The width of one head.
    pub fn head_dim(&self) -> usize {
        self.hidden_size / self.num_attention_heads
    }

    /// The width of the feed-forward layer.
    pub fn d_inner(&self) -> usize {
        self.ffn_hidden_size.unwrap_or(self.hidden_size.saturating_mul(4))
    }

    /// The number of heads of the keys and values, for every variant.
    pub fn kv_heads(&self) -> usize {
        match (self.new_decoder_architecture, self.multi_query) {
            (true, _) => self.num_kv_heads.unwrap_or(self.num_attention_heads),
            (false, true) => 1,
            (false, false) => self.num_attention_heads,
        }
    }

    /// Whether attention and feed-forward layer each have a norm of their own.
    pub(crate) fn two_norms(&self) -> bool {
        self.new_decoder_architecture && self.num_ln_in_parallel_attn.unwrap_or(2) == 2
    }

    /// The order of the outputs of `query_key_value`.
    pub(crate) fn fused_heads(&self) -> FusedHeads {
        let groups = self.kv_heads();
        FusedHeads { groups, queries: self.num_attention_heads / groups, keys: 1, d_head: self.head_dim() }
    }

    /// The angles per position of the rotary embeddings, or `None` if the model uses ALiBi.
    pub(crate) fn frequencies(&self) -> Result<Option<RotaryFrequencies>, ModelError> {
        if self.alibi {
            return Ok(None);
        }
        let (scaling, parameters) =
            (self.rope_scaling.as_deref().cloned(), self.rope_parameters.as_deref().cloned());
        let beside = Beside {
            rope_theta: self.rope_theta,
            partial_rotary_factor: self.partial_rotary_factor,
            original_max_position_embeddings: self.original_max_position_embeddings,
            max_position_embeddings: self.max_position_embeddings,
        };
        let rope = RopeParameters::resolve(scaling, parameters, beside);
        rope.frequencies(self.head_dim(), self.max_position_embeddings).map(Some)
    }

    fn check(&self) -> Result<(), ModelError> {
        expect_sizes([
            ("vocab_size", self.vocab_size),
            ("hidden_size", self.hidden_size),
            ("ffn_hidden_size", self.d_inner()),
        ])?;
        expect_layers("num_hidden_layers", self.num_hidden_layers)?;
        let heads = self.num_attention_heads;
        expect_divides("num_attention_heads", heads, self.hidden_size, "a divisor of `hidden_size`")?;
        expect_divides("num_kv_heads", self.kv_heads(), heads, "a divisor of `num_attention_heads`")?;
        let norms = self.num_ln_in_parallel_attn;
        expect(matches!(norms, None | Some(1 | 2)), "num_ln_in_parallel_attn", norms.unwrap_or(0), "1 or 2")?;
        let parallel = self.parallel_attn || !self.new_decoder_architecture;
        expect(parallel, "parallel_attn", false, "true with `new_decoder_architecture`")?;
        expect_dropout("hidden_dropout", self.hidden_dropout)?;
        expect_dropout("attention_dropout", self.attention_dropout)?;
        expect_positive("layer_norm_epsilon", self.layer_norm_epsilon)?;
        self.frequencies().map(|_| ())
    }
}

impl HasShape for FalconConfig {
    fn activation(&self) -> Option<Activation> {
        Some(self.activation)
    }

    fn shape(&self) -> Shape {
        let d_kv = self.kv_heads() * self.head_dim();
        Shape::of_one_stack(self.num_hidden_layers, self.num_attention_heads, d_kv)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> FalconConfig {
        FalconConfig::from_json(json).unwrap()
    }

    #[test]
    fn old_names_are_read() {
        let json = r#"{"model_type": "RefinedWeb", "n_head": 128, "n_head_kv": 8, "n_layer": 60, "hidden_size": 8192}"#;
        let falcon40b = read(json);
        assert_eq!((falcon40b.kv_heads(), falcon40b.num_hidden_layers), (8, 60));
        assert!(falcon40b.new_decoder_architecture && falcon40b.two_norms());
        let falcon7b = read(r#"{"model_type": "RefinedWebModel", "n_head": 71, "hidden_size": 4544}"#);
        assert_eq!((falcon7b.kv_heads(), falcon7b.head_dim(), falcon7b.two_norms()), (1, 64, false));
    }

    #[test]
    fn a_switch_that_is_null_is_off() {
        let falcon = read(r#"{"multi_query": null, "parallel_attn": null, "bias": null}"#);
        assert!(!falcon.multi_query && !falcon.parallel_attn && !falcon.bias);
    }

    #[test]
    fn queries_come_first_in_each_group() {
        let sizes = r#""hidden_size": 8, "num_attention_heads": 4"#;
        let multi_query = read(&format!("{{{sizes}}}"));
        assert_eq!(multi_query.fused_heads().query_outputs(), vec![0..8; 1]);
        let grouped = read(&format!(r#"{{{sizes}, "new_decoder_architecture": true, "num_kv_heads": 2}}"#));
        assert_eq!(grouped.fused_heads().query_outputs(), [0..4, 8..12]);
        let all = read(&format!(r#"{{{sizes}, "multi_query": false}}"#));
        assert_eq!(all.fused_heads().query_outputs(), [0..2, 6..8, 12..14, 18..20]);
    }
}
