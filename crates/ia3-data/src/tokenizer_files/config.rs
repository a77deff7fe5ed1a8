//! What the files beside a vocabulary say: `tokenizer_config.json`, `special_tokens_map.json` and `added_tokens.json`.

use std::collections::BTreeMap;
use std::path::Path;

use ia3_guard::{Limit, quote};
use serde::Deserialize;
use serde_json::{Map, Value};
use tokenizers::AddedToken;

use crate::error::DataError;
use crate::json_file::{unusable, value};

const CONFIG: &str = "tokenizer_config.json";
const SPECIAL: &str = "special_tokens_map.json";
const ADDED: &str = "added_tokens.json";
const ADDED_FIELD: &str = "added_tokens_decoder";

/// The fields for special tokens that every tokenizer may have, in the order in which transformers adds them.
pub(super) const NAMES: [&str; 7] =
    ["bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token"];

/// The fields of `tokenizer_config.json` with those of the older files, as transformers merges them.
#[derive(Default)]
pub(super) struct TokenizerConfig {
    fields: Map<String, Value>,
    /// The added tokens by their ids.
    pub(super) added: BTreeMap<u32, AddedToken>,
    /// Tokens that the vocabulary names.
    vocabulary: Vec<AddedToken>,
    /// What `config.json` says of the model.
    pub(super) model: ModelFields,
}

/// The fields of `config.json` that decide about the tokenizer.
#[derive(Default, Deserialize)]
pub(super) struct ModelFields {
    #[serde(default)]
    pub(super) model_type: Option<String>,
    #[serde(default)]
    pub(super) tokenizer_class: Option<String>,
}

impl TokenizerConfig {
    pub(super) fn read(dir: &Path) -> Result<Self, DataError> {
        let path = dir.join(CONFIG);
        let fields: Map<String, Value> = value(&path, Limit::CONFIG)?.unwrap_or_default();
        let model = value(&dir.join("config.json"), Limit::CONFIG)?.unwrap_or_default();
        let mut config = Self { fields, model, ..Self::default() };
        match config.fields.remove(ADDED_FIELD) {
            // The newer field stands for both older files.
            Some(added) => config.added = added_tokens(added).map_err(|reason| unusable(&path, reason))?,
            None => config.merge_older(dir)?,
        }
        Ok(config)
    }

    fn merge_older(&mut self, dir: &Path) -> Result<(), DataError> {
        let special: Option<Map<String, Value>> = value(&dir.join(SPECIAL), Limit::CONFIG)?;
        self.fields.extend(special.unwrap_or_default());
        let added: Option<BTreeMap<String, u32>> = value(&dir.join(ADDED), Limit::CONFIG)?;
        let special: Vec<String> = self.special(&[]).into_iter().map(|token| token.content).collect();
        for (content, id) in added.unwrap_or_default() {
            let is_special = special.contains(&content);
            self.added.insert(id, AddedToken::from(content, is_special));
        }
        Ok(())
    }

    /// The class of transformers that the files name.
    pub(super) fn class(&self) -> Option<&str> {
        let named = self.fields.get("tokenizer_class").and_then(Value::as_str);
        named.or(self.model.tokenizer_class.as_deref())
    }

    /// A field that is true or false.
    pub(super) fn flag(&self, name: &str, default: bool) -> bool {
        self.fields.get(name).and_then(Value::as_bool).unwrap_or(default)
    }

    /// A field that is a text.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.fields.get(name).and_then(Value::as_str)
    }

    /// The language of the texts, if a file names one.
    pub(super) fn language(&self) -> Option<&str> {
        self.text("src_lang")
    }

    /// A field that is true or false, or neither.
    pub(super) fn optional_flag(&self, name: &str) -> Option<bool> {
        self.fields.get(name).and_then(Value::as_bool)
    }

    /// The special token of a field, or the one that the class has; a field that is `null` says that there is none.
    pub(super) fn token(&self, name: &str, defaults: &[(&str, &str)]) -> Option<AddedToken> {
        let default = || defaults.iter().find(|(of, _)| *of == name).map(|(_, token)| special_token(*token));
        let token = self.fields.get(name).map_or_else(default, token)?;
        // The flags of an added token of the same text count.
        Some(self.added.values().find(|added| added.content == token.content).cloned().unwrap_or(token))
    }

    /// Names a special token, where no file says anything of it.
    pub(super) fn set_default(&mut self, name: &str, token: &str) {
        self.fields.entry(name).or_insert_with(|| token.into());
    }

    /// Finds the added tokens in a text before it is normalised.
    pub(super) fn find_added_first(&mut self) {
        self.added.values_mut().for_each(|token| token.normalized = false);
    }

    /// Whether the files say more of the special token of a field than its text.
    pub(super) fn has_flags(&self, name: &str) -> bool {
        let value = self.fields.get(name);
        let added = |text: &str| self.added.values().any(|added| added.content == text);
        value.is_some_and(Value::is_object) || value.and_then(Value::as_str).is_some_and(added)
    }

    /// The special tokens that have a name, then the others, in the order in which transformers adds them.
    pub(super) fn special(&self, defaults: &[(&str, &str)]) -> Vec<AddedToken> {
        let named = NAMES.iter().filter_map(|name| self.token(name, defaults));
        let is_other =
            |(name, _): &(&String, &Value)| name.ends_with("_token") && !NAMES.contains(&name.as_str());
        let others = self.fields.iter().filter(is_other).filter_map(|(_, value)| token(value));
        let special = named.chain(others).chain(self.extra());
        let special = special.map(|token| AddedToken { special: true, ..token });
        special.chain(self.vocabulary.iter().cloned()).collect()
    }

    /// Adds special tokens that the vocabulary names, where the files name none.
    pub(super) fn add_extra(&mut self, tokens: Vec<AddedToken>) {
        if self.extra().is_empty() {
            self.vocabulary = tokens;
        }
    }

    /// The special tokens without a name: `extra_special_tokens`, or `additional_special_tokens` of older files.
    pub(super) fn extra(&self) -> Vec<AddedToken> {
        let is_empty = |value: &&Value| value.as_array().is_some_and(Vec::is_empty) || value.is_null();
        let newer = self.fields.get("extra_special_tokens").filter(|value| !is_empty(value));
        match newer.or_else(|| self.fields.get("additional_special_tokens")) {
            Some(Value::Array(tokens)) => tokens.iter().filter_map(token).collect(),
            Some(Value::Object(tokens)) => tokens.values().filter_map(token).collect(),
            _ => vec![],
        }
    }
}

/// A special token from its text. It is found before a text is normalised.
pub(super) fn special_token(text: impl Into<String>) -> AddedToken {
    AddedToken::from(text, true)
}

/// The flags of an added token, which may be missing.
#[derive(Deserialize)]
struct Flags {
    content: String,
    #[serde(default)]
    single_word: bool,
    #[serde(default)]
    lstrip: bool,
    #[serde(default)]
    rstrip: bool,
    normalized: Option<bool>,
    #[serde(default)]
    special: bool,
}

impl From<Flags> for AddedToken {
    fn from(flags: Flags) -> Self {
        let Flags { content, single_word, lstrip, rstrip, normalized, special } = flags;
        Self {
            single_word,
            lstrip,
            rstrip,
            normalized: normalized.unwrap_or(!special),
            ..Self::from(content, special)
        }
    }
}

/// A token as its text, or as an object.
fn token(value: &Value) -> Option<AddedToken> {
    match value {
        Value::String(text) => Some(special_token(text.as_str())),
        Value::Object(_) => Flags::deserialize(value).ok().map(Into::into),
        _ => None,
    }
}

fn added_tokens(field: Value) -> Result<BTreeMap<u32, AddedToken>, String> {
    let Value::Object(tokens) = field else {
        return Err(format!("`{ADDED_FIELD}` is no object of tokens by id"));
    };
    let read = |(id, value): (String, Value)| {
        let number = id.parse().map_err(|_| format!("`{ADDED_FIELD}` has the id `{}`", quote(&id)))?;
        let flags = Flags::deserialize(value);
        let flags = flags.map_err(|error| format!("`{ADDED_FIELD}`, id {number}: {error}"))?;
        Ok((number, flags.into()))
    };
    tokens.into_iter().map(read).collect()
}
