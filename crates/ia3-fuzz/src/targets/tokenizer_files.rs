//! The files of a tokenizer in a folder without `tokenizer.json`, and a text for it.

use ia3_data::Tokenizer;

use crate::input::{Folder, join, parts};
use crate::target::Target;

/// `tokenizer_config.json`, the vocabulary, what goes with it, and the text.
pub const TARGET: Target = Target {
    name: "tokenizer_files",
    run,
    seeds,
    tokens: &[
        "tokenizer_class",
        "BertTokenizer",
        "GPT2Tokenizer",
        "Qwen2Tokenizer",
        "RobertaTokenizer",
        "T5Tokenizer",
        "ByT5Tokenizer",
        "CamembertTokenizer",
        "DebertaV2Tokenizer",
        "GemmaTokenizer",
        "M2M100Tokenizer",
        "MarianTokenizer",
        "MBart50Tokenizer",
        "separate_vocabs",
        "src_lang",
        "do_lower_case",
        "strip_accents",
        "add_prefix_space",
        "add_bos_token",
        "split_special_tokens",
        "added_tokens_decoder",
        "additional_special_tokens",
        "extra_special_tokens",
        "eos_token",
        "unk_token",
        "content",
        "lstrip",
        "normalized",
    ],
};

fn run(data: &[u8]) {
    let [config, vocabulary, more, text] = parts(data);
    let folder = Folder::new();
    folder.write("tokenizer_config.json", config);
    // The class decides which of them is read.
    let models = [
        "spiece.model",
        "spm.model",
        "sentencepiece.bpe.model",
        "tokenizer.model",
        "source.spm",
        "target.spm",
    ];
    for name in ["vocab.txt"].iter().chain(&models) {
        folder.write(name, vocabulary);
    }
    for name in ["merges.txt", "added_tokens.json", "special_tokens_map.json", "target_vocab.json"] {
        folder.write(name, more);
    }
    // Marian and M2M-100 have a table of the pieces beside their model.
    let config = String::from_utf8_lossy(config);
    let beside = ["Marian", "M2M"].iter().any(|name| config.contains(name));
    folder.write("vocab.json", if beside { more } else { vocabulary });
    let Ok(Some(tokenizer)) = Tokenizer::of_base(&folder.path("")) else { return };
    let text = String::from_utf8_lossy(text);
    for ids in [tokenizer.encode(&text, None), tokenizer.encode_target(&text, None)].into_iter().flatten() {
        let _ = tokenizer.decode(&ids);
    }
    let _ = tokenizer.encode_pair(&text, &text, Some(5));
    let _ = tokenizer.decode(&[0, -1, i64::MIN, i64::MAX, 1 << 31]);
}

fn seeds() -> Vec<Vec<u8>> {
    // Pieces `<unk>`, `</s>` and `▁a`, and a trainer that says that the first is for what is unknown.
    let model = b"\x0a\x0e\x0a\x05<unk>\x15\0\0\0\0\x18\x02\x0a\x0d\x0a\x04</s>\x15\0\0\0\0\x18\x03\x0a\x0b\x0a\x04\xe2\x96\x81a\x15\0\0\x80\xbf\x12\x05\x18\x01\xc0\x02\0";
    let cases: [(&str, &[u8], &[u8]); 7] = [
        (
            r#"{"tokenizer_class": "BertTokenizer", "do_lower_case": false}"#,
            b"[PAD]\n[UNK]\n[CLS]\n[SEP]\na\n##b\n",
            b"{}",
        ),
        (
            r#"{"tokenizer_class": "GPT2Tokenizer", "add_bos_token": true, "added_tokens_decoder": {"9": {"content": "<x>", "lstrip": true}}}"#,
            br#"{"a": 0, "b": 1, "ab": 2}"#,
            b"#version: 0.2\na b\n",
        ),
        (r#"{"tokenizer_class": "Qwen2Tokenizer"}"#, br#"{"a": 0, "b": 1}"#, b""),
        (r#"{"tokenizer_class": "T5Tokenizer", "additional_special_tokens": ["<x>"]}"#, model, b"{}"),
        (r#"{"tokenizer_class": "CamembertTokenizer"}"#, model, b"{}"),
        (
            r#"{"tokenizer_class": "MarianTokenizer", "source_lang": "en", "target_lang": "de"}"#,
            model,
            "{\"<unk>\": 0, \"</s>\": 1, \"▁a\": 2, \"<pad>\": 3}".as_bytes(),
        ),
        (
            r#"{"tokenizer_class": "ByT5Tokenizer"}"#,
            b"",
            br#"{"eos_token": {"content": "</s>", "lstrip": true}}"#,
        ),
    ];
    let joined = |(config, vocabulary, more): (&str, &[u8], &[u8])| {
        join(&[config.as_bytes(), vocabulary, more, "a b <x>ab</s> é".as_bytes()])
    };
    cases.map(joined).into()
}
