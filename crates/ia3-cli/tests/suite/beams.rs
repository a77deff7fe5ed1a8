//! Beam search and forced tokens of `ia3 generate`.

use std::path::Path;

use serde_json::Value;

use crate::common::{run, succeed, workspace};

/// `examples/base` with a `generation_config.json`.
fn base(dir: &Path, settings: &str) -> String {
    let (from, to) = (workspace().join("examples/base"), dir.join("base"));
    std::fs::create_dir(&to).unwrap();
    for name in ["config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"] {
        std::fs::copy(from.join(name), to.join(name)).unwrap();
    }
    std::fs::write(to.join("generation_config.json"), settings).unwrap();
    to.display().to_string()
}

fn generate(base: &str, options: &[&str]) -> Value {
    let args = ["generate", "--base", base, "--prompt", "time: 14:05", "--format", "json"];
    serde_json::from_str(&succeed(&[&args[..], options].concat())).unwrap()
}

/// What a command says on standard error.
fn said(base: &str, options: &[&str]) -> (bool, String) {
    let args = ["generate", "--base", base, "--prompt", "time: 14:05", "--max-new-tokens", "4"];
    let output = run(&[&args[..], options].concat());
    (output.status.success(), String::from_utf8(output.stderr).unwrap())
}

#[test]
fn the_best_sequences_of_each_prompt_come_in_order() {
    let dir = tempfile::tempdir().unwrap();
    let base = base(dir.path(), "{}");
    let (one, four) = (generate(&base, &[]), generate(&base, &["--num-beams", "4"]));
    assert_eq!(one["texts"], four["texts"], "the trained base is certain");
    let options = ["--num-beams", "4", "--num-return-sequences", "3", "--early-stopping", "true"];
    let three = generate(&base, &options);
    let texts = three["texts"].as_array().unwrap();
    assert_eq!((texts.len(), &texts[0]), (3, &one["texts"][0]));
    assert!(texts[1] != texts[0] && texts[2] != texts[0] && texts[1] != texts[2], "{three}");
    let prompts = workspace().join("examples/data/prompts.txt").display().to_string();
    let args = ["generate", "--base", &base, "--prompts", &prompts, "--batch-size", "2"];
    let lines = |options: &[&str]| succeed(&[&args[..], options].concat()).lines().count();
    assert_eq!(lines(&["--num-beams", "2", "--num-return-sequences", "2"]), 2 * lines(&[]));
}

#[test]
fn the_file_of_the_base_asks_for_beams_and_options_override_it() {
    let dir = tempfile::tempdir().unwrap();
    let base = base(dir.path(), r#"{"num_beams": 3, "num_return_sequences": 2, "forced_bos_token_id": 40}"#);
    let both = generate(&base, &[]);
    assert_eq!(both["texts"].as_array().unwrap().len(), 2);
    assert!(both["ids"].as_array().unwrap().iter().all(|row| row[1] == 40), "{both}");
    assert_eq!(generate(&base, &["--num-beams", "1"])["ids"].as_array().unwrap().len(), 1);
    let forced = generate(&base, &["--forced-bos-token", "b", "--num-beams", "2"]);
    assert!(forced["texts"][0].as_str().unwrap().starts_with('b'), "{forced}");
    for option in [&["--stream"][..], &["--stop", "e"], &["--sample"]] {
        let (ended, note) = said(&base, option);
        assert!(ended && note.contains("searches with 3 beams") && note.contains(option[0]), "{note}");
        let (ended, error) = said(&base, &[option, &["--num-beams", "2"]].concat());
        assert!(!ended && error.contains("--num-beams does not go with"), "{error}");
    }
}

#[test]
fn settings_that_are_not_possible_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let base = base(dir.path(), "{}");
    for (options, expected) in [
        (&["--num-beams", "0"][..], "`num_beams` is 0, expected 1 to 1000 beams"),
        (&["--num-return-sequences", "2"], "`num_return_sequences` is 2, expected at least 1 and at most"),
        (&["--forced-bos-token", "fra_Latn"], "the vocabulary has no `fra_Latn`"),
        (&["--num-beams", "2", "--length-penalty", "nan"], "`length_penalty` is NaN"),
    ] {
        let (ended, error) = said(&base, options);
        assert!(!ended && error.contains(expected), "{error}");
    }
    let llama = workspace().join("fixtures/llama");
    let (decoder, inputs) = (llama.join("base"), llama.join("io.safetensors"));
    std::fs::copy(workspace().join("examples/base/tokenizer.json"), dir.path().join("tokenizer.json"))
        .unwrap();
    for name in ["config.json", "model.safetensors"] {
        std::fs::copy(decoder.join(name), dir.path().join(name)).unwrap();
    }
    let (decoder, inputs) = (dir.path().display().to_string(), inputs.display().to_string());
    let args = ["generate", "--base", &decoder, "--inputs", &inputs, "--forced-bos-token", "a"];
    let error = String::from_utf8(run(&args).stderr).unwrap();
    assert!(error.contains("--forced-bos-token is for encoder-decoders"), "{error}");
}
