//! A network of linear layers that knows nothing of adapters, adapted with (IA)³ to inputs in other units.
//!
//! `cargo run -p ia3-examples --example mlp`

use anyhow::ensure;
use burn::module::Module;
use burn::nn::{Linear, LinearConfig};
use burn::tensor::activation::tanh;
use burn::tensor::{Distribution, Tensor};
use ia3::core::Adapter;
use ia3::io::{load_adapter, save_adapter};
use ia3::{Ia3Config, TrainableParameters, attach_to_weights, merge_safe, model_info};
use ia3_examples::{difference, fit};

/// `[batch, 4]` to `[batch, 1]`.
#[derive(Module, Debug)]
struct Mlp {
    lin0: Linear,
    lin1: Linear,
}

impl Mlp {
    fn forward(&self, x: &Tensor<2>) -> Tensor<2> {
        self.lin1.forward(tanh(self.lin0.forward(x.clone())))
    }

    fn loss(&self, x: &Tensor<2>, y: &Tensor<2>) -> Tensor<1> {
        (self.forward(x) - y.clone()).square().mean()
    }
}

fn main() -> anyhow::Result<()> {
    let device = ia3::device(None)?;
    device.seed(1);
    let untrained =
        Mlp { lin0: LinearConfig::new(4, 32).init(&device), lin1: LinearConfig::new(32, 1).init(&device) };
    let x = Tensor::random([256, 4], Distribution::Uniform(-2.0, 2.0), &device);
    let y = x.clone().sin().sum_dim(1);
    let (base, ..) = fit(untrained, 400, 0.02, |model| model.loss(&x, &y));
    // The same measurements, each in another unit.
    let units = Tensor::<1>::from_floats([0.5, 2.0, 1.5, 0.8], &device);
    let measured = x / units.clone().unsqueeze();
    let dir = tempfile::tempdir()?;

    // (IA)³, from here to the merged network: one value for each input of the first layer.
    let info = model_info(&base, None, None);
    let config = Ia3Config::new().with_target_modules(["lin0"]).with_feedforward_modules(["lin0"]);
    let plan = config.plan(&info)?;
    let adapter = Adapter::init(&base, &plan);
    let model = attach_to_weights(&base, &[&adapter])?;
    let (model, before, after) = fit(model, 200, 0.05, |model| model.loss(&measured, &y));
    let trained = adapter.extract(&model)?;
    save_adapter(&trained, &dir)?;
    let reloaded = load_adapter(&dir, &info, &device)?;
    let reloaded_model = attach_to_weights(&base, &[&reloaded])?;
    let merged = merge_safe(&base, &[&reloaded])?;

    println!("{plan}\n{}", TrainableParameters::of(&base, &adapter));
    println!("mean squared error {before:.4} -> {after:.4} in 200 steps");
    let l = trained.vectors["lin0"].values();
    println!("units, as learned: {:.2?}", l.to_data().iter::<f32>().collect::<Vec<_>>());
    let from_file = difference(model.forward(&measured), reloaded_model.forward(&measured));
    let from_merged = difference(model.forward(&measured), merged.forward(&measured));
    println!("the reloaded adapter differs by {from_file:.1e}, the merged network by {from_merged:.1e}");
    ensure!(after < before / 20.0, "the vector learned little: {before} -> {after}");
    ensure!(difference(l, units) < 0.1, "the vector is not the units");
    ensure!(from_file == 0.0, "the reloaded adapter is another one");
    ensure!(from_merged < 1e-5, "the merged network is another function");
    Ok(())
}

#[test]
fn what_it_claims_holds() {
    main().unwrap();
}
