//! `config.json`: its fields, and what they mean where they are absent.

use serde::Deserialize;

use super::config::{BartConfig, BartPositions};
use crate::activation::Activation;
use crate::config_field::{Spelling, expect, ids, nullable, read, some_ids};
use crate::error::ModelError;

impl BartConfig {
    /// Reads Hugging Face's `config.json`. A field that is absent has the default of its `model_type`.
    ///
    /// # Errors
    ///
    /// - [`ModelError::Json`]: the text is not such a configuration.
    /// - [`ModelError::Field`]: a field has a value that is not possible.
    pub fn from_json(text: &str) -> Result<Self, ModelError> {
        let raw: Raw = read(text, "bart, mbart, marian or m2m_100", SPELLINGS)?;
        let config = raw.resolve()?;
        config.check()?;
        Ok(config)
    }
}

/// The other names of fields, from `attribute_map` of transformers.
const SPELLINGS: &[Spelling] = &[
    Spelling::Attribute("num_attention_heads", "encoder_attention_heads"),
    Spelling::Attribute("hidden_size", "d_model"),
    Spelling::Attribute("num_hidden_layers", "encoder_layers"),
];

#[derive(Deserialize)]
struct Raw {
    model_type: String,
    vocab_size: Option<usize>,
    decoder_vocab_size: Option<usize>,
    d_model: Option<usize>,
    encoder_layers: Option<usize>,
    decoder_layers: Option<usize>,
    encoder_attention_heads: Option<usize>,
    decoder_attention_heads: Option<usize>,
    encoder_ffn_dim: Option<usize>,
    decoder_ffn_dim: Option<usize>,
    activation_function: Option<Activation>,
    max_position_embeddings: Option<usize>,
    scale_embedding: Option<bool>,
    dropout: Option<f64>,
    attention_dropout: Option<f64>,
    activation_dropout: Option<f64>,
    encoder_layerdrop: Option<f64>,
    decoder_layerdrop: Option<f64>,
    init_std: Option<f64>,
    share_encoder_decoder_embeddings: Option<bool>,
    tie_word_embeddings: Option<bool>,
    is_decoder: Option<bool>,
    #[serde(default, deserialize_with = "nullable")]
    pad_token_id: Option<Option<i64>>,
    #[serde(default, deserialize_with = "nullable")]
    bos_token_id: Option<Option<i64>>,
    #[serde(default, deserialize_with = "some_ids")]
    eos_token_id: Option<Vec<i64>>,
    #[serde(default, deserialize_with = "nullable")]
    decoder_start_token_id: Option<Option<i64>>,
    forced_bos_token_id: Option<i64>,
    #[serde(default, deserialize_with = "some_ids")]
    forced_eos_token_id: Option<Vec<i64>>,
    bad_words_ids: Option<Vec<Vec<i64>>>,
    #[serde(default, deserialize_with = "ids")]
    suppress_tokens: Vec<i64>,
    force_bos_token_to_be_generated: Option<bool>,
}

/// The defaults of one `model_type`, those of Hugging Face's configuration class.
struct Defaults {
    vocab_size: usize,
    activation_function: Activation,
    attention_dropout: f64,
    layerdrop: f64,
    scale_embedding: bool,
    pad_token_id: i64,
    bos_token_id: Option<i64>,
    eos_token_id: i64,
    decoder_start_token_id: Option<i64>,
    forced_eos_token_id: Option<i64>,
}

const BART: Defaults = Defaults {
    vocab_size: 50_265,
    activation_function: Activation::Gelu,
    attention_dropout: 0.0,
    layerdrop: 0.0,
    scale_embedding: false,
    pad_token_id: 1,
    bos_token_id: Some(0),
    eos_token_id: 2,
    decoder_start_token_id: Some(2),
    forced_eos_token_id: Some(2),
};

const MBART: Defaults = Defaults { decoder_start_token_id: None, ..BART };

const MARIAN: Defaults = Defaults {
    vocab_size: 58_101,
    pad_token_id: 58_100,
    bos_token_id: None,
    eos_token_id: 0,
    decoder_start_token_id: Some(58_100),
    forced_eos_token_id: Some(0),
    ..BART
};

const M2M_100: Defaults = Defaults {
    vocab_size: 128_112,
    activation_function: Activation::Relu,
    attention_dropout: 0.1,
    layerdrop: 0.05,
    scale_embedding: true,
    forced_eos_token_id: None,
    ..BART
};

impl Raw {
    fn is(&self, model_types: &[&str]) -> bool {
        model_types.contains(&self.model_type.as_str())
    }

    fn defaults(&self) -> &'static Defaults {
        match self.model_type.as_str() {
            "mbart" => &MBART,
            "marian" => &MARIAN,
            "m2m_100" => &M2M_100,
            _ => &BART,
        }
    }

    fn resolve(self) -> Result<BartConfig, ModelError> {
        let d = self.defaults();
        expect(self.is_decoder != Some(true), "is_decoder", true, "false, an encoder-decoder")?;
        let vocab_size = self.vocab_size.unwrap_or(d.vocab_size);
        let marian = self.is(&["marian"]);
        let share_embeddings = !marian || self.share_encoder_decoder_embeddings.unwrap_or(true);
        let decoder_vocab_size = self.decoder_vocab_size.filter(|&size| marian && size > 0);
        let decoder_vocab_size = decoder_vocab_size.unwrap_or(vocab_size);
        let expected = "the number of ids of the shared embedding, `vocab_size`";
        let fits = !share_embeddings || decoder_vocab_size == vocab_size;
        expect(fits, "decoder_vocab_size", decoder_vocab_size, expected)?;
        let tie = self.tie_word_embeddings.unwrap_or(true);
        let own = !share_embeddings || !tie;
        Ok(BartConfig {
            vocab_size,
            decoder_vocab_size,
            d_model: self.d_model.unwrap_or(1024),
            encoder_layers: self.encoder_layers.unwrap_or(12),
            decoder_layers: self.decoder_layers.unwrap_or(12),
            encoder_attention_heads: self.encoder_attention_heads.unwrap_or(16),
            decoder_attention_heads: self.decoder_attention_heads.unwrap_or(16),
            encoder_ffn_dim: self.encoder_ffn_dim.unwrap_or(4096),
            decoder_ffn_dim: self.decoder_ffn_dim.unwrap_or(4096),
            activation_function: self.activation_function.unwrap_or(d.activation_function),
            max_position_embeddings: self.max_position_embeddings.unwrap_or(1024),
            encoder_position_table: self.is(&["bart", "mbart"]),
            decoder_position_table: self.is(&["bart", "mbart"]),
            positions: match self.model_type.as_str() {
                "marian" => BartPositions::Sinusoidal,
                "m2m_100" => BartPositions::SinusoidalOfTokens,
                _ => BartPositions::Learned,
            },
            norm_before: self.is(&["mbart", "m2m_100"]),
            norm_embedding: self.is(&["bart", "mbart"]),
            scale_embedding: self.scale_embedding.unwrap_or(d.scale_embedding),
            logits_bias: false,
            dropout: self.dropout.unwrap_or(0.1),
            attention_dropout: self.attention_dropout.unwrap_or(d.attention_dropout),
            activation_dropout: self.activation_dropout.unwrap_or(0.0),
            encoder_layerdrop: self.encoder_layerdrop.unwrap_or(d.layerdrop),
            decoder_layerdrop: self.decoder_layerdrop.unwrap_or(d.layerdrop),
            init_std: self.init_std.unwrap_or(0.02),
            share_embeddings,
            tie_word_embeddings: tie,
            tied_head: tie,
            own_encoder_embedding: own,
            own_decoder_embedding: own,
            pad_token_id: self.pad_token_id()?,
            eos_token_id: self.eos_token_id.clone().unwrap_or(vec![d.eos_token_id]),
            decoder_start_token_id: self.decoder_start_token_id()?,
            forced_bos_token_id: self.forced_bos_token_id(),
            forced_eos_token_id: self.forced_eos_token_id()?,
            suppress_tokens: self.suppressed()?,
            model_type: self.model_type,
        })
    }

    fn pad_token_id(&self) -> Result<i64, ModelError> {
        let absent = ModelError::Field {
            field: "pad_token_id",
            found: "null".into(),
            expected: "an id, which takes the place of ignored labels",
        };
        self.pad_token_id.unwrap_or(Some(self.defaults().pad_token_id)).ok_or(absent)
    }

    fn bos_token_id(&self) -> Option<i64> {
        self.bos_token_id.unwrap_or(self.defaults().bos_token_id)
    }

    /// The token that starts a generation: `bos_token_id` where there is no `decoder_start_token_id`, as in transformers.
    fn decoder_start_token_id(&self) -> Result<i64, ModelError> {
        let written = self.decoder_start_token_id.unwrap_or(self.defaults().decoder_start_token_id);
        let absent = ModelError::Field {
            field: "decoder_start_token_id",
            found: "null".into(),
            expected: "the id that starts every sequence of the decoder, or a `bos_token_id`",
        };
        written.or(self.bos_token_id()).ok_or(absent)
    }

    /// Old configurations of BART have `force_bos_token_to_be_generated` instead of the id.
    fn forced_bos_token_id(&self) -> Option<i64> {
        let old = self.force_bos_token_to_be_generated == Some(true) && self.is(&["bart"]);
        self.forced_bos_token_id.or_else(|| self.bos_token_id().filter(|_| old))
    }

    fn forced_eos_token_id(&self) -> Result<Option<i64>, ModelError> {
        let forced = match &self.forced_eos_token_id {
            Some(forced) => forced.clone(),
            None => self.defaults().forced_eos_token_id.into_iter().collect(),
        };
        let expected = "one id or null";
        expect(forced.len() < 2, "forced_eos_token_id", format!("{forced:?}"), expected)?;
        Ok(forced.first().copied())
    }

    /// The tokens that a generation never chooses. An end token among the bad words has no effect, as in transformers.
    fn suppressed(&self) -> Result<Vec<i64>, ModelError> {
        let bad = self.bad_words_ids.clone().unwrap_or_default();
        let single = bad.iter().all(|word| word.len() == 1);
        expect(single, "bad_words_ids", format!("{bad:?}"), "words of one token")?;
        let eos = self.eos_token_id.clone().unwrap_or(vec![self.defaults().eos_token_id]);
        let bad = bad.concat().into_iter().filter(|id| !eos.contains(id));
        Ok(bad.chain(self.suppress_tokens.iter().copied()).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> BartConfig {
        BartConfig::from_json(json).unwrap()
    }

    fn error(json: &str) -> String {
        BartConfig::from_json(json).unwrap_err().to_string()
    }

    #[test]
    fn the_model_type_decides_norms_positions_and_tokens() {
        let bart = read(r#"{"model_type": "bart", "encoder_layers": 3, "hidden_size": 64}"#);
        assert_eq!(
            (bart.vocab_size, bart.d_model, bart.encoder_layers, bart.decoder_layers),
            (50_265, 64, 3, 12)
        );
        assert_eq!(
            (bart.norm_before, bart.norm_embedding, bart.positions),
            (false, true, BartPositions::Learned)
        );
        assert_eq!((bart.decoder_start_token_id, bart.forced_eos_token_id), (2, Some(2)));
        let mbart = read(r#"{"model_type": "mbart", "forced_eos_token_id": null}"#);
        assert_eq!((mbart.norm_before, mbart.norm_embedding, mbart.decoder_start_token_id), (true, true, 0));
        assert_eq!(mbart.forced_eos_token_id, None);
        let marian = r#"{"model_type": "marian", "vocab_size": 61, "pad_token_id": 60, "decoder_start_token_id": 60,
                         "bad_words_ids": [[60], [0]]}"#;
        let marian = read(marian);
        assert_eq!((marian.norm_before, marian.norm_embedding), (false, false));
        assert_eq!((marian.positions, marian.suppress_tokens), (BartPositions::Sinusoidal, vec![60]));
        let m2m = read(r#"{"model_type": "m2m_100"}"#);
        assert_eq!((m2m.norm_before, m2m.scale_embedding, m2m.encoder_position_table), (true, true, false));
        assert_eq!((m2m.encoder_layerdrop, m2m.attention_dropout), (0.05, 0.1));
    }

    #[test]
    fn impossible_values_are_named() {
        let heads = error(r#"{"model_type": "bart", "decoder_attention_heads": 7}"#);
        assert_eq!(heads, "`decoder_attention_heads` is 7 in config.json, expected a divisor of `d_model`");
        let ends = error(r#"{"model_type": "bart", "forced_eos_token_id": [2, 3]}"#);
        assert_eq!(ends, "`forced_eos_token_id` is [2, 3] in config.json, expected one id or null");
        let words = error(r#"{"model_type": "marian", "bad_words_ids": [[7, 8]]}"#);
        assert_eq!(words, "`bad_words_ids` is [[7, 8]] in config.json, expected words of one token");
        let start = error(r#"{"model_type": "marian", "vocab_size": 61}"#);
        assert!(start.starts_with("`decoder_start_token_id` is 58100 in config.json"), "{start}");
        let pad = error(r#"{"model_type": "mbart", "pad_token_id": null}"#);
        assert!(pad.starts_with("`pad_token_id` is null in config.json"), "{pad}");
        let shared = error(r#"{"model_type": "marian", "decoder_vocab_size": 7}"#);
        assert!(shared.starts_with("`decoder_vocab_size` is 7 in config.json"), "{shared}");
        let decoder = error(r#"{"model_type": "bart", "is_decoder": true}"#);
        assert!(decoder.starts_with("`is_decoder` is true in config.json"), "{decoder}");
    }
}
