//! Encoders with other heads through the program: classes of words, several classes per row, numbers, and embeddings; decoders and
//! T5 as classifiers.

use std::path::Path;

use crate::common::{run, shape, succeed, tensor, workspace};
use serde_json::{Value, json};

/// A very small BERT as [`base`] makes it.
fn encoder(dir: &Path, fields: Value) -> String {
    base(dir, "bert", fields)
}

/// The base of a case of the corpus without a classifier, with a tokenizer that fits its vocabulary, and with these fields of
/// `config.json`.
fn base(dir: &Path, case: &str, fields: Value) -> String {
    let (from, to) = (workspace().join("fixtures").join(case).join("base"), dir.join("base"));
    std::fs::create_dir(&to).unwrap();
    std::fs::copy(workspace().join("examples/base/tokenizer.json"), to.join("tokenizer.json")).unwrap();
    let config = std::fs::read_to_string(from.join("config.json")).unwrap();
    let mut config: Value = serde_json::from_str(&config).unwrap();
    ["id2label", "label2id"].iter().for_each(|name| drop(config.as_object_mut().unwrap().remove(*name)));
    for (name, value) in fields.as_object().unwrap() {
        config[name] = value.clone();
    }
    std::fs::write(to.join("config.json"), config.to_string()).unwrap();
    let bytes = std::fs::read(from.join("model.safetensors")).unwrap();
    let file = safetensors::SafeTensors::deserialize(&bytes).unwrap();
    let kept = file.tensors().into_iter().filter(|(name, _)| !name.starts_with("classifier"));
    safetensors::serialize_to_file(kept, None, &to.join("model.safetensors")).unwrap();
    to.display().to_string()
}

fn write(dir: &Path, name: &str, lines: &[Value]) -> String {
    let path = dir.join(name);
    let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
    std::fs::write(&path, text).unwrap();
    path.display().to_string()
}

fn report(args: &[&str]) -> Value {
    serde_json::from_str(&succeed(&[args, &["--format", "json"]].concat())).unwrap()
}

fn stderr(args: &[&str]) -> String {
    String::from_utf8_lossy(&run(args).stderr).to_string()
}

const FAST: [&str; 8] = ["--steps", "80", "--batch-size", "4", "--lr", "0.05", "--optimizer", "adamw"];

/// Trains on `data`, and returns the report and the folder of the adapter.
fn train(dir: &Path, base: &str, data: &str, more: &[&str]) -> (Value, String) {
    let out = dir.join("adapter").display().to_string();
    let args = ["train", "--base", base, "--data", data, "--eval", data, "--out", &out];
    (report(&[&args[..], &FAST, more].concat()), out)
}

#[test]
fn classes_of_words_are_learned_and_judged_by_their_entities() {
    let dir = tempfile::tempdir().unwrap();
    let names = json!({"0": "O", "1": "B-PER", "2": "I-PER"});
    let base =
        encoder(dir.path(), json!({"id2label": names, "architectures": ["BertForTokenClassification"]}));
    let row = |words: &[&str], tags: &[&str]| json!({"tokens": words, "tags": tags});
    let rows = [
        row(&["ada", "met", "bob"], &["B-PER", "O", "B-PER"]),
        row(&["dear", "eve", "lee"], &["O", "B-PER", "I-PER"]),
        row(&["met", "eve"], &["O", "B-PER"]),
        row(&["bob", "lee", "met", "ada"], &["B-PER", "I-PER", "O", "B-PER"]),
    ];
    let data = write(dir.path(), "ner.jsonl", &rows);
    let (trained, adapter) = train(dir.path(), &base, &data, &["--eval-steps", "40", "--metric", "f1"]);
    assert_eq!(trained["evaluation"]["f1"][1], 1.0, "{trained}");
    assert!(trained["evaluation"]["f1"][0].as_f64().unwrap() < 1.0, "{trained}");
    let config = std::fs::read_to_string(Path::new(&adapter).join("adapter_config.json")).unwrap();
    assert!(config.contains("\"TOKEN_CLS\""), "{config}");
    let evaluated = report(&["eval", "--base", &base, "--adapter", &adapter, "--data", &data]);
    assert_eq!((evaluated["metric"].as_str(), evaluated["median"].as_f64()), (Some("f1"), Some(1.0)));

    let texts = dir.path().join("texts");
    std::fs::write(&texts, "ada\nbob met").unwrap();
    let (texts, out) = (texts.display().to_string(), dir.path().join("logits"));
    let args = ["forward", "--base", &base, "--adapter", &adapter, "--texts", &texts, "--out"];
    let file = out.display().to_string();
    succeed(&[&args[..], &[file.as_str()]].concat());
    let &[2, _, 3] = shape(&out, "logits").as_slice() else { panic!("{:?}", shape(&out, "logits")) };

    let short = write(dir.path(), "short.jsonl", &[row(&["ada", "met"], &["O"])]);
    let said = stderr(&["eval", "--base", &base, "--data", &short]);
    assert!(said.ends_with("line 1: the row has 1 tags for 2 words; every word needs one tag\n"), "{said}");
    let unknown = write(dir.path(), "unknown.jsonl", &[row(&["ada"], &["B-LOC"])]);
    let said = stderr(&["eval", "--base", &base, "--data", &unknown]);
    assert!(said.ends_with("line 1: the label `B-LOC` is none of `O`, `B-PER`, `I-PER`\n"), "{said}");
}

#[test]
fn the_data_choose_the_head_that_the_base_leaves_open() {
    let dir = tempfile::tempdir().unwrap();
    let base = encoder(dir.path(), json!({"architectures": ["BertModel"]}));
    let rows = [json!({"tokens": ["ada", "met"], "tags": [1, 0]}), json!({"tokens": ["met"], "tags": [0]})];
    let data = write(dir.path(), "ner.jsonl", &rows);
    let (trained, adapter) = train(dir.path(), &base, &data, &["--label-names", "O,B-PER"]);
    assert_eq!(trained["evaluation"]["f1"][1], 1.0, "{trained}");
    let args = ["eval", "--base", &base, "--adapter", &adapter, "--data", &data, "--label-names", "O,B-PER"];
    assert_eq!(report(&args)["median"], 1.0);
    let said =
        stderr(&["train", "--base", &base, "--data", &data, "--head", "feature-extraction", "--out", "x"]);
    assert!(said.contains("a model without a head has no loss to train; choose one with --head"), "{said}");
}

#[test]
fn rows_with_several_classes_are_learned() {
    let dir = tempfile::tempdir().unwrap();
    let base = encoder(dir.path(), json!({"architectures": ["BertForMaskedLM"]}));
    let rows = [
        json!({"text": "may", "labels": ["warm", "wet"]}),
        json!({"text": "july", "labels": ["warm"]}),
        json!({"text": "december", "labels": ["cold", "wet"]}),
        json!({"text": "none", "labels": []}),
    ];
    let data = write(dir.path(), "data.jsonl", &rows);
    let names = ["--label-names", "warm,cold,wet"];
    let (trained, adapter) = train(dir.path(), &base, &data, &names);
    assert_eq!(trained["evaluation"]["f1"][1], 1.0, "{trained}");
    assert_eq!(trained["evaluation"]["exact_match_after"], 1.0, "{trained}");
    let eval = ["eval", "--base", &base, "--adapter", &adapter, "--data", &data];
    let several = ["--problem-type", "multi-label"];
    let evaluated = report(&[&eval[..], &names, &several].concat());
    assert_eq!((evaluated["metric"].as_str(), evaluated["median"].as_f64()), (Some("f1"), Some(1.0)));
    let out = dir.path().join("again").display().to_string();
    let said = stderr(&["train", "--base", &base, "--data", &data, "--out", &out]);
    assert!(said.contains("the label `warm` is a name; give the names of all labels"), "{said}");
}

#[test]
fn numbers_are_learned() {
    let dir = tempfile::tempdir().unwrap();
    let base = encoder(dir.path(), json!({"architectures": ["BertForPreTraining"]}));
    let row = |text: &str, label: f64| json!({"text": text, "label": label});
    let rows = [row("may", 0.5), row("july", 1.5), row("december", -1.25), row("january", -0.5)];
    let data = write(dir.path(), "data.jsonl", &rows);
    let (trained, adapter) = train(dir.path(), &base, &data, &[]);
    assert!(trained["evaluation"]["pearson"][1].as_f64().unwrap() > 0.99, "{trained}");
    assert!(trained["evaluation"]["loss_after"].as_f64().unwrap() < 0.05, "{trained}");
    let evaluated = report(&["eval", "--base", &base, "--adapter", &adapter, "--data", &data]);
    assert_eq!(evaluated["metric"], "pearson", "one label is a regression: {evaluated}");
    let merged = dir.path().join("merged").display().to_string();
    succeed(&["merge", "--base", &base, "--adapter", &adapter, "--out", &merged]);
    let again = report(&["eval", "--base", &merged, "--data", &data]);
    let loss = |report: &Value| report["runs"][0]["loss"].as_f64().unwrap();
    assert!((loss(&again) - loss(&evaluated)).abs() < 1e-4, "{again} {evaluated}");
}

#[test]
fn texts_are_embedded_as_the_folder_says() {
    let dir = tempfile::tempdir().unwrap();
    let base = encoder(dir.path(), json!({"architectures": ["BertModel"]}));
    let file = |name: &str, text: &str| {
        let path = dir.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    };
    let (one, two) = (file("one", "may"), file("two", "may\ndecember"));
    let [states, alone, both, cls] = ["states", "alone", "both", "cls"].map(|name| dir.path().join(name));
    let embed = |texts: &str, out: &Path, more: &[&str]| {
        let out = out.display().to_string();
        let args = ["embed", "--base", &base, "--texts", texts, "--out", &out];
        succeed(&[&args[..], more].concat())
    };
    let out = states.display().to_string();
    succeed(&["forward", "--base", &base, "--texts", &one, "--out", &out]);
    let (hidden, seq) = (tensor(&states, "last_hidden_state"), shape(&states, "last_hidden_state")[1]);
    let said = embed(&one, &alone, &[]);
    assert!(said.starts_with("embeddings [1, 24] (mean pooling) in "), "{said}");
    let near = |got: &[f64], expected: &[f64]| {
        assert_eq!(got.len(), expected.len());
        let worst = got.iter().zip(expected).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
        assert!(worst < 1e-5, "{worst}");
    };
    let mean: Vec<f64> =
        (0..24).map(|i| hidden.iter().skip(i).step_by(24).sum::<f64>() / seq as f64).collect();
    near(&tensor(&alone, "embeddings"), &mean);
    embed(&two, &both, &[]);
    near(&tensor(&both, "embeddings")[..24], &mean);

    let modules = r#"[{"type": "sentence_transformers.models.Transformer", "path": ""},
        {"type": "sentence_transformers.models.Pooling", "path": "1_Pooling"},
        {"type": "sentence_transformers.models.Normalize", "path": "2_Normalize"}]"#;
    std::fs::create_dir(Path::new(&base).join("1_Pooling")).unwrap();
    std::fs::write(Path::new(&base).join("modules.json"), modules).unwrap();
    std::fs::write(Path::new(&base).join("1_Pooling/config.json"), r#"{"pooling_mode_cls_token": true}"#)
        .unwrap();
    let said = embed(&two, &cls, &[]);
    assert!(said.contains("(cls pooling, scaled to length 1)"), "{said}");
    let length = hidden[..24].iter().map(|x| x * x).sum::<f64>().sqrt();
    let first: Vec<f64> = hidden[..24].iter().map(|x| x / length).collect();
    near(&tensor(&cls, "embeddings")[..24], &first);

    let file = both.display().to_string();
    let t5 = workspace().join("examples/base").display().to_string();
    succeed(&["embed", "--base", &t5, "--texts", &one, "--out", &file]);
    let other = tempfile::tempdir().unwrap();
    let bart = self::base(other.path(), "bart", json!({}));
    let said = stderr(&["embed", "--base", &bart, "--texts", &one, "--out", &file]);
    assert!(
        said.contains("is an encoder-decoder, of which no one stack of hidden states stands for a text"),
        "{said}"
    );
}

#[test]
fn decoders_and_t5_become_classifiers_by_an_option_and_by_their_adapter() {
    for case in ["llama", "gpt2", "t5"] {
        let dir = tempfile::tempdir().unwrap();
        let base = base(dir.path(), case, json!({}));
        let rows = [
            json!({"text": "may", "label": "warm"}),
            json!({"text": "july", "label": "warm"}),
            json!({"text": "december", "label": "cold"}),
            json!({"text": "january the first", "label": "cold"}),
        ];
        let data = write(dir.path(), "data.jsonl", &rows);
        let names = ["--label-names", "cold,warm"];
        let head = ["--head", "sequence-classification"];
        let (trained, adapter) = train(dir.path(), &base, &data, &[&names[..], &head].concat());
        assert_eq!(trained["evaluation"]["exact_match_after"], 1.0, "{case}: {trained}");
        let config = std::fs::read_to_string(Path::new(&adapter).join("adapter_config.json")).unwrap();
        assert!(config.contains("\"SEQ_CLS\""), "{config}");
        let eval = ["eval", "--data", &data, "--base", &base, "--adapter", &adapter];
        let evaluated = report(&[&eval[..], &names].concat());
        assert_eq!(evaluated["median"].as_f64(), Some(1.0), "{case}: {evaluated}");

        let merged = dir.path().join("merged").display().to_string();
        succeed(&["merge", "--base", &base, "--adapter", &adapter, "--out", &merged]);
        let of_merged = report(&[&["eval", "--data", &data, "--base", &merged][..], &names].concat());
        assert_eq!(of_merged["median"].as_f64(), Some(1.0), "{case}: {of_merged}");

        let texts = dir.path().join("texts");
        std::fs::write(&texts, "may\ndecember the first").unwrap();
        let texts = texts.display().to_string();
        for (command, name, width) in [("forward", "logits", 2), ("embed", "embeddings", 24)] {
            let out = dir.path().join(command);
            let file = out.display().to_string();
            succeed(&[command, "--base", &merged, "--texts", &texts, "--out", &file]);
            assert_eq!(shape(&out, name), [2, width], "{case} {command}");
        }
        let said = stderr(&["generate", "--base", &merged, "--prompt", "may"]);
        assert!(said.contains("text"), "{case}: {said}");
    }
}
