//! `ia3::Model` and `ia3::Adapter` give what the layer below them gives, for every model of the corpus.

mod errors;
mod families;
mod files;
mod texts;
mod training;

use std::path::PathBuf;

use crate::common::{Case, device};
use ia3::{Adapter, Model, ModelInputs};

/// A case of the corpus by the front door: the base, and the adapter that PEFT wrote.
fn open(case: &Case) -> (Model, Adapter) {
    let base = Model::from_pretrained(case.dir.join("base"), &device()).unwrap();
    let adapter = Adapter::load(case.dir.join("adapter"), &base).unwrap();
    (base, adapter)
}

/// A small T5 with a tokenizer.
fn with_tokenizer() -> Model {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../examples/base");
    Model::from_pretrained(folder, &device()).unwrap()
}

fn logits(model: &Model, inputs: &ModelInputs) -> Vec<f32> {
    use burn::tensor::DType;
    model.forward(inputs.clone()).unwrap().cast(DType::F32).into_data().iter().collect()
}
