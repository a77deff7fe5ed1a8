//! ESM beside the parity corpus: the names that versions of transformers gave its tensors, and what is refused.

use std::collections::BTreeMap;
use std::path::Path;

use burn::tensor::TensorData;
use ia3::models::PaddingSide;
use ia3::{Model, ModelInputs, PretrainedOptions, Task};

use crate::common::{assert_apart, assert_close, device, fixture, tensors};

const ANGLES: &str = "esm.rotary_embeddings.inv_freq";

fn base() -> BTreeMap<String, TensorData> {
    tensors(&fixture("esm/base/model.safetensors")).into_iter().collect()
}

/// A folder with the configuration of the case and these tensors.
fn folder(all: &BTreeMap<String, TensorData>) -> tempfile::TempDir {
    let out = tempfile::tempdir().unwrap();
    std::fs::copy(fixture("esm/base/config.json"), out.path().join("config.json")).unwrap();
    let all: Vec<(&str, &TensorData)> = all.iter().map(|(name, value)| (name.as_str(), value)).collect();
    ia3::io::write_tensors(out.path().join("model.safetensors"), &all).unwrap();
    out
}

fn open(folder: &Path, task: Task) -> Model {
    let options = PretrainedOptions::new().with_task(task);
    let model = Model::from_pretrained_with(folder, &options, &device()).unwrap();
    assert!(model.load_report().missing.is_empty(), "{:?}", model.load_report().missing);
    model
}

fn inputs() -> ModelInputs {
    let rows = [vec![7, 8, 4, 5, 17, 40, 9, 33, 21, 50, 12], vec![9, 4, 33, 4, 6]];
    ModelInputs::from_rows(&rows, 1, PaddingSide::Right, &device())
}

fn logits(model: &Model) -> Vec<f32> {
    model.forward(inputs()).unwrap().into_data().iter().collect()
}

fn of(all: &BTreeMap<String, TensorData>) -> Vec<f32> {
    logits(&open(folder(all).path(), Task::SequenceClassification))
}

fn renamed(rename: impl Fn(&str) -> Vec<String>) -> BTreeMap<String, TensorData> {
    let names = |(name, value): (String, TensorData)| {
        rename(&name).into_iter().map(|name| (name, value.clone())).collect::<Vec<_>>()
    };
    base().into_iter().flat_map(names).collect()
}

/// transformers 5.24 saves norms as `gamma` and `beta`, and the angles with an asterisk in their name; transformers 4 saved the
/// angles in every block.
#[test]
fn the_names_of_other_versions_are_read() {
    let expected = of(&base());
    let fifth = renamed(|name| {
        let name =
            name.replace("LayerNorm.weight", "LayerNorm.gamma").replace("LayerNorm.bias", "LayerNorm.beta");
        vec![name.replace(ANGLES, "esm.encoder.layer.*.attention.self.rotary_embeddings.inv_freq")]
    });
    assert_eq!(of(&fifth), expected);
    let fourth = renamed(|name| match name == ANGLES {
        true => (0..2)
            .map(|i| format!("esm.encoder.layer.{i}.attention.self.rotary_embeddings.inv_freq"))
            .collect(),
        false => vec![name.into()],
    });
    assert_eq!(of(&fourth), expected);
}

/// Without angles in the file they are those of `rope_theta`, which is 100 here.
#[test]
fn angles_are_computed_where_the_file_has_none() {
    let mut all = base();
    let own = of(&all);
    all.insert(ANGLES.into(), TensorData::new(vec![1.0f32, 0.1], [2]));
    let written = of(&all);
    all.remove(ANGLES);
    assert_close(&of(&all), &written, 1e-6, "angles of the configuration");
    assert_apart(&own, &written, "angles of the file");
}

#[test]
fn a_model_without_its_head_has_the_same_angles() {
    let all = renamed(|name| match name.strip_prefix("esm.") {
        Some(bare) => vec![bare.into()],
        None => vec![],
    });
    let of = |all: &BTreeMap<String, TensorData>| {
        let options = PretrainedOptions::new().with_task(Task::FeatureExtraction);
        logits(&Model::from_pretrained_with(folder(all).path(), &options, &device()).unwrap())
    };
    let bare = of(&all);
    assert_eq!(bare, of(&base()));
    let mut other = all.clone();
    other.remove("rotary_embeddings.inv_freq");
    assert_apart(&bare, &of(&other), "angles of the file");
}

#[test]
fn a_row_of_hidden_tokens_is_refused() {
    let model = open(folder(&base()).path(), Task::SequenceClassification);
    let inputs = ModelInputs::from_rows(&[vec![4, 4], vec![5, 4, 7]], 1, PaddingSide::Right, &device());
    let error = model.forward(inputs).unwrap_err().to_string();
    assert!(error.contains("hides as many tokens in row 0 as the row has, 2"), "{error}");
}

#[test]
fn a_head_that_transformers_lacks_is_refused() {
    let folder = folder(&base());
    for task in [Task::QuestionAnswering, Task::MultipleChoice] {
        let options = PretrainedOptions::new().with_task(task);
        let error = Model::from_pretrained_with(folder.path(), &options, &device()).unwrap_err().to_string();
        assert!(error.contains("has no head for this task"), "{error}");
    }
}
