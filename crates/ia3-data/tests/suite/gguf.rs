//! Tokenizers and chat templates in GGUF files: the ids of the original tokenizers, and what is refused.

use std::path::{Path, PathBuf};

use ia3_data::{ChatTemplate, Conversation, Tokenizer, gguf_tokenizer_files};
use serde_json::Value;

fn fixture(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/gguf/tokenizers").join(name)
}

fn open(name: &str) -> Tokenizer {
    Tokenizer::of_base(&fixture(&format!("{name}.gguf"))).unwrap().unwrap()
}

/// Compares all ids of `ids.json` in a folder, and the texts that they decode to. Returns how many texts were compared.
fn compare(dir: &Path) -> usize {
    let cases: Value = serde_json::from_str(&std::fs::read_to_string(dir.join("ids.json")).unwrap()).unwrap();
    let texts: Vec<&str> = cases["texts"].as_array().unwrap().iter().map(|t| t.as_str().unwrap()).collect();
    let (mut compared, mut wrong) = (0, vec![]);
    for (name, expected) in cases["expected"].as_object().unwrap() {
        let tokenizer = Tokenizer::of_base(&dir.join(format!("{name}.gguf"))).unwrap().unwrap();
        for (text, expected) in texts.iter().zip(expected.as_array().unwrap()) {
            if expected.is_null() {
                continue;
            }
            let ids = tokenizer.encode(text, None).unwrap();
            let wanted: Vec<i64> = serde_json::from_value(expected["ids"].clone()).unwrap();
            let decoded = tokenizer.decode(&wanted).unwrap();
            if ids != wanted || !expected["text"].is_null() && decoded != expected["text"] {
                wrong.push(format!("{name} {text:?}\n  {ids:?} {decoded:?}\n  {expected}"));
            }
            compared += 1;
        }
    }
    let some = wrong.iter().take(20).cloned().collect::<Vec<_>>().join("\n");
    assert!(wrong.is_empty(), "{} of {compared} differ:\n{some}", wrong.len());
    compared
}

#[test]
fn ids_and_decoded_texts_are_those_of_the_original_tokenizers() {
    assert!(compare(&fixture("")) > 140);
}

/// `gen_gguf_tokenizers.py --texts N` makes them, also with the tokenizer of a real file.
#[test]
fn ids_of_many_random_texts_are_those_of_the_original_tokenizers() {
    match std::env::var_os("IA3_GGUF_TOKENIZERS") {
        Some(dir) => println!("{} texts compared", compare(Path::new(&dir))),
        None => ia3_testing::skip("IA3_GGUF_TOKENIZERS names no folder with the ids of many texts"),
    }
}

#[test]
fn the_chat_template_knows_the_special_tokens() {
    let template = ChatTemplate::open(&fixture("smollm.gguf")).unwrap().unwrap();
    let chat = Conversation::new().with_message("user", "Hi");
    assert_eq!(template.render(&chat, true).unwrap(), "<|end|>Hi<|end|>");
    assert!(ChatTemplate::open(&fixture("qwen2.gguf")).unwrap().is_none());
    assert!(Tokenizer::of_base(&fixture("../llama.gguf")).unwrap().is_none());
}

#[test]
fn the_files_for_a_folder_give_the_same_ids_and_the_same_template() {
    let dir = tempfile::tempdir().unwrap();
    let files = gguf_tokenizer_files(&fixture("smollm.gguf")).unwrap();
    assert_eq!(
        files.iter().map(|(name, _)| *name).collect::<Vec<_>>(),
        ["tokenizer.json", "tokenizer_config.json"]
    );
    for (name, text) in files {
        std::fs::write(dir.path().join(name), text).unwrap();
    }
    let (of_folder, text) = (Tokenizer::of_base(dir.path()).unwrap().unwrap(), "the then 1234 <tool><|end|>");
    assert_eq!(of_folder.encode(text, None).unwrap(), open("smollm").encode(text, None).unwrap());
    let chat = Conversation::new().with_message("user", "Hi");
    let template = ChatTemplate::open(dir.path()).unwrap().unwrap();
    assert_eq!(template.render(&chat, true).unwrap(), "<|end|>Hi<|end|>");
    assert_eq!(gguf_tokenizer_files(&fixture("../llama.gguf")).unwrap(), []);
}

/// The problem of a fixture in which `from` is replaced by `to` of the same length.
fn problem(name: &str, from: &[u8], to: &[u8]) -> String {
    assert_eq!(from.len(), to.len());
    let mut bytes = std::fs::read(fixture(&format!("{name}.gguf"))).unwrap();
    let at = bytes.windows(from.len()).position(|window| window == from).expect("the fixture has it");
    bytes[at..at + to.len()].copy_from_slice(to);
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("model.gguf");
    std::fs::write(&path, bytes).unwrap();
    Tokenizer::of_base(&path).unwrap_err().to_string().replace(&path.display().to_string(), "F")
}

/// A key, its type and its value.
fn entry(key: &str, kind: u32, value: &[u8]) -> Vec<u8> {
    [&(key.len() as u64).to_le_bytes()[..], key.as_bytes(), &kind.to_le_bytes(), value].concat()
}

#[test]
fn what_is_not_known_or_does_not_fit_is_refused_by_its_name() {
    let cases: [(&str, &[u8], &[u8], &str); 6] = [
        (
            "gpt-2",
            b"\x05\0\0\0\0\0\0\0gpt-2",
            b"\x05\0\0\0\0\0\0\0gpt-9",
            "the key `tokenizer.ggml.pre` is `gpt-9`, expected `gpt-2`",
        ),
        (
            "gpt-2",
            b"\x04\0\0\0\0\0\0\0gpt2",
            b"\x04\0\0\0\0\0\0\0rwkv",
            "the key `tokenizer.ggml.model` is `rwkv`, expected `gpt2`",
        ),
        ("gpt-2", b"tokenizer.ggml.merges", b"tokenizer.ggml.merged", "has no key `tokenizer.ggml.merges`"),
        ("pairs", b"tokenizer.ggml.scores", b"tokenizer.ggml.scored", "has no key `tokenizer.ggml.scores`"),
        ("pairs", b"tokenizer.ggml.tokens", b"tokenizer.ggml.token5", "has no key `tokenizer.ggml.tokens`"),
        ("gpt-2", b"\x03\0\0\0\0\0\0\0t h", b"\x03\0\0\0\0\0\0\0t_h", "has `t_h` at"),
    ];
    for (name, from, to, expected) in cases {
        let problem = problem(name, from, to);
        assert!(problem.contains(expected), "{problem}");
    }
    let id = |id: u32| entry("tokenizer.ggml.bos_token_id", 4, &id.to_le_bytes());
    let outside = problem("llama-bpe", &id(0), &id(9_999));
    assert!(outside.contains("the key `tokenizer.ggml.bos_token_id` is 9999, but there are"), "{outside}");
}

#[test]
fn tokens_that_are_there_twice_and_scores_that_are_no_numbers_are_refused() {
    let token = |text: &str| [&(text.len() as u64).to_le_bytes()[..], text.as_bytes()].concat();
    let twice = problem("gpt-2", &token("a"), &token("b"));
    assert!(twice.contains("has the token `b` twice, as "), "{twice}");
    let head = entry("tokenizer.ggml.scores", 9, &6_u32.to_le_bytes());
    let mut bytes = std::fs::read(fixture("pairs.gguf")).unwrap();
    let at = bytes.windows(head.len()).position(|window| window == head).unwrap() + head.len() + 8;
    bytes[at + 8..at + 12].copy_from_slice(&f32::NAN.to_le_bytes());
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("model.gguf");
    std::fs::write(&path, bytes).unwrap();
    let problem = Tokenizer::of_base(&path).unwrap_err().to_string();
    assert!(
        problem.contains("the key `tokenizer.ggml.scores` holds NaN at 2; scores must be finite"),
        "{problem}"
    );
}
