//! Lines of JSON, templates and labels, through `ia3 train` and `ia3 eval`.

use crate::common;

use std::io::Write;
use std::path::{Path, PathBuf};

use crate::common::{names, run, succeed, tensor, workspace};
use serde_json::Value;

fn base() -> String {
    workspace().join("examples/base").display().to_string()
}

/// A very small BERT with a tokenizer that fits its vocabulary.
fn classifier(dir: &Path) -> String {
    let base = dir.join("bert");
    std::fs::create_dir(&base).unwrap();
    let from = workspace().join("fixtures/bert/base");
    for name in ["config.json", "model.safetensors"] {
        std::fs::copy(from.join(name), base.join(name)).unwrap();
    }
    std::fs::copy(workspace().join("examples/base/tokenizer.json"), base.join("tokenizer.json")).unwrap();
    base.display().to_string()
}

fn write(dir: &Path, name: &str, text: &str) -> String {
    let path = dir.join(name);
    std::fs::write(&path, text).unwrap();
    path.display().to_string()
}

fn json(args: &[&str]) -> Value {
    serde_json::from_str(&succeed(&[args, &["--format", "json"]].concat())).unwrap()
}

/// Months, and whether they are warm (0) or cold (1).
const SEASONS: [(&str, usize); 4] = [("may", 0), ("december", 1), ("july", 0), ("january", 1)];

fn seasons() -> String {
    SEASONS.map(|(month, label)| format!("{{\"month\": \"{month}\", \"label\": {label}}}\n")).concat()
}

const TEMPLATES: &str = "dataset: seasons
templates:
  1: !Template
    answer_choices: warm ||| cold
    jinja: 'month: {{ month }} ||| {{ answer_choices[label] }}'
    metadata: !TemplateMetadata {original_task: true}
    name: plain
  2: !Template
    answer_choices: warm ||| cold
    jinja: '{{ month }} is ||| {{ answer_choices[label] }}'
    metadata: !TemplateMetadata {original_task: true}
    name: is
  3: !Template
    answer_choices: null
    jinja: 'a month ||| {{ month }}'
    metadata: !TemplateMetadata {original_task: false}
    name: write
";

const FAST: [&str; 8] = ["--steps", "60", "--batch-size", "4", "--lr", "0.05", "--optimizer", "adamw"];

#[test]
fn choices_are_learned_with_templates_and_evaluated_with_each_template_and_seed() {
    let dir = tempfile::tempdir().unwrap();
    let data = write(dir.path(), "data.jsonl", &seasons());
    let templates = write(dir.path(), "templates.yaml", TEMPLATES);
    let (base, out) = (base(), dir.path().join("seed_{seed}").display().to_string());
    for seed in ["1", "2"] {
        let out = out.replace("{seed}", seed);
        let args = ["train", "--base", &base, "--data", &data, "--templates", &templates, "--out", &out];
        let report = json(&[&args[..], &FAST, &["--seed", seed, "--eval", &data]].concat());
        assert_eq!(report["evaluation"]["examples"], 8, "two templates of the original task");
        assert_eq!(report["evaluation"]["exact_match_after"], 1.0, "{report}");
    }
    let args = ["eval", "--base", &base, "--data", &data, "--templates", &templates];
    let before = json(&args);
    assert_eq!((before["metric"].as_str(), before["examples"].as_u64()), (Some("accuracy"), Some(4)));
    let names: Vec<&Value> = before["runs"].as_array().unwrap().iter().map(|run| &run["template"]).collect();
    assert_eq!(names, ["plain", "is"]);
    let seeds = [&args[..], &["--adapter", &out, "--seeds", "1,2"]].concat();
    let after = json(&seeds);
    assert_eq!(after["runs"].as_array().unwrap().len(), 4);
    for figure in ["median", "lower_quartile", "upper_quartile"] {
        assert_eq!(after[figure], 1.0, "{after}");
    }
    let table = succeed(&seeds);
    assert!(table.contains("seed_2, is\n"), "{table}");
    assert!(
        table.ends_with("median 100.0 %, quartiles 100.0 % and 100.0 %, over 4 evaluations\n"),
        "{table}"
    );
    let one = json(&[&args[..], &["--template-name", "write"]].concat());
    assert_eq!((one["metric"].as_str(), one["runs"].as_array().unwrap().len()), (Some("exact_match"), 1));
    let mixed = run(&[&args[..], &["--template-name", "all"]].concat());
    let said = String::from_utf8_lossy(&mixed.stderr).to_string();
    assert!(said.contains("`write` has answers of another kind than `plain`"), "{said}");
}

#[test]
fn a_classifier_learns_labels_and_its_head_is_saved_in_the_adapter() {
    let dir = tempfile::tempdir().unwrap();
    let base = classifier(dir.path());
    let rows =
        SEASONS.map(|(month, label)| format!("{{\"text\": \"{month}\", \"label\": \"LABEL_{label}\"}}\n"));
    let data = write(dir.path(), "data.jsonl", &rows.concat());
    let out = dir.path().join("adapter").display().to_string();
    let args = ["train", "--base", &base, "--data", &data, "--eval", &data, "--out", &out];
    let report = json(&[&args[..], &FAST].concat());
    assert_eq!(report["evaluation"]["exact_match_after"], 1.0, "{report}");
    let file = PathBuf::from(&out).join("adapter_model.safetensors");
    let head = "base_model.model.classifier.weight";
    assert!(names(&file).contains(head), "{:?}", names(&file));
    let stored = workspace().join("fixtures/bert/base/model.safetensors");
    assert_ne!(tensor(&file, head), tensor(&stored, "classifier.weight"), "it is trained");
    let texts = write(dir.path(), "texts.jsonl", "{\"input\": \"may\", \"target\": \"warm\"}");
    let refused = run(&["eval", "--base", &base, "--data", &texts]);
    let said = String::from_utf8_lossy(&refused.stderr).to_string();
    assert!(
        said.ends_with("line 1: the label `warm` is none of `LABEL_0`, `LABEL_1`, `LABEL_2`\n"),
        "{said}"
    );
    let evaluated = json(&["eval", "--base", &base, "--adapter", &out, "--data", &data]);
    assert_eq!(evaluated["median"], 1.0, "{evaluated}");
}

#[test]
fn the_seed_decides_the_initial_values_of_a_missing_head() {
    let dir = tempfile::tempdir().unwrap();
    let base = classifier(dir.path());
    let weights = Path::new(&base).join("model.safetensors");
    let bytes = std::fs::read(&weights).unwrap();
    let file = safetensors::SafeTensors::deserialize(&bytes).unwrap();
    let kept = file.tensors().into_iter().filter(|(name, _)| !name.starts_with("classifier"));
    std::fs::write(&weights, safetensors::serialize(kept, None).unwrap()).unwrap();
    let data = write(
        dir.path(),
        "data.jsonl",
        "{\"text\": \"may\", \"label\": 0}\n{\"text\": \"june\", \"label\": 1}\n",
    );
    let head = |name: &str, seed: &str| {
        let out = dir.path().join(name).display().to_string();
        let args = ["train", "--base", &base, "--data", &data, "--out", &out, "--steps", "1", "--seed", seed];
        let output = run(&args);
        let said = String::from_utf8_lossy(&output.stderr).to_string();
        assert!(said.contains("the checkpoint has no `classifier`; it starts from random values"), "{said}");
        tensor(&dir.path().join(name).join("adapter_model.safetensors"), "base_model.model.classifier.weight")
    };
    // The first step of the warm-up has the learning rate 0, so the initial values are saved.
    assert_eq!(head("a", "7"), head("b", "7"));
    assert_ne!(head("c", "7"), head("d", "8"));
}

/// A base without a head, whose `config.json` has no number of classes.
fn headless(dir: &Path) -> String {
    let base = classifier(dir);
    let weights = Path::new(&base).join("model.safetensors");
    let bytes = std::fs::read(&weights).unwrap();
    let file = safetensors::SafeTensors::deserialize(&bytes).unwrap();
    let kept = file.tensors().into_iter().filter(|(name, _)| !name.starts_with("classifier"));
    std::fs::write(&weights, safetensors::serialize(kept, None).unwrap()).unwrap();
    let path = Path::new(&base).join("config.json");
    let mut config: Value = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
    config.as_object_mut().unwrap().retain(|name, _| name != "id2label" && name != "label2id");
    std::fs::write(&path, config.to_string()).unwrap();
    base
}

#[test]
fn the_number_of_classes_comes_from_the_data_or_from_an_option() {
    let dir = tempfile::tempdir().unwrap();
    let base = headless(dir.path());
    let row = |(label, month): (usize, &str)| format!("{{\"text\": \"{month}\", \"label\": {label}}}\n");
    let months = ["may", "june", "july", "march", "april"];
    let data = write(dir.path(), "data.jsonl", &months.into_iter().enumerate().map(row).collect::<String>());
    let train = |base: &str, name: &str, more: &[&str]| {
        let out = dir.path().join(name).display().to_string();
        let args = ["train", "--base", base, "--data", &data, "--out", &out];
        (run(&[&args[..], &FAST, more].concat()), out)
    };
    let head = |out: &str| {
        let file = Path::new(out).join("adapter_model.safetensors");
        common::shape(&file, "base_model.model.classifier.weight")
    };
    let (output, out) = train(&base, "counted", &["--eval", &data]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(head(&out), [5, 24]);
    // Commands that use the adapter take the number of classes from its head.
    let evaluated = json(&["eval", "--base", &base, "--adapter", &out, "--data", &data]);
    assert_eq!(evaluated["median"], 1.0, "{evaluated}");
    let texts = write(dir.path(), "texts.txt", "may\njune");
    let logits = dir.path().join("logits.safetensors");
    let path = logits.display().to_string();
    succeed(&["forward", "--base", &base, "--adapter", &out, "--texts", &texts, "--out", &path]);
    assert_eq!(common::shape(&logits, "logits"), [2, 5]);

    let (output, out) = train(&base, "asked", &["--num-labels", "7"]);
    assert!(output.status.success());
    assert_eq!(head(&out), [7, 24]);

    let refused = |base: &str, more: &[&str], said: &str| {
        let (output, out) = train(base, "refused", more);
        let stderr = String::from_utf8_lossy(&output.stderr).to_string();
        assert!(output.status.code() == Some(1) && stderr.contains(said), "{said}\n{stderr}");
        assert!(!Path::new(&out).exists());
    };
    refused(&base, &["--num-labels", "4"], "lines 5 of ");
    refused(
        &base,
        &["--num-labels", "4"],
        "data.jsonl: the class is not below 4, the value of --num-labels; classes count from 0",
    );
    let eval = write(dir.path(), "eval.jsonl", &["may", "june"].map(|month| row((6, month))).concat());
    refused(&base, &["--eval", &eval], "eval.jsonl has the classes 6, which no line of");
    std::fs::create_dir(dir.path().join("with")).unwrap();
    let with_head = classifier(&dir.path().join("with"));
    refused(&with_head, &[], "line 4: the answer is 3, but there are 3 choices, which count from 0");
    refused(&with_head, &["--num-labels", "5"], "--num-labels is 5, but the head of the base has 3 classes");
}

#[test]
fn gzip_fields_and_label_names_give_the_same_result_as_plain_lines() {
    let dir = tempfile::tempdir().unwrap();
    let base = base();
    let plain = "{\"input\": \"month: may\", \"choices\": [\"warm\", \"cold\"], \"answer\": 0}\n";
    let named = "{\"m\": \"month: may\", \"warmth\": \"warm\", \"input\": 7}\n";
    let templated = "{\"month\": \"may\", \"label\": 0}\n";
    let evaluate = |name: &str, text: &str, options: &[&str]| {
        let path = dir.path().join(name);
        let mut encoder = flate2::write::GzEncoder::new(vec![], flate2::Compression::fast());
        encoder.write_all(text.as_bytes()).unwrap();
        std::fs::write(&path, encoder.finish().unwrap()).unwrap();
        let path = path.display().to_string();
        json(&[&["eval", "--base", &base, "--data", &path][..], options].concat())["runs"][0]["loss"].clone()
    };
    let expected = evaluate("plain", plain, &[]);
    let fields = ["--input-field", "m", "--label-field", "warmth", "--label-names", "warm,cold"];
    assert_eq!(evaluate("named", named, &fields), expected);
    let template = ["--template", "month: {{ month }} ||| {{ answer_choices[label] }}"];
    let choices = ["--answer-choices", "warm ||| cold"];
    assert_eq!(evaluate("templated", templated, &[template, choices].concat()), expected);
}

#[test]
fn errors_in_the_data_name_the_line() {
    let dir = tempfile::tempdir().unwrap();
    let base = base();
    let templates = write(dir.path(), "templates.yaml", TEMPLATES);
    let problem = |text: &str, options: &[&str]| {
        let data = write(dir.path(), "data.jsonl", text);
        let output = run(&[&["eval", "--base", &base, "--data", &data][..], options].concat());
        assert_eq!(output.status.code(), Some(1));
        String::from_utf8_lossy(&output.stderr).replace(&dir.path().display().to_string(), "DIR")
    };
    let good = "{\"input\": \"a\", \"target\": \"b\"}\n";
    let malformed = format!("{good}\n{{\"input\": \"a\",\n");
    assert_eq!(
        problem(&malformed, &[]),
        "error: DIR/data.jsonl, line 3: EOF while parsing a value at column 14\n"
    );
    assert_eq!(
        problem("{\"text\": \"a\", \"label\": 1}", &[]),
        "error: DIR/data.jsonl, line 1: the row has the label 1, but the model is a language model; give the names of the labels, or use a template\n  hint: --label-names NAME,… gives the names, --template or --templates a template\n"
    );
    assert_eq!(
        problem("{\"text\": \"a\", \"label\": 2}", &["--label-names", "no,yes"]),
        "error: DIR/data.jsonl, line 1: the answer is 2, but there are 2 choices, which count from 0\n"
    );
    assert_eq!(
        problem(good, &["--templates", &templates]),
        "error: DIR/data.jsonl, line 1: template `plain` uses `label`, `month`, which the row does not have; it has `input`, `target`\n"
    );
    assert_eq!(
        problem(good, &["--templates", &templates, "--template-name", "plane"]),
        "error: there is no template `plane`; there are `plain`, `is`, `write`\n"
    );
    assert_eq!(
        problem(good, &["--max-input-tokens", "1"]),
        "error: DIR/data.jsonl, line 1: there is no room for text: the token limit is 1, and special tokens take 1; raise the limit\n  hint: --max-input-tokens and --max-target-tokens are these limits\n"
    );
    assert_eq!(
        problem(good, &["--adapter", "a{seed}"]),
        "error: `a{seed}` contains {seed}; give the seeds with --seeds\n"
    );
    assert_eq!(
        problem(good, &["--adapter", "a", "--seeds", "1,2"]),
        "error: `a` does not contain {seed}, which --seeds needs; write {seed} in place of the seed\n"
    );
}
