//! M2M-100 and Marian: models of SentencePiece whose pieces have their ids in `vocab.json`.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::Path;
use std::sync::Arc;

use ia3_guard::quote;
use serde_json::{Map, Value, json};
use tokenizers::AddedToken;

use super::class::TokenizerClass;
use super::config::TokenizerConfig;
use super::files::{model, text};
use super::languages::{M2M_100, WMT_21};
use crate::error::DataError;
use crate::json_file::unusable;
use crate::piece_tokenizer::{Added, Decoding, PieceTokenizer, Side, Splitter};
use crate::sentence_piece::Processor;
use crate::tokenizer_parts::Item::{A, B, Token};
use crate::tokenizer_parts::{Item, Parts, template};

/// The language of a text of M2M-100 where no file names another.
const LANGUAGE: &str = "en";

type Ids = HashMap<String, u32>;

/// The parts of a tokenizer: the `tokenizer.json` of its vocabulary and of the special tokens around a text, and the pieces.
pub(super) type Translator = (Value, PieceTokenizer);

/// The tokenizer of M2M-100 in a folder; `vocabulary` is its `vocab.json`.
pub(super) fn m2m_100(vocabulary: &Path, config: &TokenizerConfig) -> Result<Translator, DataError> {
    let names = TokenizerClass::M2M100.sentence_pieces();
    let processor = processor(vocabulary, names)?;
    let mut ids = ids(vocabulary)?;
    let failed = |reason| unusable(vocabulary, reason);
    let codes = match config.text("language_codes").unwrap_or("m2m100") {
        "m2m100" => M2M_100.as_slice(),
        "wmt21" => WMT_21.as_slice(),
        other => return Err(failed(no_codes(other))),
    };
    let (first, unknown) = (ids.len() as u32, named("unk_token", config, &ids).map_err(failed)?);
    let languages: Vec<(String, u32)> = codes.iter().map(|code| format!("__{code}__")).zip(first..).collect();
    let vocabulary_size = ids.len();
    let mut tokens = by_id(&ids);
    tokens.extend(languages.iter().map(|(token, id)| (*id, token.clone())));
    ids.extend(languages.iter().cloned());
    let missing = unknown.0.clone();
    let known = known(&tokens, vocabulary_size, &missing);
    let special = Special::new(known, TokenizerClass::M2M100, config);
    tokens.extend(special.texts_by_id());
    let code = config.language().unwrap_or(LANGUAGE);
    let language = languages.iter().find(|(token, _)| *token == format!("__{code}__"));
    let (language, language_id) = language.ok_or_else(|| failed(no_language(code, codes)))?;
    let (eos, eos_id) = special.id("eos_token", config).map_err(failed)?;
    let items = ([Token(language, 0), A, Token(&eos, 0)], [Token(language, 0), A, B(0), Token(&eos, 0)]);
    let json = vocabulary_json(
        &ids,
        &special,
        (&items.0, &items.1),
        &[(language.as_str(), *language_id), (eos.as_str(), eos_id)],
    );
    let side = Side { processor: processor.clone(), ids: special.over(ids), unknown: unknown.1 };
    let decoding = Decoding {
        processor,
        tokens,
        special: special.ids(),
        special_texts: special.texts.clone(),
        missing: Some(missing),
        after_special: "",
        replaces_space: false,
    };
    let added = special.splitter(config);
    Ok((json, PieceTokenizer { source: side, target: None, added, has_codes: false, decoding }))
}

/// The tokenizer of Marian in a folder; `vocabulary` is its `vocab.json`. A text of the target has another model, and other ids with
/// `separate_vocabs`.
pub(super) fn marian(vocabulary: &Path, config: &TokenizerConfig) -> Result<Translator, DataError> {
    let [source, target] = [&["source.spm"], &["target.spm"]].map(|names| processor(vocabulary, names));
    let (source, target) = (source?, target?);
    let source_ids = ids(vocabulary)?;
    let separate = config.flag("separate_vocabs", false);
    let target_file = vocabulary.with_file_name("target_vocab.json");
    let target_ids = if separate { ids(&target_file)? } else { source_ids.clone() };
    let special = Special::new(source_ids.clone(), TokenizerClass::Marian, config);
    let side = |processor: &Arc<Processor>, ids: &Ids, file: &Path| {
        let (_, unknown) = named("unk_token", config, ids).map_err(|reason| unusable(file, reason))?;
        Ok::<_, DataError>(Side { processor: processor.clone(), ids: special.over(ids.clone()), unknown })
    };
    let mut tokens = by_id(&target_ids);
    tokens.extend(special.texts_by_id());
    let (eos, eos_id) = special.id("eos_token", config).map_err(|reason| unusable(vocabulary, reason))?;
    let items = ([A, Token(&eos, 0)], [A, B(0), Token(&eos, 0)]);
    let json = vocabulary_json(&source_ids, &special, (&items.0, &items.1), &[(eos.as_str(), eos_id)]);
    let tokenizer = PieceTokenizer {
        source: side(&source, &source_ids, vocabulary)?,
        target: Some(side(&target, &target_ids, if separate { &target_file } else { vocabulary })?),
        has_codes: true,
        decoding: Decoding {
            processor: if separate { target } else { source },
            tokens,
            special: special.ids(),
            special_texts: special.texts.clone(),
            missing: None,
            after_special: " ",
            replaces_space: true,
        },
        added: special.splitter(config),
    };
    Ok((json, tokenizer))
}

/// The special tokens, which are found in a text before anything else, and other tokens that the files add.
struct Special {
    added: Vec<Added>,
    texts: HashSet<String>,
}

impl Special {
    /// `known` are the tokens of the vocabulary; those that it lacks get the ids behind them.
    fn new(mut known: Ids, class: TokenizerClass, config: &TokenizerConfig) -> Self {
        let mut added: BTreeMap<u32, AddedToken> = config.added.clone();
        known.extend(added.iter().map(|(id, token)| (token.content.clone(), *id)));
        let mut there: HashSet<String> = added.values().map(|token| token.content.clone()).collect();
        let special = config.special(class.special_tokens()).into_iter().map(|token| token.content);
        let texts: Vec<String> = special.filter(|text| !text.is_empty()).collect();
        for text in texts.iter().filter(|text| there.insert(text.to_string())) {
            let next = known.len() as u32;
            let id = *known.entry(text.clone()).or_insert(next);
            added.insert(id, AddedToken::from(text.as_str(), true));
        }
        let added = added.into_iter().map(|(id, token)| Added { token, id }).collect();
        Self { added, texts: texts.into_iter().collect() }
    }

    fn texts_by_id(&self) -> impl Iterator<Item = (u32, String)> {
        self.added.iter().map(|added| (added.id, added.token.content.clone()))
    }

    /// The ids of pieces, which are those of these tokens where the texts are the same.
    fn over(&self, mut ids: Ids) -> Arc<Ids> {
        ids.extend(self.texts_by_id().map(|(id, text)| (text, id)));
        Arc::new(ids)
    }

    /// What finds these tokens in a text, unless they are to be text there.
    fn splitter(self, config: &TokenizerConfig) -> Splitter {
        let is_text = config.flag("split_special_tokens", false);
        Splitter::new(if is_text { vec![] } else { self.added })
    }

    fn ids(&self) -> HashSet<u32> {
        let is_special = |added: &&Added| self.texts.contains(&added.token.content);
        self.added.iter().filter(is_special).map(|added| added.id).collect()
    }

    /// The token of a field, with its id.
    fn id(&self, name: &str, config: &TokenizerConfig) -> Result<(String, u32), String> {
        let ids = self.texts_by_id().map(|(id, text)| (text, id)).collect();
        named(name, config, &ids)
    }
}

/// The token of a field, with its id in a vocabulary.
fn named(name: &str, config: &TokenizerConfig, ids: &Ids) -> Result<(String, u32), String> {
    // Both classes have the same names.
    let token = config.token(name, TokenizerClass::Marian.special_tokens());
    let token = token.ok_or_else(|| format!("there is no `{name}`"))?.content;
    let id = ids.get(&token).copied();
    let id = id.ok_or_else(|| format!("it has no id for the `{name}`, which is `{}`", quote(&token)))?;
    Ok((token, id))
}

/// The tokens of the ids. Of several tokens with one id the last of the alphabet counts.
fn by_id(ids: &Ids) -> HashMap<u32, String> {
    let mut tokens: Vec<(&String, &u32)> = ids.iter().collect();
    tokens.sort();
    tokens.into_iter().map(|(token, id)| (*id, token.clone())).collect()
}

/// The tokens of the first ids, as many as the vocabulary has. An id without a token counts as the unknown one.
fn known(tokens: &HashMap<u32, String>, size: usize, unknown: &str) -> Ids {
    let token = |id: &u32| tokens.get(id).map_or(unknown, String::as_str).to_string();
    (0..size as u32).map(|id| (token(&id), id)).collect()
}

/// The vocabulary, and the template of special tokens for one text and for two.
fn vocabulary_json(
    ids: &Ids,
    special: &Special,
    (single, pair): (&[Item], &[Item]),
    of_template: &[(&str, u32)],
) -> Value {
    let all = ids.iter().map(|(token, id)| (token.clone(), *id));
    let all = all.chain(special.texts_by_id().map(|(id, token)| (token, id)));
    let vocab: Map<String, Value> = all.map(|(token, id)| (token, id.into())).collect();
    let model = json!({"type": "WordLevel", "unk_token": "", "vocab": vocab});
    let parts = Parts { normalizer: Value::Null, pre_tokenizer: Value::Null, decoder: Value::Null, model };
    parts.json(vec![], template(single, pair, of_template))
}

fn ids(path: &Path) -> Result<Ids, DataError> {
    serde_json::from_str(&text(path)?).map_err(|error| unusable(path, error.to_string()))
}

/// The first model of these names beside a file.
fn processor(beside: &Path, names: &[&str]) -> Result<Arc<Processor>, DataError> {
    let mut paths = names.iter().map(|name| beside.with_file_name(name));
    let path = paths.find(|path| path.exists());
    let path = path.ok_or_else(|| {
        unusable(beside, format!("the model of its pieces, `{}`, is missing", names.join("` or `")))
    })?;
    let processor =
        model(&path).and_then(|model| Processor::new(&model).map_err(|reason| unusable(&path, reason)))?;
    Ok(Arc::new(processor))
}

fn no_codes(found: &str) -> String {
    format!("`language_codes` of tokenizer_config.json is `{}`, expected `m2m100` or `wmt21`", quote(found))
}

fn no_language(code: &str, codes: &[&str]) -> String {
    let list = codes.join(", ");
    format!("`src_lang` of tokenizer_config.json is `{}`, expected one of {list}", quote(code))
}
