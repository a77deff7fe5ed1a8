//! `config.json`: its fields, and what they mean where they are absent.

use serde::Deserialize;

use super::config::WhisperConfig;
use crate::activation::Activation;
use crate::config_field::{Spelling, expect, ids, nullable, read, some_ids, switch};
use crate::error::ModelError;

/// The other names of fields, from `attribute_map` of transformers.
const SPELLINGS: &[Spelling] = &[
    Spelling::Attribute("num_key_value_heads", "encoder_attention_heads"),
    Spelling::Attribute("num_attention_heads", "encoder_attention_heads"),
    Spelling::Attribute("hidden_size", "d_model"),
    Spelling::Attribute("num_hidden_layers", "encoder_layers"),
];

/// The tokens of `openai/whisper-tiny.en`, which are the defaults of transformers.
const END: i64 = 50_256;
const START: i64 = 50_257;
const SPACE: i64 = 220;

/// The classes of transformers that are other models than this one.
const OTHERS: [&str; 2] = ["WhisperForAudioClassification", "WhisperForCausalLM"];

#[derive(Deserialize)]
struct Raw {
    architectures: Option<Vec<String>>,
    vocab_size: Option<usize>,
    num_mel_bins: Option<usize>,
    d_model: Option<usize>,
    encoder_layers: Option<usize>,
    decoder_layers: Option<usize>,
    encoder_attention_heads: Option<usize>,
    decoder_attention_heads: Option<usize>,
    encoder_ffn_dim: Option<usize>,
    decoder_ffn_dim: Option<usize>,
    activation_function: Option<Activation>,
    max_source_positions: Option<usize>,
    max_target_positions: Option<usize>,
    dropout: Option<f64>,
    attention_dropout: Option<f64>,
    activation_dropout: Option<f64>,
    encoder_layerdrop: Option<f64>,
    decoder_layerdrop: Option<f64>,
    #[serde(default, deserialize_with = "switch")]
    apply_spec_augment: bool,
    init_std: Option<f64>,
    tie_word_embeddings: Option<bool>,
    is_decoder: Option<bool>,
    #[serde(default, deserialize_with = "nullable")]
    pad_token_id: Option<Option<i64>>,
    #[serde(default, deserialize_with = "some_ids")]
    eos_token_id: Option<Vec<i64>>,
    decoder_start_token_id: Option<i64>,
    forced_decoder_ids: Option<Vec<(usize, Option<i64>)>>,
    #[serde(default, deserialize_with = "ids")]
    suppress_tokens: Vec<i64>,
    #[serde(default, deserialize_with = "some_ids")]
    begin_suppress_tokens: Option<Vec<i64>>,
}

impl WhisperConfig {
    /// Reads Hugging Face's `config.json`. A field that is absent has the default of `WhisperConfig` of transformers.
    ///
    /// # Errors
    ///
    /// - [`ModelError::Json`]: the text is not such a configuration.
    /// - [`ModelError::Field`]: a field has a value that is not possible.
    pub fn from_json(text: &str) -> Result<Self, ModelError> {
        let raw: Raw = read(text, "whisper", SPELLINGS)?;
        let config = raw.resolve()?;
        config.check()?;
        Ok(config)
    }
}

impl Raw {
    fn resolve(self) -> Result<WhisperConfig, ModelError> {
        self.check_class()?;
        let tied = self.tie_word_embeddings.unwrap_or(true);
        Ok(WhisperConfig {
            decoder_prompt: self.decoder_prompt()?,
            pad_token_id: self.pad_token_id()?,
            vocab_size: self.vocab_size.unwrap_or(51_865),
            num_mel_bins: self.num_mel_bins.unwrap_or(80),
            d_model: self.d_model.unwrap_or(384),
            encoder_layers: self.encoder_layers.unwrap_or(4),
            decoder_layers: self.decoder_layers.unwrap_or(4),
            encoder_attention_heads: self.encoder_attention_heads.unwrap_or(6),
            decoder_attention_heads: self.decoder_attention_heads.unwrap_or(6),
            encoder_ffn_dim: self.encoder_ffn_dim.unwrap_or(1536),
            decoder_ffn_dim: self.decoder_ffn_dim.unwrap_or(1536),
            activation_function: self.activation_function.unwrap_or(Activation::Gelu),
            max_source_positions: self.max_source_positions.unwrap_or(1500),
            max_target_positions: self.max_target_positions.unwrap_or(448),
            dropout: self.dropout.unwrap_or(0.0),
            attention_dropout: self.attention_dropout.unwrap_or(0.0),
            activation_dropout: self.activation_dropout.unwrap_or(0.0),
            encoder_layerdrop: self.encoder_layerdrop.unwrap_or(0.0),
            decoder_layerdrop: self.decoder_layerdrop.unwrap_or(0.0),
            apply_spec_augment: self.apply_spec_augment,
            init_std: self.init_std.unwrap_or(0.02),
            tie_word_embeddings: tied,
            tied_head: tied,
            float32_states: false,
            eos_token_id: self.eos_token_id.unwrap_or(vec![END]),
            decoder_start_token_id: self.decoder_start_token_id.unwrap_or(START),
            suppress_tokens: self.suppress_tokens,
            begin_suppress_tokens: self.begin_suppress_tokens.unwrap_or(vec![SPACE, END]),
        })
    }

    fn check_class(&self) -> Result<(), ModelError> {
        expect(self.is_decoder != Some(true), "is_decoder", true, "false, an encoder-decoder")?;
        let classes = self.architectures.iter().flatten();
        let other = classes.into_iter().find(|class| OTHERS.contains(&class.as_str()));
        let expected = "WhisperForConditionalGeneration, the model that writes text";
        other.map_or(Ok(()), |class| expect(false, "architectures", class, expected))
    }

    fn pad_token_id(&self) -> Result<i64, ModelError> {
        let absent = ModelError::Field {
            field: "pad_token_id",
            found: "null".into(),
            expected: "an id, which takes the place of ignored labels",
        };
        self.pad_token_id.unwrap_or(Some(END)).ok_or(absent)
    }

    /// The tokens of `forced_decoder_ids`, which are pairs of a place and a token. A place without a token is left out, as in
    /// transformers, where the model has no list of languages.
    fn decoder_prompt(&self) -> Result<Vec<i64>, ModelError> {
        let forced = self.forced_decoder_ids.clone().unwrap_or_default();
        let in_order = forced.iter().enumerate().all(|(i, (place, _))| *place == i + 1);
        let expected = "pairs of the places 1, 2, 3 … and their tokens";
        expect(in_order, "forced_decoder_ids", format!("{forced:?}"), expected)?;
        Ok(forced.into_iter().filter_map(|(_, id)| id).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(json: &str) -> String {
        WhisperConfig::from_json(json).unwrap_err().to_string()
    }

    #[test]
    fn absent_fields_have_the_defaults_of_transformers() {
        let json = r#"{"model_type": "whisper", "encoder_layers": 2, "hidden_size": 48, "num_mel_bins": 128,
            "forced_decoder_ids": [[1, null], [2, 50359], [3, 50363]], "eos_token_id": 50257, "suppress_tokens": null}"#;
        let config = WhisperConfig::from_json(json).unwrap();
        assert_eq!((config.d_model, config.encoder_layers, config.decoder_layers), (48, 2, 4));
        assert_eq!((config.num_mel_bins, config.frames(), config.vocab_size), (128, 3000, 51_865));
        assert_eq!((config.decoder_prompt, config.eos_token_id), (vec![50_359, 50_363], vec![50_257]));
        assert_eq!((config.suppress_tokens, config.begin_suppress_tokens), (vec![], vec![SPACE, END]));
    }

    #[test]
    fn impossible_values_are_named() {
        let heads = error(r#"{"decoder_attention_heads": 7}"#);
        assert_eq!(heads, "`decoder_attention_heads` is 7 in config.json, expected a divisor of `d_model`");
        let forced = error(r#"{"forced_decoder_ids": [[2, 50359]]}"#);
        assert!(forced.starts_with("`forced_decoder_ids` is [(2, Some(50359))] in config.json"), "{forced}");
        let outside = error(r#"{"forced_decoder_ids": [[1, 51865]]}"#);
        assert!(outside.starts_with("`forced_decoder_ids` is [51865] in config.json"), "{outside}");
        let start = error(r#"{"vocab_size": 61}"#);
        assert!(start.starts_with("`decoder_start_token_id` is 50257 in config.json"), "{start}");
        let pad = error(r#"{"pad_token_id": null}"#);
        assert!(pad.starts_with("`pad_token_id` is null in config.json"), "{pad}");
        let class = error(r#"{"architectures": ["WhisperForAudioClassification"]}"#);
        assert!(
            class.starts_with("`architectures` is WhisperForAudioClassification in config.json"),
            "{class}"
        );
    }
}
