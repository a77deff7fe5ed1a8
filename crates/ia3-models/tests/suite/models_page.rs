//! `docs/models.md`: its table is made from the table of architectures and from what the repository tests of each type.

use std::fs;
use std::path::Path;

use burn::tensor::Device;
use ia3_core::config::default_targets;
use ia3_models::{ModelConfig, Task};
use ia3_testing::fixture;
use serde_json::Value;

const START: &str = "<!-- The table is written by `crates/ia3-models/tests/suite/models_page.rs`. -->\n";
const HEAD: &str = "| `model_type` | tasks | default targets | parity cases | drawn checkpoints | public configurations |\n\
                    |---|---|---|---|---|---|\n";

/// The names of the folders in `parent` that hold a base of this type, sorted.
fn bases(parent: &Path, model_type: &str) -> Vec<String> {
    let of_type = |dir: &Path| {
        let text = fs::read_to_string(dir.join("base/config.json")).ok()?;
        let config: Value = serde_json::from_str(&text).ok()?;
        (config["model_type"] == model_type).then(|| dir.file_name()?.to_str().map(str::to_string)).flatten()
    };
    let entries = fs::read_dir(parent).expect("the corpus can be read");
    let mut names: Vec<String> =
        entries.filter_map(|entry| of_type(&entry.expect("the corpus can be read").path())).collect();
    names.sort();
    names
}

/// The tasks of the type, by the base of a case, or by the defaults of a type without cases.
fn tasks(model_type: &str, case: Option<&String>) -> &'static str {
    let json = match case {
        Some(case) => {
            fs::read_to_string(fixture(case).join("base/config.json")).expect("the case has a base")
        }
        None => format!(r#"{{"model_type": "{model_type}"}}"#),
    };
    let config = ModelConfig::from_json(&json).expect("the configuration is valid");
    let has = |task| config.clone().with_task(task).is_ok();
    let classifies = has(Task::SequenceClassification);
    if config.image().is_some() {
        return if classifies { "classifier of images, images alone" } else { "images alone" };
    }
    match (config.init(&Device::flex()).task(), classifies) {
        (Task::Seq2SeqLm, true) => "text to text, classifier, encoder alone",
        (Task::Seq2SeqLm, false) => "text to text",
        (Task::SpeechSeq2Seq, _) => "speech to text",
        (Task::CausalLm, true) => "language model, classifier",
        (Task::CausalLm, false) => "language model",
        _ if has(Task::QuestionAnswering) => "heads of encoders",
        _ => "heads of encoders, but for spans and choices",
    }
}

/// The default targets, and which of them have their input scaled.
fn targets(model_type: &str) -> String {
    let quoted = |names: &[&str]| names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    match default_targets(model_type) {
        None => "none: give `target_modules`".into(),
        Some(targets) if targets.feedforward_modules.is_empty() => quoted(targets.target_modules),
        Some(targets) => {
            format!("{}; input of {}", quoted(targets.target_modules), quoted(targets.feedforward_modules))
        }
    }
}

fn row(model_type: &str) -> String {
    let cases = bases(&fixture(""), model_type);
    assert!(!cases.is_empty() || model_type.starts_with("Refined"), "`{model_type}` has no parity case");
    let tasks = tasks(model_type, cases.first());
    let cases: Vec<String> = cases.iter().map(|case| format!("`{case}`")).collect();
    let draws = bases(&fixture("vary"), model_type).len();
    let quoted = format!(r#""model_type": "{model_type}""#);
    let counted = include_str!("parameters.rs").matches(&quoted).count();
    let targets = targets(model_type);
    format!("| `{model_type}` | {tasks} | {targets} | {} | {draws} | {counted} |\n", cases.join(", "))
}

/// `IA3_UPDATE_DOCS=1 cargo test -p ia3-models --test suite models_page::` writes the table.
#[test]
fn the_page_has_every_type() {
    let path = fixture("../docs/models.md");
    let page = fs::read_to_string(&path).expect("the page can be read");
    let table: String = ModelConfig::model_types().iter().map(|model_type| row(model_type)).collect();
    let (before, rest) = page.split_once(START).expect("the page has the comment before the table");
    let after = rest.find("\n\n").map_or("", |end| &rest[end..]);
    let expected = format!("{before}{START}{HEAD}{}{after}", table.trim_end());
    if std::env::var_os("IA3_UPDATE_DOCS").is_some() {
        fs::write(&path, &expected).expect("the page can be written");
    } else {
        assert!(page == expected, "docs/models.md is not up to date: run this test with IA3_UPDATE_DOCS=1");
    }
}
