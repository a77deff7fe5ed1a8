//! burn's own transformer, which knows nothing of adapters, with (IA)³ vectors through the weights it reads.
//!
//! `cargo run -p ia3-examples --example encoder`

use anyhow::ensure;
use burn::nn::transformer::{TransformerEncoder, TransformerEncoderConfig, TransformerEncoderInput};
use burn::tensor::{Distribution, Tensor};
use ia3::core::Adapter;
use ia3::io::{load_adapter, save_adapter};
use ia3::{Ia3Config, TrainableParameters, attach_to_weights, merge_safe, model_info};
use ia3_examples::{difference, fit};

/// burn's attention has biases, which a vector on the output of `key` or `value` would scale too; weight space cannot.
/// The input of `output` is the mixed outputs of `value`: scaling either is the same function.
const INPUTS: [&str; 2] = ["output", "linear_outer"];

fn main() -> anyhow::Result<()> {
    let device = ia3::device(None)?;
    device.seed(1);
    let base = TransformerEncoderConfig::new(32, 64, 4, 2).with_dropout(0.0).init(&device);
    let x = Tensor::random([16, 12, 32], Distribution::Normal(0.0, 1.0), &device);
    let wanted = teacher(&base, &x)?;
    let dir = tempfile::tempdir()?;

    // (IA)³, from here to the merged encoder.
    let info = model_info(&base, None, None);
    let config = Ia3Config::new().with_target_modules(INPUTS).with_feedforward_modules(INPUTS);
    let plan = config.plan(&info)?;
    let adapter = Adapter::init(&base, &plan);
    let model = attach_to_weights(&base, &[&adapter])?;
    let (model, before, after) =
        fit(model, 150, 0.05, |model| (forward(model, &x) - wanted.clone()).square().mean());
    let trained = adapter.extract(&model)?;
    save_adapter(&trained, &dir)?;
    let reloaded = load_adapter(&dir, &info, &device)?;
    let reloaded_model = attach_to_weights(&base, &[&reloaded])?;
    let merged = merge_safe(&base, &[&reloaded])?;

    println!("{plan}\n{}", TrainableParameters::of(&base, &adapter));
    println!("mean squared error {before:.5} -> {after:.5} in 150 steps");
    let y = forward(&model, &x);
    let from_file = difference(y.clone(), forward(&reloaded_model, &x));
    let from_merged = difference(y, forward(&merged, &x));
    println!("the reloaded adapter differs by {from_file:.1e}, the merged encoder by {from_merged:.1e}");
    ensure!(after < before / 20.0, "the vectors learned little: {before} -> {after}");
    ensure!(from_file == 0.0, "the reloaded adapter is another one");
    ensure!(from_merged < 1e-5, "the merged encoder is another function");
    Ok(())
}

/// A task for an encoder with random weights: what it computes under random vectors, which are then forgotten.
fn teacher(base: &TransformerEncoder, x: &Tensor<3>) -> anyhow::Result<Tensor<3>> {
    let config = Ia3Config::new().with_target_modules(INPUTS).with_feedforward_modules(INPUTS);
    let plan = config.with_init_ia3_weights(false).plan(&model_info(base, None, None))?;
    Ok(forward(&merge_safe(base, &[&Adapter::init(base, &plan)])?, x))
}

fn forward(encoder: &TransformerEncoder, x: &Tensor<3>) -> Tensor<3> {
    encoder.forward(TransformerEncoderInput::new(x.clone()))
}

#[test]
fn what_it_claims_holds() {
    main().unwrap();
}
