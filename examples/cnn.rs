//! A convolutional network that knows nothing of adapters, repaired with (IA)³ when channels of its sensor break.
//!
//! `cargo run -p ia3-examples --example cnn`

use anyhow::ensure;
use burn::module::Module;
use burn::nn::conv::{Conv2d, Conv2dConfig};
use burn::nn::loss::CrossEntropyLossConfig;
use burn::nn::{Linear, LinearConfig};
use burn::tensor::activation::relu;
use burn::tensor::{Device, Int, Tensor, TensorData};
use ia3::core::Adapter;
use ia3::io::{load_adapter, save_adapter};
use ia3::{Ia3Config, TrainableParameters, attach_to_weights, merge_safe, model_info};
use ia3_examples::{difference, fit};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// `[batch, 3, SIZE, SIZE]` to scores of two classes.
#[derive(Module, Debug)]
struct Cnn {
    conv: Conv2d,
    head: Linear,
}

impl Cnn {
    fn forward(&self, x: &Tensor<4>) -> Tensor<2> {
        let features = relu(self.conv.forward(x.clone()));
        self.head.forward(features.mean_dims(&[2, 3]).flatten(1, 3))
    }

    fn loss(&self, (x, labels): &Data) -> Tensor<1> {
        CrossEntropyLossConfig::new().init(&x.device()).forward(self.forward(x), labels.clone())
    }

    fn accuracy(&self, (x, labels): &Data) -> f32 {
        let right = self.forward(x).argmax(1).flatten::<1>(0, 1).equal(labels.clone());
        right.float().mean().into_scalar::<f32>()
    }
}

type Data = (Tensor<4>, Tensor<1, Int>);

fn main() -> anyhow::Result<()> {
    let device = ia3::device(None)?;
    device.seed(1);
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let conv = Conv2dConfig::new([3, 16], [3, 3]).init(&device);
    let untrained = Cnn { conv, head: LinearConfig::new(16, 2).init(&device) };
    let good = bars(256, false, &mut rng, &device);
    let (base, ..) = fit(untrained, 150, 0.02, |model| model.loss(&good));
    let (broken, test) = (bars(256, true, &mut rng, &device), bars(256, true, &mut rng, &device));
    let dir = tempfile::tempdir()?;

    // (IA)³, from here to the merged network: one value for each channel that the convolution reads.
    let info = model_info(&base, None, None);
    let config = Ia3Config::new().with_target_modules(["conv"]).with_feedforward_modules(["conv"]);
    let plan = config.plan(&info)?;
    let adapter = Adapter::init(&base, &plan);
    let model = attach_to_weights(&base, &[&adapter])?;
    let (model, before, after) = fit(model, 100, 0.05, |model| model.loss(&broken));
    let trained = adapter.extract(&model)?;
    save_adapter(&trained, &dir)?;
    let reloaded = load_adapter(&dir, &info, &device)?;
    let reloaded_model = attach_to_weights(&base, &[&reloaded])?;
    let merged = merge_safe(&base, &[&reloaded])?;

    println!("{plan}\n{}", TrainableParameters::of(&base, &adapter));
    println!("loss {before:.3} -> {after:.3} in 100 steps");
    let l: Vec<f32> = trained.vectors["conv"].values().into_data().iter().collect();
    println!("vector on the channels, of which the last two are broken: {l:.2?}");
    let (was, is) = (base.accuracy(&test), model.accuracy(&test));
    println!("accuracy on new images of the broken sensor {:.1} % -> {:.1} %", 100.0 * was, 100.0 * is);
    let from_file = difference(model.forward(&test.0), reloaded_model.forward(&test.0));
    let from_merged = difference(model.forward(&test.0), merged.forward(&test.0));
    println!("the reloaded adapter differs by {from_file:.1e}, the merged network by {from_merged:.1e}");
    ensure!(base.accuracy(&good) > 0.95, "the base did not learn its task");
    ensure!(is > 0.9 && was < 0.8, "the vector repaired little: {was} -> {is}");
    ensure!(from_file == 0.0, "the reloaded adapter is another one");
    ensure!(from_merged < 1e-4, "the merged network is another function");
    Ok(())
}

const SIZE: usize = 8;

/// Noisy images of a bar, the same in every channel, and whether it is upright; a broken sensor sees bars of its own in
/// its last two channels, three times as bright.
fn bars(count: usize, broken: bool, rng: &mut ChaCha8Rng, device: &Device) -> Data {
    let (mut pixels, mut labels) = (Vec::with_capacity(count * 3 * SIZE * SIZE), vec![]);
    for _ in 0..count {
        let upright = rng.random_bool(0.5);
        labels.push(i64::from(upright));
        for channel in 0..3 {
            let wrong = broken && channel > 0;
            let upright = if wrong { rng.random_bool(0.5) } else { upright };
            let (at, bright) = (rng.random_range(1..SIZE - 1), if wrong { 3.0 } else { 1.0 });
            pixels.extend((0..SIZE * SIZE).map(|i| {
                let on = at == if upright { i % SIZE } else { i / SIZE };
                rng.random_range(-0.3..0.3) + if on { bright } else { 0.0f32 }
            }));
        }
    }
    let images = TensorData::new(pixels, [count, 3, SIZE, SIZE]);
    (Tensor::from_data(images, device), Tensor::from_data(TensorData::new(labels, [count]), device))
}

#[test]
fn what_it_claims_holds() {
    main().unwrap();
}
