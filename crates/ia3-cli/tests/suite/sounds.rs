//! Training and evaluation of a model of speech on rows that name sounds.

use std::path::Path;

use serde_json::Value;

use crate::audio::{base, said, tone, wav};
use crate::common::succeed;

const ROWS: &str = "{\"audio\": \"low.wav\", \"sentence\": \"w50 w51 w52\"}\n{\"audio\": \"high.wav\", \"sentence\": \"w55 w56\"}\n";

/// A base, two sounds, and rows that name them.
fn folder() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    base(dir.path());
    wav(&dir.path().join("low.wav"), 16_000, &tone(300.0, 6_000));
    wav(&dir.path().join("high.wav"), 16_000, &tone(2_000.0, 15_000));
    std::fs::write(dir.path().join("rows.jsonl"), ROWS).unwrap();
    dir
}

fn path(dir: &Path, name: &str) -> String {
    dir.join(name).display().to_string()
}

fn report(args: &[&str]) -> Value {
    serde_json::from_str(&succeed(&[args, &["--format", "json"]].concat())).unwrap()
}

#[test]
fn an_adapter_learns_what_is_said_and_writes_it() {
    let dir = folder();
    let [base, rows, adapter, answers, low] =
        ["base", "rows.jsonl", "adapter", "answers.jsonl", "low.wav"].map(|name| path(dir.path(), name));
    let train = ["train", "--base", &base, "--data", &rows, "--eval", &rows, "--out", &adapter];
    let targets = ["--target", "q_proj,k_proj,v_proj,out_proj,fc1,fc2", "--feedforward", "fc2"];
    let how = ["--steps", "150", "--batch-size", "2", "--lr", "0.1", "--optimizer", "adamw"];
    let trained = report(&[&train[..], &targets, &how].concat());
    assert!(trained["steps"] == 150, "{trained}");
    let config = std::fs::read_to_string(dir.path().join("adapter/adapter_config.json")).unwrap();
    let config: Value = serde_json::from_str(&config).unwrap();
    assert_eq!(config["task_type"], Value::Null);

    let eval = ["eval", "--base", &base, "--adapter", &adapter, "--data", &rows, "--predictions", &answers];
    let found = report(&[&eval[..], &["--metrics", "wer"]].concat());
    assert_eq!(found["median"], 1.0, "{found}");
    let figures = &found["runs"][0]["figures"];
    assert_eq!((&figures["wer"], &figures["cer"]), (&0.0.into(), &0.0.into()), "{found}");
    let answers = std::fs::read_to_string(&answers).unwrap();
    let mut answers: Vec<Value> = answers.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    answers.sort_by_key(|answer| answer["row"].as_u64());
    let first = &answers[0];
    assert_eq!((&first["input"], &first["prediction"]), (&"low.wav".into(), &"w50 w51 w52".into()));

    let written = succeed(&["generate", "--base", &base, "--adapter", &adapter, "--audio", &low]);
    assert_eq!(written.trim(), "w50 w51 w52");
}

#[test]
fn rows_of_sound_that_cannot_be_read_are_named() {
    let dir = folder();
    let [base, rows, out] = ["base", "rows.jsonl", "out"].map(|name| path(dir.path(), name));
    let train = ["train", "--base", &base, "--data", &rows, "--out", &out, "--steps", "1", "--lr", "0.1"];
    wav(&dir.path().join("high.wav"), 8_000, &tone(440.0, 4_000));
    let rate = said(&train);
    assert!(
        rate.contains("rows.jsonl, line 2: ") && rate.contains("high.wav: it has 8000 samples"),
        "{rate}"
    );
    std::fs::write(&rows, "{\"audio\": \"low.wav\", \"words\": \"w10\"}\n").unwrap();
    let field = said(&train);
    assert!(field.contains("the row has no field `target`; it has `audio`, `words`"), "{field}");
    std::fs::write(&rows, ROWS).unwrap();
    let language = said(&[&train[..], &["--language", "de"]].concat());
    assert!(language.contains("`language` is de, expected none"), "{language}");
    let template = said(&[&train[..], &["--template", "{{ audio }} ||| {{ sentence }}"]].concat());
    assert!(template.contains("templates make texts, but the model reads sounds"), "{template}");
    std::fs::remove_file(dir.path().join("base/preprocessor_config.json")).unwrap();
    let shape = said(&train);
    assert!(
        shape.contains("gives features of [80, 3000] (bins, frames), but the model reads [8, 20]"),
        "{shape}"
    );
}

#[test]
fn a_model_of_several_languages_needs_the_one_of_the_sounds() {
    let dir = folder();
    let [base, rows, out] = ["base", "rows.jsonl", "out"].map(|name| path(dir.path(), name));
    let file = r#"{"lang_to_id": {"<|en|>": 40, "<|de|>": 41}, "task_to_id": {"transcribe": 33}, "no_timestamps_token_id": 34}"#;
    std::fs::write(dir.path().join("base/generation_config.json"), file).unwrap();
    let config = std::fs::read_to_string(dir.path().join("base/config.json")).unwrap();
    let mut config: Value = serde_json::from_str(&config).unwrap();
    config.as_object_mut().unwrap().remove("forced_decoder_ids");
    std::fs::write(dir.path().join("base/config.json"), config.to_string()).unwrap();
    let train = ["train", "--base", &base, "--data", &rows, "--out", &out, "--steps", "1", "--lr", "0.1"];
    let unnamed = said(&train);
    assert!(
        unnamed.contains("the model knows 2 languages") && unnamed.contains("give --language"),
        "{unnamed}"
    );
    succeed(&[&train[..], &["--language", "de"]].concat());
}

#[test]
fn languages_are_for_models_of_speech() {
    let base = crate::common::workspace().join("fixtures/t5/base").display().to_string();
    let dir = folder();
    let [rows, out] = ["rows.jsonl", "out"].map(|name| path(dir.path(), name));
    let train = ["train", "--base", &base, "--data", &rows, "--out", &out, "--steps", "1", "--lr", "0.1"];
    let wrong = said(&[&train[..], &["--language", "de"]].concat());
    assert!(wrong.contains("--language and --task are for a model of speech"), "{wrong}");
}
