//! The tokenizers of M2M-100 and Marian: what is refused, and texts that come in parts.

use ia3_data::Tokenizer;
use serde_json::{Value, json};

use super::tokenizers::{fixtures, folder};

/// A folder of M2M-100 or Marian.
fn translator(mut files: Value, config: Value) -> Result<Tokenizer, String> {
    files["tokenizer_config.json"] = config;
    let dir = folder(&files, &fixtures().join("../sentencepiece"));
    let opened = Tokenizer::of_base(dir.path());
    opened.map(Option::unwrap).map_err(|error| error.to_string().replace(dir.path().to_str().unwrap(), "DIR"))
}

#[test]
fn what_a_translator_lacks_is_named() {
    let class = |name: &str| json!({"tokenizer_class": name});
    let m2m_100 = || json!({"vocab.json": "m2m_100.json", "sentencepiece.bpe.model": "target.model"});
    let error = |files, config| translator(files, config).unwrap_err();
    assert_eq!(
        error(json!({"vocab.json": "m2m_100.json"}), class("M2M100Tokenizer")),
        "cannot read DIR/vocab.json: the model of its pieces, `tokenizer.model` or `sentencepiece.bpe.model`, is missing"
    );
    assert_eq!(
        error(m2m_100(), json!({"tokenizer_class": "M2M100Tokenizer", "unk_token": "<none>"})),
        "cannot read DIR/vocab.json: it has no id for the `unk_token`, which is `<none>`"
    );
    let language = error(m2m_100(), json!({"tokenizer_class": "M2M100Tokenizer", "src_lang": "xx"}));
    assert!(
        language.contains("`src_lang` of tokenizer_config.json is `xx`, expected one of af, am"),
        "{language}"
    );
    let codes = error(m2m_100(), json!({"tokenizer_class": "M2M100Tokenizer", "language_codes": "nllb"}));
    assert!(
        codes.ends_with("`language_codes` of tokenizer_config.json is `nllb`, expected `m2m100` or `wmt21`"),
        "{codes}"
    );
    assert_eq!(
        error(json!({"sentencepiece.bpe.model": "target.model"}), class("M2M100Tokenizer")),
        "cannot read DIR/sentencepiece.bpe.model: vocab.json, which has the ids of its pieces, is missing"
    );
    let marian = json!({"vocab.json": "marian.json", "source.spm": "unigram.model"});
    let target = error(marian.clone(), class("MarianTokenizer"));
    assert!(target.ends_with("the model of its pieces, `target.spm`, is missing"), "{target}");
    let mut damaged = marian;
    damaged["target.spm"] = json!("marian.json");
    assert!(error(damaged, class("MarianTokenizer")).starts_with("cannot read DIR/target.spm: "));
}

#[test]
fn special_tokens_may_be_text() {
    let ids = |config| {
        let files = json!({"vocab.json": "m2m_100.json", "sentencepiece.bpe.model": "target.model"});
        translator(files, config).unwrap().encode_plain("the</s>", None).unwrap()
    };
    let found = ids(json!({"tokenizer_class": "M2M100Tokenizer"}));
    assert_eq!(found.last(), Some(&2));
    let text = ids(json!({"tokenizer_class": "M2M100Tokenizer", "split_special_tokens": true}));
    // The ids of M2M100Tokenizer in transformers 5.
    assert_eq!(text, [80, 3, 55, 89]);
}

#[test]
fn ids_that_arrive_one_by_one_give_the_whole_text() {
    let files = json!({"vocab.json": "m2m_100_bytes.json", "sentencepiece.bpe.model": "byte_pairs.model"});
    let tokenizer = translator(files, json!({"tokenizer_class": "M2M100Tokenizer"})).unwrap();
    let text = "the  then, 日本 😀 theré ";
    let ids = tokenizer.encode(text, None).unwrap();
    let mut written = String::new();
    let mut next = tokenizer.streaming(|part| written.push_str(part));
    ids.iter().for_each(|id| next(*id).unwrap());
    drop(next);
    assert!(written.contains("日本"), "{written:?}");
    assert_eq!(written, tokenizer.decode(&ids).unwrap());
}

#[test]
fn words_of_a_translator_have_their_own_tokens() {
    let files = json!({"vocab.json": "m2m_100.json", "sentencepiece.bpe.model": "target.model"});
    let tokenizer = translator(files, json!({"tokenizer_class": "M2M100Tokenizer"})).unwrap();
    let words = ["the".to_string(), "dogs".to_string()];
    let (ids, word_of) = tokenizer.encode_words(&words, 64).unwrap();
    let plain: Vec<i64> = words.iter().flat_map(|word| tokenizer.encode_plain(word, None).unwrap()).collect();
    assert_eq!(ids[1..ids.len() - 1], plain);
    assert_eq!((word_of[0], word_of[1], word_of[ids.len() - 2]), (None, Some(0), Some(1)));
}
