use serde::Deserialize;

use crate::activation::Activation;
use crate::config_field::{
    expect, expect_divides, expect_dropout, expect_layers, expect_positive, expect_sizes, ids, read,
};
use crate::encoder::HeadConfig;
use crate::error::ModelError;
use crate::fused_heads::FusedHeads;
use crate::rotary::{Beside, RopeParameters, RotaryFrequencies};
use crate::shape::{HasShape, Shape};

/// The `config.json` of Phi-3 (Hugging Face's `Phi3Config`), with its defaults.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default)]
pub struct Phi3Config {
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
    /// The number of heads of the keys and values. If it is absent, there are as many as heads of the queries.
    pub num_key_value_heads: Option<usize>,
    /// The width of a head. If it is absent, it is `hidden_size / num_attention_heads`.
    pub head_dim: Option<usize>,
    /// The dropout on the output of each layer, in training.
    pub resid_pdrop: f64,
    /// The dropout on the attention weights.
    pub attention_dropout: f64,
    /// The activation of the gate.
    pub hidden_act: Activation,
    /// The number of positions.
    pub max_position_embeddings: usize,
    /// The number of positions that the model was first trained on.
    pub original_max_position_embeddings: f64,
    /// The standard deviation of freshly initialised weights.
    pub initializer_range: f64,
    /// The epsilon of the RMS norms.
    pub rms_norm_eps: f64,
    /// The number of tokens that a token sees, including itself. If it is absent, it sees all tokens before it.
    pub sliding_window: Option<usize>,
    /// The rotary embeddings.
    pub rope_parameters: Option<Box<RopeParameters>>,
    /// The rotary embeddings in older files. If it is not empty, it is used instead of `rope_parameters`.
    pub rope_scaling: Option<Box<RopeParameters>>,
    /// The base of the wavelengths of the rotary embeddings in older files.
    pub rope_theta: Option<f64>,
    /// The share of a head that is rotated, in older files. If it is absent everywhere, the whole head is rotated.
    pub partial_rotary_factor: Option<f64>,
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

impl Default for Phi3Config {
    fn default() -> Self {
        Self {
            vocab_size: 32_064,
            hidden_size: 3072,
            intermediate_size: 8192,
            num_hidden_layers: 32,
            num_attention_heads: 32,
            num_key_value_heads: None,
            head_dim: None,
            resid_pdrop: 0.0,
            attention_dropout: 0.0,
            hidden_act: Activation::Silu,
            max_position_embeddings: 4096,
            original_max_position_embeddings: 4096.0,
            initializer_range: 0.02,
            rms_norm_eps: 1e-5,
            sliding_window: None,
            rope_parameters: None,
            rope_scaling: None,
            rope_theta: None,
            partial_rotary_factor: None,
            tie_word_embeddings: false,
            head: None,
            float32_states: false,
            pad_token_id: Some(32_000),
            eos_token_id: vec![32_000],
        }
    }
}

impl Phi3Config {
    /// The `model_type` of Hugging Face.
    pub(crate) fn hugging_face_type(&self) -> &str {
        "phi3"
    }

    /// Reads Hugging Face's `config.json`. A field that is absent has its default.
    ///
    /// # Errors
    ///
    /// - [`ModelError::Json`]: the text is not such a configuration.
    /// - [`ModelError::Field`]: a field has a value that is not possible.
    pub fn from_json(text: &str) -> Result<Self, ModelError> {
        let config: Self = read(text, "phi3", &[])?;
        config.check()?;
        Ok(Self { head: HeadConfig::of_decoder(text)?, ..config })
    }

    /// The width of a head.
    pub fn d_head(&self) -> usize {
        self.head_dim.unwrap_or(self.hidden_size / self.num_attention_heads)
    }

    /// The number of heads of the keys and values.
    pub fn kv_heads(&self) -> usize {
        self.num_key_value_heads.unwrap_or(self.num_attention_heads)
    }

    /// The order of the outputs of `qkv_proj`.
    pub(crate) fn fused_heads(&self) -> FusedHeads {
        FusedHeads::in_order(self.num_attention_heads, self.kv_heads(), self.d_head())
    }

    /// The angles per position of the rotary embeddings. The kinds `su` and `yarn` are older names of `longrope`.
    pub(crate) fn frequencies(&self) -> Result<RotaryFrequencies, ModelError> {
        let beside = Beside {
            rope_theta: self.rope_theta,
            partial_rotary_factor: self.partial_rotary_factor,
            original_max_position_embeddings: Some(self.original_max_position_embeddings),
            max_position_embeddings: self.max_position_embeddings,
        };
        let (scaling, parameters) =
            (self.rope_scaling.as_deref().cloned(), self.rope_parameters.as_deref().cloned());
        let mut rope = RopeParameters::resolve(scaling, parameters, beside);
        let kind = rope.kind().to_string();
        let known = ["default", "longrope", "su", "yarn"].contains(&kind.as_str());
        expect(known, "rope_type", format!("`{kind}`"), "default or longrope")?;
        if kind != "default" {
            rope.rope_type = Some("longrope".into());
        }
        rope.partial_frequencies(self.d_head(), self.max_position_embeddings, "partial_rotary_factor")
    }

    fn check(&self) -> Result<(), ModelError> {
        let heads = self.num_attention_heads;
        expect_layers("num_hidden_layers", self.num_hidden_layers)?;
        match self.head_dim {
            None => {
                expect_divides("num_attention_heads", heads, self.hidden_size, "a divisor of `hidden_size`")?
            }
            Some(head_dim) => expect_sizes([("num_attention_heads", heads), ("head_dim", head_dim)])?,
        }
        expect_sizes([
            ("vocab_size", self.vocab_size),
            ("hidden_size", self.hidden_size),
            ("intermediate_size", self.intermediate_size),
            ("num_attention_heads · head_dim", heads.saturating_mul(self.d_head())),
        ])?;
        expect_divides("num_key_value_heads", self.kv_heads(), heads, "a divisor of `num_attention_heads`")?;
        expect(self.sliding_window != Some(0), "sliding_window", 0, "at least 1 token")?;
        expect_dropout("resid_pdrop", self.resid_pdrop)?;
        expect_dropout("attention_dropout", self.attention_dropout)?;
        expect_positive("rms_norm_eps", self.rms_norm_eps)?;
        self.frequencies().map(|_| ())
    }
}

impl HasShape for Phi3Config {
    fn shape(&self) -> Shape {
        let d_kv = self.kv_heads() * self.d_head();
        Shape::of_one_stack(self.num_hidden_layers, self.num_attention_heads, d_kv)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn older_names_of_longrope_are_read() {
        let sizes = r#""hidden_size": 8, "num_attention_heads": 2, "max_position_embeddings": 64"#;
        let read = |kind: &str| {
            let factors = r#""short_factor": [1, 2], "long_factor": [4, 8]"#;
            let rope = format!(r#""rope_scaling": {{"type": "{kind}", {factors}}}"#);
            Phi3Config::from_json(&format!(r#"{{{sizes}, "original_max_position_embeddings": 8, {rope}}}"#))
        };
        for kind in ["su", "yarn", "longrope"] {
            let frequencies = read(kind).unwrap().frequencies().unwrap();
            assert_eq!(frequencies.of_length(8), [1.0, 0.005], "{kind}");
            assert_eq!(frequencies.of_length(9), [0.25, 0.00125], "{kind}");
            assert_eq!(frequencies.other_beyond(), Some(8));
        }
        let error = read("linear").unwrap_err().to_string();
        assert_eq!(error, "`rope_type` is `linear` in config.json, expected default or longrope");
    }
}
