//! A real language model against transformers and PEFT: logits, greedy generation, and a training.
//!
//! `IA3_SMOLLM2` is the folder of SmolLM2-135M-Instruct in float32, and `IA3_SMOLLM2_REFERENCE` the folder that
//! `fixtures/oracle/real_models.py smollm2` writes.

use std::path::PathBuf;

use burn::module::Module;
use burn::optim::GradientsParams;
use burn::tensor::{Int, Tensor, TensorData};
use ia3::train::OptimizerConfig;
use ia3::{Adapter, Ia3Config, Model, ModelInputs};
use serde_json::Value;

use crate::common::device;

/// Of the largest logit.
const LOGITS: f64 = 1e-4;
const LOSS: f64 = 1e-3;

fn rows(value: &Value) -> Vec<Vec<i64>> {
    let row = |row: &Value| row.as_array().unwrap().iter().map(|id| id.as_i64().unwrap()).collect();
    value.as_array().unwrap().iter().map(row).collect()
}

fn ids(row: &[i64]) -> Tensor<2, Int> {
    Tensor::from_data(TensorData::new(row.to_vec(), [1, row.len()]), &device())
}

fn inputs(row: &[i64]) -> ModelInputs {
    ModelInputs { input_ids: Some(ids(row)), ..ModelInputs::default() }
}

#[test]
fn smollm2_computes_generates_and_trains_as_in_transformers_and_peft() {
    let folders = ["IA3_SMOLLM2", "IA3_SMOLLM2_REFERENCE"].map(std::env::var_os);
    let [Some(base), Some(reference)] = folders else {
        return ia3_testing::skip(
            "IA3_SMOLLM2 and IA3_SMOLLM2_REFERENCE do not name the folders of the model and of its numbers",
        );
    };
    let reference = PathBuf::from(reference);
    let text = std::fs::read_to_string(reference.join("smollm2.json")).unwrap();
    let expected: Value = serde_json::from_str(&text).unwrap();
    let base = Model::from_pretrained(PathBuf::from(base), &device()).unwrap();
    let prompts = rows(&expected["prompts"]);
    logits(&base, &prompts, &reference);
    let mut same = 0;
    for (prompt, expected) in prompts.iter().zip(rows(&expected["generated"])) {
        let generated = base.generate([prompt.clone()]).max_new_tokens(64).min_new_tokens(64).run().unwrap();
        assert_eq!(generated.ids[0][prompt.len()..], expected, "after {prompt:?}");
        same += 1;
    }
    println!("{same} prompts: the same 64 tokens");
    assert_eq!(same, 20);
    let losses = expected["losses"].as_array().unwrap();
    let losses: Vec<f64> = losses.iter().map(|loss| loss.as_f64().unwrap()).collect();
    training(&base, &rows(&expected["rows"]), &losses);
}

fn logits(base: &Model, prompts: &[Vec<i64>], reference: &std::path::Path) {
    let mut largest = 0.0f64;
    for (i, prompt) in prompts.iter().take(4).enumerate() {
        let name = format!("logits.{i}");
        let file = reference.join("smollm2.safetensors");
        let expected: Vec<f64> = ia3::io::read_tensors(file, &[&name]).unwrap()[&name].iter().collect();
        let got: Vec<f64> = base.forward(inputs(prompt)).unwrap().into_data().iter().collect();
        assert_eq!(got.len(), expected.len());
        let scale = expected.iter().fold(0.0f64, |a, b| a.max(b.abs()));
        let worst = got.iter().zip(&expected).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
        largest = largest.max(worst / scale);
    }
    println!("logits: largest difference {largest:.1e} of the largest logit");
    assert!(largest < LOGITS, "{largest}");
}

fn training(base: &Model, rows: &[Vec<i64>], expected: &[f64]) {
    let adapter = Adapter::new(&Ia3Config::new(), base).unwrap();
    let mut model = base.with_adapter(&adapter).unwrap().module().clone().train();
    let mut optimizer = OptimizerConfig::AdamW { betas: (0.9, 0.999), weight_decay: 0.0 }.init();
    let mut largest = 0.0f64;
    for (step, (row, expected)) in rows.iter().zip(expected).enumerate() {
        let loss = model.loss(&inputs(row), ids(row)).unwrap();
        let grads = GradientsParams::from_grads(loss.clone().backward(), &model);
        let difference = (f64::from(loss.into_scalar::<f32>()) - expected).abs();
        assert!(difference < LOSS, "step {step}: the loss differs by {difference}");
        largest = largest.max(difference);
        model = optimizer.step(3e-3, model, grads);
    }
    println!("{} steps: largest difference of a loss {largest:.1e}", rows.len());
    assert_eq!(rows.len(), 60);
}
