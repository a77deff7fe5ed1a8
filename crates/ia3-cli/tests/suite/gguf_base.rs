//! A GGUF file with a tokenizer as the only file of a base: what its folder does, it does.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use crate::common::{ia3, run, succeed, workspace};
use serde_json::{Value, json};

fn fixture(name: &str) -> PathBuf {
    workspace().join("fixtures").join(name)
}

fn text(text: &str) -> Vec<u8> {
    [&(text.len() as u64).to_le_bytes()[..], text.as_bytes()].concat()
}

fn key(name: &str, kind: u32, value: &[u8]) -> Vec<u8> {
    [text(name), kind.to_le_bytes().to_vec(), value.to_vec()].concat()
}

fn array(kind: u32, elements: &[Vec<u8>]) -> Vec<u8> {
    [&kind.to_le_bytes()[..], &(elements.len() as u64).to_le_bytes(), &elements.concat()].concat()
}

/// The special tokens, the letters, a space, two merges, and as many more as the embedding of the fixture has rows.
fn tokens() -> Vec<String> {
    let special = ["<unk>", "<s>", "</s>"].map(str::to_string);
    let letters = ('a'..='z').map(String::from).chain(["Ġ", "th", "the"].map(str::to_string));
    let tokens: Vec<String> = special.into_iter().chain(letters).collect();
    let more = (tokens.len()..61).map(|id| format!("more{id}"));
    tokens.clone().into_iter().chain(more).collect()
}

const TEMPLATE: &str = "{{ bos_token }}{% for message in messages %}{{ message.content }}{% endfor %}";

/// The fixture `llama.gguf` with the tokenizer in its metadata.
fn base(dir: &Path) -> String {
    let tokens: Vec<Vec<u8>> = tokens().iter().map(|token| text(token)).collect();
    let kinds: Vec<Vec<u8>> =
        (0..tokens.len()).map(|id| (if id < 3 { 3_i32 } else { 1 }).to_le_bytes().to_vec()).collect();
    let keys = [
        key("tokenizer.ggml.model", 8, &text("gpt2")),
        key("tokenizer.ggml.pre", 8, &text("smollm")),
        key("tokenizer.ggml.tokens", 9, &array(8, &tokens)),
        key("tokenizer.ggml.token_type", 9, &array(5, &kinds)),
        key("tokenizer.ggml.merges", 9, &array(8, &[text("t h"), text("th e")])),
        key("tokenizer.ggml.bos_token_id", 4, &1_u32.to_le_bytes()),
        key("tokenizer.ggml.eos_token_id", 4, &2_u32.to_le_bytes()),
        key("tokenizer.chat_template", 8, &text(TEMPLATE)),
    ];
    let mut keys: Vec<Vec<u8>> = keys.into_iter().collect();
    // The tensors stay aligned to 32 bytes.
    let without = keys.concat().len() + key("filler", 8, &text("")).len();
    keys.push(key("filler", 8, &text(&"x".repeat(without.next_multiple_of(32) - without))));
    let mut bytes = std::fs::read(fixture("gguf/llama.gguf")).unwrap();
    let count = u64::from_le_bytes(bytes[16..24].try_into().unwrap()) + keys.len() as u64;
    bytes[16..24].copy_from_slice(&count.to_le_bytes());
    bytes.splice(24..24, keys.concat());
    let path = dir.join("base.gguf");
    std::fs::write(&path, bytes).unwrap();
    path.display().to_string()
}

/// The folder of the fixture with the same tokenizer as a `tokenizer.json` written by hand.
fn folder(dir: &Path) -> String {
    let to = dir.join("folder");
    std::fs::create_dir(&to).unwrap();
    for name in ["config.json", "model.safetensors"] {
        std::fs::copy(fixture("llama/base").join(name), to.join(name)).unwrap();
    }
    let tokens = tokens();
    let vocab: serde_json::Map<String, Value> =
        tokens.iter().enumerate().map(|(id, token)| (token.clone(), id.into())).collect();
    let added: Vec<Value> = (0..3)
        .map(|id| json!({"id": id, "content": tokens[id], "single_word": false, "lstrip": false, "rstrip": false, "normalized": false, "special": true}))
        .collect();
    let tokenizer = json!({
        "version": "1.0",
        "added_tokens": added,
        "pre_tokenizer": {"type": "Sequence", "pretokenizers": [
            {"type": "Digits", "individual_digits": true},
            {"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": true}
        ]},
        "decoder": {"type": "ByteLevel", "add_prefix_space": true, "trim_offsets": true, "use_regex": true},
        "model": {"type": "BPE", "vocab": vocab, "merges": [["t", "h"], ["th", "e"]]},
    });
    std::fs::write(to.join("tokenizer.json"), tokenizer.to_string()).unwrap();
    let config = json!({"bos_token": "<s>", "eos_token": "</s>", "chat_template": TEMPLATE});
    std::fs::write(to.join("tokenizer_config.json"), config.to_string()).unwrap();
    to.display().to_string()
}

const PROMPTS: [&[&str]; 2] = [&["--prompt", "the thin man"], &["--user", "the man"]];

fn generate(base: &str, prompt: &[&str], more: &[&str]) -> Value {
    let args = ["generate", "--base", base, "--max-new-tokens", "8", "--format", "json"];
    serde_json::from_str(&succeed(&[&args, prompt, more].concat())).unwrap()
}

#[test]
fn texts_are_generated_as_from_the_folder() {
    let dir = tempfile::tempdir().unwrap();
    let (gguf, folder) = (base(dir.path()), folder(dir.path()));
    let adapter = fixture("llama/adapter").display().to_string();
    for prompt in PROMPTS {
        for more in [&[][..], &["--adapter", &adapter]] {
            assert_eq!(generate(&gguf, prompt, more), generate(&folder, prompt, more), "{prompt:?}");
        }
    }
    let mut chat = ia3();
    chat.args(["chat", "--base", &gguf, "--max-new-tokens", "4"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped());
    let mut chat = chat.spawn().unwrap();
    chat.stdin.take().unwrap().write_all(b"the man\n/quit\n").unwrap();
    let output = chat.wait_with_output().unwrap();
    assert!(output.status.success() && !output.stdout.is_empty());
}

/// The folder has a configuration, a tokenizer and a template, and generates what the adapter on the GGUF file does.
#[test]
fn a_merge_writes_a_folder_with_all_that_the_file_had() {
    let dir = tempfile::tempdir().unwrap();
    let (gguf, out) = (base(dir.path()), dir.path().join("out"));
    let (adapter, out_text) = (fixture("llama/adapter").display().to_string(), out.display().to_string());
    succeed(&["merge", "--base", &gguf, "--adapter", &adapter, "--out", &out_text]);
    for name in ["config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"] {
        assert!(out.join(name).exists(), "{name}");
    }
    for prompt in PROMPTS {
        let (found, expected) =
            (generate(&out_text, prompt, &[]), generate(&gguf, prompt, &["--adapter", &adapter]));
        assert_eq!(found, expected, "{prompt:?}");
    }
}

#[test]
fn an_adapter_is_trained_and_evaluated_on_the_file() {
    let dir = tempfile::tempdir().unwrap();
    let (gguf, out) = (base(dir.path()), dir.path().join("adapter").display().to_string());
    let data = dir.path().join("data.jsonl").display().to_string();
    std::fs::write(&data, "{\"input\": \"the man \", \"target\": \"the thin\"}\n".repeat(4)).unwrap();
    succeed(&["train", "--base", &gguf, "--data", &data, "--steps", "2", "--batch-size", "2", "--out", &out]);
    // The adapter names the file, so the base is found through it.
    let report = succeed(&["eval", "--adapter", &out, "--data", &data, "--format", "json"]);
    assert!(report.contains("loss"), "{report}");
    succeed(&[
        "merge",
        "--gguf",
        &gguf,
        "--adapter",
        &out,
        "--out",
        &dir.path().join("m.gguf").display().to_string(),
    ]);
}

#[test]
fn a_check_prints_the_difference_of_the_logits() {
    let dir = tempfile::tempdir().unwrap();
    let (gguf, adapter) = (base(dir.path()), fixture("llama/adapter").display().to_string());
    let out = dir.path().join("merged.gguf").display().to_string();
    let args = ["merge", "--gguf", &gguf, "--adapter", &adapter, "--out", &out, "--check", "the man"];
    let report: Value = serde_json::from_str(&succeed(&[&args[..], &["--format", "json"]].concat())).unwrap();
    let logits = &report["logits"];
    assert_eq!(logits["tokens"], 5);
    let (difference, change) = (logits["difference"].as_f64().unwrap(), logits["change"].as_f64().unwrap());
    assert!(difference < 1e-5 && change > 1e-2, "{logits}");
    std::fs::remove_file(&out).unwrap();
    assert!(succeed(&args).contains("logits of 5 tokens differ by up to "));
    // Without a tokenizer nothing is written.
    let without = dir.path().join("without.gguf").display().to_string();
    let base = fixture("gguf/llama.gguf").display().to_string();
    let refused = run(&["merge", "--gguf", &base, "--adapter", &adapter, "--out", &without, "--check", "a"]);
    assert!(refused.status.code() == Some(1) && !Path::new(&without).exists());
}

#[test]
fn a_file_without_a_tokenizer_says_so() {
    let gguf = fixture("gguf/llama.gguf").display().to_string();
    let output = run(&["generate", "--base", &gguf, "--prompt", "a"]);
    assert_eq!(output.status.code(), Some(1));
    let message = String::from_utf8(output.stderr).unwrap();
    assert!(message.contains("has no tokenizer in its metadata"), "{message}");
}
