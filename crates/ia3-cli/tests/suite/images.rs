//! Models of images through the program: files of images, rows that name them, and what is refused.

use std::path::Path;

use crate::common::{run, shape, succeed, tensor, workspace};
use serde_json::Value;

fn fixture(path: &str) -> String {
    workspace().join("fixtures").join(path).display().to_string()
}

/// The base of the case `clip` without its classifier, with a description of its images, and two images beside rows that name them.
fn folder() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let base = dir.path().join("base");
    std::fs::create_dir(&base).unwrap();
    let config = std::fs::read_to_string(fixture("clip/base/config.json")).unwrap();
    let mut config: Value = serde_json::from_str(&config).unwrap();
    ["id2label", "label2id"].iter().for_each(|name| drop(config.as_object_mut().unwrap().remove(*name)));
    std::fs::write(base.join("config.json"), config.to_string()).unwrap();
    let bytes = std::fs::read(fixture("clip/base/model.safetensors")).unwrap();
    let file = safetensors::SafeTensors::deserialize(&bytes).unwrap();
    let kept = file.tensors().into_iter().filter(|(name, _)| !name.starts_with("classifier"));
    safetensors::serialize_to_file(kept, None, &base.join("model.safetensors")).unwrap();
    let processor = r#"{"image_processor_type": "CLIPImageProcessor", "size": 12, "crop_size": 12}"#;
    std::fs::write(base.join("preprocessor_config.json"), processor).unwrap();
    for name in ["wide.png", "tall.png", "photo.jpg"] {
        std::fs::copy(fixture(&format!("images/{name}")), dir.path().join(name)).unwrap();
    }
    let rows =
        "{\"image\": \"wide.png\", \"label\": \"wide\"}\n{\"image\": \"tall.png\", \"label\": \"tall\"}\n";
    std::fs::write(dir.path().join("rows.jsonl"), rows.repeat(4)).unwrap();
    dir
}

fn path(dir: &Path, name: &str) -> String {
    dir.join(name).display().to_string()
}

fn stderr(args: &[&str]) -> String {
    let output = run(args);
    assert!(!output.status.success(), "ia3 {}", args.join(" "));
    String::from_utf8_lossy(&output.stderr).to_string()
}

fn report(args: &[&str]) -> Value {
    serde_json::from_str(&succeed(&[args, &["--format", "json"]].concat())).unwrap()
}

#[test]
fn an_adapter_is_trained_on_images_evaluated_and_run_on_files() {
    let dir = folder();
    let [base, rows, adapter] = ["base", "rows.jsonl", "adapter"].map(|name| path(dir.path(), name));
    let [predictions, logits] =
        ["predictions.jsonl", "logits.safetensors"].map(|name| path(dir.path(), name));
    let names = ["--label-names", "wide,tall"];
    let train = ["train", "--base", &base, "--data", &rows, "--eval", &rows, "--out", &adapter];
    let how = ["--steps", "30", "--batch-size", "4", "--lr", "0.05", "--optimizer", "adamw"];
    report(&[&train[..], &how, &names].concat());
    let config = std::fs::read_to_string(dir.path().join("adapter/adapter_config.json")).unwrap();
    let config: Value = serde_json::from_str(&config).unwrap();
    assert_eq!(config["task_type"], Value::Null);
    assert_eq!(config["modules_to_save"], serde_json::json!(["classifier"]));

    let eval =
        ["eval", "--base", &base, "--adapter", &adapter, "--data", &rows, "--predictions", &predictions];
    let found = report(&[&eval[..], &names].concat());
    assert_eq!(found["median"], 1.0, "{found}");
    let first = std::fs::read_to_string(&predictions).unwrap();
    let first: Value = serde_json::from_str(first.lines().next().unwrap()).unwrap();
    assert_eq!((&first["input"], &first["prediction"]), (&"wide.png".into(), &"wide".into()));

    let files = ["wide.png", "tall.png", "photo.jpg"].map(|name| path(dir.path(), name));
    let forward = ["forward", "--base", &base, "--adapter", &adapter, "--out", &logits, "--images"];
    let files: Vec<&str> = files.iter().map(String::as_str).collect();
    succeed(&[&forward[..], &files, &["--batch-size", "2"]].concat());
    assert_eq!(shape(Path::new(&logits), "logits"), [3, 2]);
    let logits = tensor(Path::new(&logits), "logits");
    assert!(logits[0] > logits[1] && logits[2] < logits[3], "{logits:?}");
}

#[test]
fn what_a_model_of_images_does_not_read_is_refused() {
    let dir = folder();
    let [base, out, rows] = ["base", "out.safetensors", "rows.jsonl"].map(|name| path(dir.path(), name));
    let forward = ["forward", "--base", &base, "--out", &out];
    let texts = stderr(&[&forward[..], &["--texts", &rows]].concat());
    assert!(texts.contains("a `clip` model reads images, not texts; give files with --images"), "{texts}");
    let ids = fixture("bert/io.safetensors");
    let ids = stderr(&[&forward[..], &["--inputs", &ids]].concat());
    assert!(ids.contains("has no tensor `pixel_values`, which a model of images reads"), "{ids}");
    let size = stderr(&[&forward[..], &["--inputs", &fixture("vit/io.safetensors")]].concat());
    assert!(size.contains("`pixel_values` has shape [3, 2, 9, 16], expected [batch, 3, 12, 12]"), "{size}");
    let image = path(dir.path(), "wide.png");
    let of_texts = fixture("bert/base");
    let of_texts = stderr(&["forward", "--base", &of_texts, "--out", &out, "--images", &image]);
    assert!(of_texts.contains("a `bert` model reads texts, not images"), "{of_texts}");
    let broken = stderr(&[&forward[..], &["--images", &rows]].concat());
    assert!(broken.contains("rows.jsonl is no image that can be read"), "{broken}");
    std::fs::remove_file(dir.path().join("base/preprocessor_config.json")).unwrap();
    let missing = stderr(&[&forward[..], &["--images", &image]].concat());
    assert!(
        missing.contains("has no preprocessor_config.json, which says how images become numbers"),
        "{missing}"
    );
}

#[test]
fn a_row_whose_image_is_missing_is_named() {
    let dir = folder();
    let [base, rows, out] = ["base", "rows.jsonl", "out"].map(|name| path(dir.path(), name));
    std::fs::remove_file(dir.path().join("tall.png")).unwrap();
    let train = ["train", "--base", &base, "--data", &rows, "--out", &out, "--label-names", "wide,tall"];
    let missing = stderr(&[&train[..], &["--steps", "2", "--batch-size", "2", "--lr", "0.1"]].concat());
    assert!(missing.contains("rows.jsonl, line 2: ") && missing.contains("tall.png"), "{missing}");
}
