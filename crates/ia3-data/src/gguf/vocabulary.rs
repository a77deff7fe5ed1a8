//! The tokens of a file.

use std::collections::HashMap;

use ia3_gguf::{GgufError, GgufFile};
use ia3_guard::quote;
use serde_json::{Map, Value, json};

use super::bad;
use crate::token_kind::TokenKind;

pub(super) const TOKENS: &str = "tokenizer.ggml.tokens";
const KINDS: &str = "tokenizer.ggml.token_type";

/// The tokens, whose place is their id. No two are equal.
pub(super) struct Vocabulary {
    pub(super) tokens: Vec<String>,
    pub(super) kinds: Vec<TokenKind>,
}

impl Vocabulary {
    pub(super) fn read(file: &GgufFile) -> Result<Self, GgufError> {
        let tokens = file.texts(TOKENS)?.ok_or_else(|| file.metadata().no_key(TOKENS))?;
        let kinds = match file.integers(KINDS)? {
            None => vec![TokenKind::Normal; tokens.len()],
            Some(kinds) => kinds.into_iter().map(|kind| of_number(file, kind)).collect::<Result<_, _>>()?,
        };
        same_length(file, KINDS, kinds.len(), tokens.len())?;
        let vocabulary = Self { tokens, kinds };
        vocabulary.check_unique(file)?;
        Ok(vocabulary)
    }

    fn check_unique(&self, file: &GgufFile) -> Result<(), GgufError> {
        let mut places = HashMap::with_capacity(self.tokens.len());
        for (id, token) in self.used() {
            if let Some(other) = places.insert(token, id) {
                let token = quote(token);
                return Err(bad(file, TOKENS, format!("has the token `{token}` twice, as {other} and {id}")));
            }
        }
        Ok(())
    }

    /// The tokens that a text can have, with their ids.
    pub(super) fn used(&self) -> impl Iterator<Item = (usize, &str)> {
        let kinds = self.kinds.iter();
        let tokens = self.tokens.iter().map(String::as_str).enumerate().zip(kinds);
        tokens.filter(|(_, kind)| **kind != TokenKind::Unused).map(|(token, _)| token)
    }

    /// The tokens of a kind, with their ids.
    pub(super) fn of(&self, wanted: TokenKind) -> impl Iterator<Item = (usize, &str)> {
        self.used().filter(move |(id, _)| self.kinds.get(*id) == Some(&wanted))
    }

    /// The map from tokens to ids.
    pub(super) fn map(&self) -> Map<String, Value> {
        self.used().map(|(id, token)| (token.to_string(), id.into())).collect()
    }

    /// The tokens that are found in a text before it is split. Those that are not of the user are special: they do not show in
    /// what is decoded.
    pub(super) fn added_tokens(&self) -> Vec<Value> {
        let added = self.used().filter_map(|(id, token)| {
            let special = match self.kinds.get(id)? {
                TokenKind::Unknown | TokenKind::Control => true,
                TokenKind::UserDefined => false,
                TokenKind::Normal | TokenKind::Unused | TokenKind::Byte => return None,
            };
            Some(json!({
                "id": id,
                "content": token,
                "single_word": false,
                "lstrip": false,
                "rstrip": false,
                "normalized": false,
                "special": special,
            }))
        });
        added.collect()
    }

    /// The special token that the file names, such as `bos`.
    pub(super) fn special(&self, file: &GgufFile, name: &str) -> Result<(usize, &str), GgufError> {
        let key = format!("tokenizer.ggml.{name}_token_id");
        let id = file.metadata().unsigned(&key)?.ok_or_else(|| file.metadata().no_key(&key))?;
        let known = usize::try_from(id).ok().and_then(|id| Some((id, self.tokens.get(id)?.as_str())));
        known.ok_or_else(|| bad(file, &key, format!("is {id}, but there are {} tokens", self.tokens.len())))
    }
}

fn of_number(file: &GgufFile, number: i64) -> Result<TokenKind, GgufError> {
    TokenKind::of(number).ok_or_else(|| bad(file, KINDS, format!("has the type {number}, expected 1 to 6")))
}

/// Refuses an array that has not one element per token.
pub(super) fn same_length(file: &GgufFile, key: &str, found: usize, tokens: usize) -> Result<(), GgufError> {
    match found == tokens {
        true => Ok(()),
        false => Err(bad(file, key, format!("has {found} elements, but there are {tokens} tokens"))),
    }
}
