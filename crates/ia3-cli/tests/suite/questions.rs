//! Questions about contexts through the program, from rows to SQuAD's figures, against transformers' run_qa with PEFT
//! (`fixtures/oracle/gen_tasks.py`); and the other heads of encoders.

use std::path::Path;

use crate::common::{run, succeed, tensor, workspace};
use serde_json::{Value, json};

/// The base of a case of the corpus with the tokenizer of the questions, and with these fields of `config.json`.
fn base(dir: &Path, case: &str, fields: Value) -> String {
    let fixtures = workspace().join("fixtures");
    let (from, to) = (fixtures.join(case).join("base"), dir.join("base"));
    std::fs::create_dir(&to).unwrap();
    std::fs::copy(fixtures.join("questions/wordpiece.json"), to.join("tokenizer.json")).unwrap();
    std::fs::copy(from.join("model.safetensors"), to.join("model.safetensors")).unwrap();
    let mut config: Value =
        serde_json::from_str(&std::fs::read_to_string(from.join("config.json")).unwrap()).unwrap();
    for (name, value) in fields.as_object().unwrap() {
        config[name] = value.clone();
    }
    std::fs::write(to.join("config.json"), config.to_string()).unwrap();
    to.display().to_string()
}

fn rows(name: &str) -> String {
    workspace().join("fixtures/questions").join(name).display().to_string()
}

fn expected() -> Value {
    serde_json::from_str(&std::fs::read_to_string(rows("expected.json")).unwrap()).unwrap()
}

fn report(args: &[&str]) -> Value {
    serde_json::from_str(&succeed(&[args, &["--format", "json"]].concat())).unwrap()
}

fn lines(path: &Path) -> Vec<Value> {
    std::fs::read_to_string(path).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn near(found: &Value, expected: &Value, tolerance: f64) {
    let (found, expected) = (found.as_f64().unwrap(), expected.as_f64().unwrap());
    assert!((found - expected).abs() <= tolerance * expected.abs().max(1.0), "{found}, expected {expected}");
}

const WINDOWS: [&str; 4] = ["--max-input-tokens", "24", "--doc-stride", "6"];

/// Compares an evaluation and its answers with those of run_qa. A batch of one window has no padding, which the loss of
/// transformers counts among the tokens at which a span could start.
fn compare(dir: &Path, args: &[&str], data: &str, expected: &Value) {
    let answers = dir.join("answers.jsonl");
    let (data, path) = (rows(data), answers.display().to_string());
    let found = report(
        &[&["eval", "--data", &data, "--predictions", &path, "--batch-size", "1"], args, &WINDOWS[..]]
            .concat(),
    );
    assert_eq!((found["metric"].as_str(), found["examples"].as_u64()), (Some("f1"), Some(4)));
    near(&found["median"], &expected["f1"], 1e-9);
    near(&found["runs"][0]["loss"], &expected["loss"], 1e-4);
    let answers = lines(&answers);
    let texts: Vec<&Value> = answers.iter().map(|line| &line["prediction"]).collect();
    let mut order: Vec<(u64, &Value)> =
        answers.iter().map(|line| line["row"].as_u64().unwrap()).zip(texts).collect();
    order.sort_by_key(|(row, _)| *row);
    let ordered: Vec<&Value> = order.iter().map(|(_, text)| *text).collect();
    assert_eq!(ordered, expected["answers"].as_array().unwrap().iter().collect::<Vec<_>>());
    assert_eq!(order.iter().map(|(row, _)| *row).collect::<Vec<_>>(), [1, 2, 3, 4]);
    let right = answers.iter().filter(|line| line["correct"] == true).count() as f64 / 4.0;
    near(&right.into(), &expected["exact_match"], 1e-9);
}

#[test]
fn questions_are_trained_and_judged_as_by_run_qa_and_squad() {
    let (dir, expected) = (tempfile::tempdir().unwrap(), expected());
    let base = base(dir.path(), "distilbert_spans", json!({}));
    for data in ["first", "second"] {
        compare(
            dir.path(),
            &["--base", &base],
            &format!("{data}.jsonl"),
            &expected[format!("{data}_before")],
        );
    }
    let training = &expected["training"];
    let (out, steps) = (dir.path().join("adapter"), training["steps"].to_string());
    let adapter = out.display().to_string();
    let (data, held_out) = (rows("train.jsonl"), rows("second.jsonl"));
    let predictions = dir.path().join("held_out.jsonl").display().to_string();
    let args = [
        &["train", "--base", &base, "--data", &data, "--eval", &held_out, "--out", &adapter][..],
        &["--steps", &steps, "--batch-size", "4", "--lr", "0.1", "--optimizer", "adamw"],
        &["--warmup-ratio", "0", "--max-grad-norm", "0", "--no-shuffle"],
        &["--predictions", &predictions],
        &WINDOWS,
    ]
    .concat();
    let trained = report(&args);
    let losses: Vec<Value> =
        lines(&out.join("metrics.jsonl")).into_iter().filter_map(|line| line.get("loss").cloned()).collect();
    let wanted = training["losses"].as_array().unwrap();
    assert_eq!(losses.len(), wanted.len());
    losses.iter().zip(wanted).for_each(|(found, wanted)| near(found, wanted, 1e-3));
    let config = std::fs::read_to_string(out.join("adapter_config.json")).unwrap();
    assert!(config.contains("\"QUESTION_ANS\"") && config.contains("qa_outputs"), "{config}");
    near(&trained["evaluation"]["f1"][1], &expected["second_after"]["f1"], 1e-9);
    near(&trained["evaluation"]["exact_match_after"], &expected["second_after"]["exact_match"], 1e-9);
    assert_eq!(lines(Path::new(&predictions)).len(), 4);
    for data in ["first", "second"] {
        let args = ["--base", &base, "--adapter", &adapter];
        compare(dir.path(), &args, &format!("{data}.jsonl"), &expected[format!("{data}_after")]);
    }
}

#[test]
fn rows_with_questions_choose_the_head_and_what_is_wrong_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let base = base(dir.path(), "roberta_features", json!({"pad_token_id": 0}));
    let (data, out) = (rows("train.jsonl"), dir.path().join("adapter").display().to_string());
    let args = ["train", "--base", &base, "--data", &data, "--out", &out, "--steps", "2"];
    report(&[&args[..], &WINDOWS].concat());
    let config = std::fs::read_to_string(Path::new(&out).join("adapter_config.json")).unwrap();
    assert!(config.contains("\"QUESTION_ANS\"") && config.contains("qa_outputs"), "{config}");
    let error = |args: &[&str]| {
        let output = run(args);
        assert!(!output.status.success());
        String::from_utf8_lossy(&output.stderr).to_string()
    };
    let stride = error(&[&args[..], &["--no-resume", "--max-input-tokens", "24"]].concat());
    assert!(stride.contains("would overlap by 128") && stride.contains("--doc-stride"), "{stride}");
    let labels = error(&[&args[..], &["--no-resume", "--num-labels", "3"], &WINDOWS].concat());
    assert!(labels.contains("has 2 labels"), "{labels}");
    let path = dir.path().join("wrong.jsonl");
    let row = json!({"context": "in Bern", "question": "where", "answers": {"text": ["Bern"], "answer_start": [4]}});
    std::fs::write(&path, format!("{row}\n")).unwrap();
    let path = path.display().to_string();
    let wrong = error(&["train", "--base", &base, "--data", &path, "--out", &out, "--no-resume"]);
    assert!(
        wrong.contains("wrong.jsonl, line 1: the answer `Bern` is said to start at character 4"),
        "{wrong}"
    );
}

fn write(dir: &Path, name: &str, lines: &[Value]) -> String {
    let path = dir.join(name);
    let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
    std::fs::write(&path, text).unwrap();
    path.display().to_string()
}

const FAST: [&str; 8] = ["--steps", "60", "--batch-size", "4", "--lr", "0.05", "--optimizer", "adamw"];

#[test]
fn choices_are_learned_from_rows() {
    let dir = tempfile::tempdir().unwrap();
    let base = base(dir.path(), "bert", json!({"architectures": ["BertForMultipleChoice"]}));
    // The checkpoint of the corpus has a classifier of three classes, which is no score of choices.
    let file = Path::new(&base).join("model.safetensors");
    let bytes = std::fs::read(&file).unwrap();
    let tensors = safetensors::SafeTensors::deserialize(&bytes).unwrap();
    let kept = tensors.tensors().into_iter().filter(|(name, _)| !name.starts_with("classifier"));
    safetensors::serialize_to_file(kept, None, &file).unwrap();
    let row = |input: &str, choices: [&str; 3], answer: usize| json!({"input": input, "choices": choices, "answer": answer});
    let rows = [
        row("where is the lake", ["by the tower", "in the north", "in 1889"], 1),
        row("when was the tower new", ["in 1889", "the old bridge", "in Bern"], 0),
        row("what is by the river", ["1889", "north", "the tower"], 2),
        row("which city is in the north", ["the tower", "Zurich", "1889"], 1),
    ];
    let (data, out) = (write(dir.path(), "choices.jsonl", &rows), dir.path().join("adapter"));
    let (adapter, answers) = (out.display().to_string(), dir.path().join("answers.jsonl"));
    let args = ["train", "--base", &base, "--data", &data, "--eval", &data, "--out", &adapter];
    let trained = report(&[&args[..], &FAST].concat());
    assert_eq!(trained["evaluation"]["exact_match_after"], 1.0, "{trained}");
    let config = std::fs::read_to_string(out.join("adapter_config.json")).unwrap();
    assert!(config.contains("\"task_type\": null") && config.contains("\"classifier\""), "{config}");
    let path = answers.display().to_string();
    let args = ["eval", "--base", &base, "--adapter", &adapter, "--data", &data, "--predictions", &path];
    let evaluated = report(&[&args[..], &["--metrics", "f1"]].concat());
    assert_eq!((evaluated["metric"].as_str(), evaluated["median"].as_f64()), (Some("accuracy"), Some(1.0)));
    assert!(lines(&answers).iter().all(|line| line["prediction"] == line["target"]));
    let other = write(
        dir.path(),
        "two.jsonl",
        &[rows[0].clone(), json!({"input": "where", "choices": ["in", "by"], "answer": 0})],
    );
    let output = run(&["eval", "--base", &base, "--data", &other]);
    let message = String::from_utf8_lossy(&output.stderr);
    assert!(message.contains("example 1 has 2 choices, but example 0 has 3"), "{message}");
}

/// `fixtures/oracle/gen_pairs.py` has the logits and the loss of transformers.
#[test]
fn pairs_of_texts_give_the_logits_and_losses_of_transformers() {
    let dir = tempfile::tempdir().unwrap();
    let expected: Value =
        serde_json::from_str(&std::fs::read_to_string(rows("pairs.json")).unwrap()).unwrap();
    let base = base(dir.path(), "bert", json!({}));
    let all = expected["rows"].as_array().unwrap();
    let file = |name: &str| {
        let lines: String = all.iter().map(|row| row[name].as_str().unwrap().to_string() + "\n").collect();
        let path = dir.path().join(name);
        std::fs::write(&path, lines).unwrap();
        path.display().to_string()
    };
    let (first, second) = (file("premise"), file("hypothesis"));
    let limit = ["--max-input-tokens", &expected["max_input_tokens"].to_string()].map(str::to_string);
    let limit = limit.each_ref().map(String::as_str);
    let logits = dir.path().join("logits.safetensors");
    let out = logits.display().to_string();
    let forward = ["forward", "--base", &base, "--texts", &first, "--out", &out, "--batch-size", "2"];
    succeed(&[&forward[..], &["--text-pairs", &second], &limit].concat());
    let wanted: Vec<f64> =
        serde_json::from_value::<Vec<Vec<f64>>>(expected["logits"].clone()).unwrap().concat();
    let found = tensor(&logits, "logits");
    assert_eq!(found.len(), wanted.len());
    let difference = found.iter().zip(&wanted).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
    assert!(difference < 1e-5, "{difference}");
    let data = write(dir.path(), "pairs.jsonl", all);
    let evaluated = report(&[&["eval", "--base", &base, "--data", &data][..], &limit].concat());
    near(&evaluated["runs"][0]["loss"], &expected["loss"], 1e-5);
    let adapter = dir.path().join("adapter");
    let out = adapter.display().to_string();
    let train =
        ["train", "--base", &base, "--data", &data, "--out", &out, "--steps", "30", "--batch-size", "5"];
    let settings = ["--lr", "0.05", "--optimizer", "adamw", "--warmup-ratio", "0", "--eval", &data];
    let trained = report(&[&train[..], &settings, &limit].concat());
    let first_loss = &lines(&adapter.join("metrics.jsonl"))
        .into_iter()
        .find_map(|line| line.get("loss").cloned())
        .unwrap();
    near(first_loss, &expected["loss"], 1e-5);
    let after = trained["evaluation"]["loss_after"].as_f64().unwrap();
    assert!(after < trained["evaluation"]["loss_before"].as_f64().unwrap(), "{trained}");
    let fewer = dir.path().join("fewer");
    std::fs::write(&fewer, "in Bern\n").unwrap();
    let fewer = fewer.display().to_string();
    let output = run(&[&forward[..], &["--text-pairs", &fewer]].concat());
    let message = String::from_utf8_lossy(&output.stderr);
    assert!(message.contains("has 1 lines, but") && message.contains("has 5"), "{message}");
}

#[test]
fn hidden_tokens_are_learned_from_texts() {
    let dir = tempfile::tempdir().unwrap();
    let base = base(dir.path(), "distilbert", json!({"architectures": ["DistilBertForMaskedLM"]}));
    let texts =
        ["the lake is in the north by the river", "the old bridge is in the city of Bern, by the lake"];
    let data = write(dir.path(), "texts.jsonl", &texts.map(|text| json!({"text": text})));
    let refused = run(&["eval", "--base", &base, "--head", "masked-lm", "--data", &data]);
    let message = String::from_utf8_lossy(&refused.stderr);
    assert!(!refused.status.success() && message.contains("vocab_transform"), "{message}");
    let file = Path::new(&base).join("model.safetensors");
    let bytes = std::fs::read(&file).unwrap();
    let tensors = safetensors::SafeTensors::deserialize(&bytes).unwrap();
    let numbers = |count: usize, of: fn(usize) -> f32| -> Vec<u8> {
        (0..count).flat_map(|i| of(i).to_le_bytes()).collect()
    };
    let unit = |i: usize| if i.is_multiple_of(25) { 1.0 } else { 0.0 };
    let fresh = [
        ("vocab_transform.weight", vec![24, 24], numbers(24 * 24, unit)),
        ("vocab_transform.bias", vec![24], numbers(24, |_| 0.0)),
        ("vocab_layer_norm.weight", vec![24], numbers(24, |_| 1.0)),
        ("vocab_layer_norm.bias", vec![24], numbers(24, |_| 0.0)),
        ("vocab_projector.bias", vec![61], numbers(61, |_| 0.0)),
    ];
    let views = fresh.iter().map(|(name, shape, bytes)| {
        let view =
            safetensors::tensor::TensorView::new(safetensors::Dtype::F32, shape.clone(), bytes).unwrap();
        (name.to_string(), view)
    });
    safetensors::serialize_to_file(tensors.tensors().into_iter().chain(views), None, &file).unwrap();
    let out = dir.path().join("adapter").display().to_string();
    let head = ["--head", "masked-lm"];
    let args = ["train", "--base", &base, "--data", &data, "--eval", &data, "--out", &out];
    let trained = report(&[&args[..], &FAST, &head].concat());
    let loss = |when: &str| trained["evaluation"][when].as_f64().unwrap();
    assert!(loss("loss_after") < 0.8 * loss("loss_before"), "{trained}");
    let config = std::fs::read_to_string(Path::new(&out).join("adapter_config.json")).unwrap();
    assert!(config.contains("\"task_type\": null"), "{config}");
    let given = json!({"text": "the [MASK] is in the north", "target": "the lake is in the north"});
    let given = write(dir.path(), "given.jsonl", &[given]);
    let answers = dir.path().join("answers.jsonl");
    let path = answers.display().to_string();
    let args = ["eval", "--base", &base, "--adapter", &out, "--data", &given, "--predictions", &path];
    let evaluated = report(&[&args[..], &head, &["--metrics", "perplexity"]].concat());
    assert_eq!(evaluated["metric"], "accuracy");
    let perplexity = evaluated["runs"][0]["figures"]["perplexity"].as_f64().unwrap();
    assert!((perplexity.ln() - evaluated["runs"][0]["loss"].as_f64().unwrap()).abs() < 1e-6);
    assert_eq!(lines(&answers)[0]["target"], json!(["lake"]));
}
