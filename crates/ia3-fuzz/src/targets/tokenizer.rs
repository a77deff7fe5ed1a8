//! `tokenizer.json`, and a text for it.

use ia3_data::Tokenizer;
use serde::de::IgnoredAny;

use crate::input::{Folder, join, parts};
use crate::seeds;
use crate::target::Target;

/// The file, and the text.
pub const TARGET: Target = Target {
    name: "tokenizer",
    run,
    seeds: seeds_of_fixtures,
    tokens: &[
        "added_tokens",
        "normalizer",
        "pre_tokenizer",
        "post_processor",
        "decoder",
        "model",
        "type",
        "Sequence",
        "Precompiled",
        "Replace",
        "Prepend",
        "Metaspace",
        "ByteLevel",
        "WhitespaceSplit",
        "Split",
        "Regex",
        "TemplateProcessing",
        "special_tokens",
        "Unigram",
        "BPE",
        "WordPiece",
        "WordLevel",
        "vocab",
        "merges",
        "unk_id",
        "unk_token",
        "ByteFallback",
        "Fuse",
        "Strip",
        "truncation",
        "padding",
        "precompiled_charsmap",
        "pattern",
        "content",
        "ids",
    ],
};

fn run(data: &[u8]) {
    let [json, text] = parts(data);
    let folder = Folder::new();
    let path = folder.write("tokenizer.json", json);
    let Ok(tokenizer) = Tokenizer::open(&path) else { return };
    assert!(is_json(json), "serde_json refuses what was read");
    let text = String::from_utf8_lossy(text);
    if let Ok(ids) = tokenizer.encode(&text, None) {
        let _ = tokenizer.decode(&ids);
    }
    let _ = tokenizer.encode(&text, Some(3));
    let _ = tokenizer.encode_plain(&text, None);
    let _ = tokenizer.decode(&[0, -1, i64::MIN, i64::MAX, 1 << 31]);
    let mut stream = tokenizer.streaming(|_| {});
    for id in [1, 2, 1 << 31] {
        let _ = stream(id);
    }
}

fn is_json(bytes: &[u8]) -> bool {
    std::str::from_utf8(bytes).is_ok_and(|text| serde_json::from_str::<IgnoredAny>(text).is_ok())
}

/// The tokenizer of the examples, and small ones of the other kinds.
fn seeds_of_fixtures() -> Vec<Vec<u8>> {
    let small: [&str; 4] = [
        r#"{"version":"1.0","added_tokens":[{"id":3,"content":"</s>","single_word":false,"lstrip":false,"rstrip":false,"normalized":false,"special":true}],"normalizer":{"type":"Sequence","normalizers":[{"type":"NFKC"},{"type":"Replace","pattern":{"Regex":" {2,}"},"content":" "}]},"pre_tokenizer":{"type":"Metaspace","replacement":"▁","prepend_scheme":"always","split":true},"post_processor":{"type":"TemplateProcessing","single":[{"Sequence":{"id":"A","type_id":0}},{"SpecialToken":{"id":"</s>","type_id":0}}],"pair":[{"Sequence":{"id":"A","type_id":0}},{"Sequence":{"id":"B","type_id":0}}],"special_tokens":{"</s>":{"id":"</s>","ids":[3],"tokens":["</s>"]}}},"decoder":{"type":"Metaspace","replacement":"▁","prepend_scheme":"always","split":true},"model":{"type":"Unigram","unk_id":0,"vocab":[["<unk>",0.0],["▁a",-1.0],["b",-2.0]],"byte_fallback":false}}"#,
        r#"{"version":"1.0","added_tokens":[],"normalizer":{"type":"Prepend","prepend":"_"},"pre_tokenizer":{"type":"ByteLevel","add_prefix_space":true,"trim_offsets":true,"use_regex":true},"post_processor":{"type":"ByteLevel","add_prefix_space":true,"trim_offsets":false,"use_regex":true},"decoder":{"type":"ByteLevel","add_prefix_space":true,"trim_offsets":true,"use_regex":true},"model":{"type":"BPE","dropout":null,"unk_token":null,"continuing_subword_prefix":null,"end_of_word_suffix":null,"fuse_unk":false,"byte_fallback":false,"vocab":{"a":0,"b":1,"ab":2,"Ġ":3},"merges":[["a","b"]]}}"#,
        r###"{"version":"1.0","added_tokens":[],"normalizer":{"type":"BertNormalizer","clean_text":true,"handle_chinese_chars":true,"strip_accents":null,"lowercase":true},"pre_tokenizer":{"type":"BertPreTokenizer"},"post_processor":{"type":"BertProcessing","sep":["[SEP]",2],"cls":["[CLS]",1]},"decoder":{"type":"WordPiece","prefix":"##","cleanup":true},"model":{"type":"WordPiece","unk_token":"[UNK]","continuing_subword_prefix":"##","max_input_chars_per_word":100,"vocab":{"[UNK]":0,"[CLS]":1,"[SEP]":2,"a":3,"##b":4}}}"###,
        r#"{"version":"1.0","truncation":{"direction":"Right","max_length":4,"strategy":"LongestFirst","stride":0},"padding":null,"added_tokens":[],"normalizer":{"type":"Precompiled","precompiled_charsmap":"AAAAAA=="},"pre_tokenizer":{"type":"Split","pattern":{"Regex":"\\s+"},"behavior":"Isolated","invert":false},"post_processor":null,"decoder":{"type":"Sequence","decoders":[{"type":"Replace","pattern":{"String":"_"},"content":" "},{"type":"ByteFallback"},{"type":"Fuse"},{"type":"Strip","content":" ","start":1,"stop":0}]},"model":{"type":"WordLevel","vocab":{"a":0,"b":1},"unk_token":"a"}}"#,
    ];
    let small = small.iter().map(|json| json.as_bytes().to_vec());
    let all = seeds::contents("tokenizer.json").into_iter().chain(small);
    all.map(|json| join(&[&json, "a b  ab 12 é".as_bytes()])).collect()
}
