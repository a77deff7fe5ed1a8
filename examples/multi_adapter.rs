//! Adds, trains, switches, disables, mixes, merges, unmerges, saves and loads named adapters on one base, with the method
//! names of PEFT. Every step is checked.
//!
//! `cargo run -p ia3-examples --example multi_adapter`

use anyhow::ensure;
use burn::nn::{Linear, LinearConfig};
use burn::tensor::{Device, Distribution, Tensor, activation::gelu};
use ia3::{ActivationSpace, Ia3Config, Ia3Forward, Ia3Model, MergeOptions, MixMethod};
use ia3_examples::{difference, fit};

/// Maps `[batch, 8]` to `[batch, 2]`. It calls `ia3_forward` instead of `forward`, and is otherwise independent of adapters.
#[derive(burn::module::Module, Debug)]
struct Net {
    wi: Linear,
    wo: Linear,
}

impl ActivationSpace for Net {}

impl Net {
    fn new(device: &Device) -> Self {
        Self { wi: LinearConfig::new(8, 64).init(device), wo: LinearConfig::new(64, 2).init(device) }
    }

    fn forward(&self, x: &Tensor<2>) -> Tensor<2> {
        self.wo.ia3_forward(gelu(self.wi.ia3_forward(x.clone())))
    }
}

fn main() -> anyhow::Result<()> {
    let device = ia3::device(None)?;
    device.seed(3);
    let x = Tensor::random([128, 8], Distribution::Normal(0.0, 1.0), &device);
    let config = Ia3Config::new().with_target_modules(["wi", "wo"]).with_feedforward_modules(["wo"]);

    // Two adapters, each trained to scale the outputs by something else.
    let mut model = Ia3Model::new(Net::new(&device), &config, "double")?;
    model.add_adapter("half", &config)?;
    let of_base = model.base().forward(&x);
    for (name, factor) in [("double", 2.0), ("half", 0.5)] {
        model.set_adapter([name])?;
        let wanted = of_base.clone() * factor;
        let loss = |net: &Net| (net.forward(&x) - wanted.clone()).square().mean();
        let (trained, before, after) = fit(model.model().clone(), 200, 0.02, loss);
        model.update(&trained)?;
        println!("{name:6} loss {before:.4} -> {after:.6}");
        ensure!(after < before / 100.0, "`{name}` learned little");
    }
    println!("{}", model.trainable_parameters());

    // Switching and disabling adapters changes no value.
    model.set_adapter(["double"])?;
    let double = model.model().forward(&x);
    ensure!(difference(model.disable_adapter().forward(&x), of_base.clone()) == 0.0, "the base was changed");

    // The vectors of active adapters multiply, so `double` and `half` together are close to the base. Their product is one
    // adapter with the same effect.
    model.set_adapter(["double", "half"])?;
    let both = model.model().forward(&x);
    model.add_weighted_adapter(&[("double", 1.0), ("half", 1.0)], MixMethod::Product, "product")?;
    model.set_adapter(["product"])?;
    let product = difference(model.model().forward(&x), both);
    println!("the product differs by {product:.1e} from both at once");
    ensure!(product < 1e-5, "the product is another function");

    // After merging, the weights contain the adapter. After unmerging, they equal the base's to the bit.
    model.set_adapter(["double"])?;
    model.merge_adapter(&MergeOptions::new().with_safe_merge(true))?;
    let merged = difference(model.model().forward(&x), double.clone());
    model.unmerge_adapter()?;
    println!("merged weights differ by {merged:.1e}");
    ensure!(merged < 1e-5, "the merged weights are another function");
    ensure!(difference(model.unload().forward(&x), of_base) == 0.0, "unmerging was not exact");

    // PEFT writes a folder for each name, and so does this.
    let dir = tempfile::tempdir()?;
    model.save_pretrained(dir.path(), &Default::default())?;
    model.delete_adapter("double")?;
    model.load_adapter(dir.path().join("double"), "again")?;
    model.set_adapter(["again"])?;
    ensure!(difference(model.model().forward(&x), double) == 0.0, "the file holds another adapter");
    println!("{model}");
    Ok(())
}

#[test]
fn what_it_claims_holds() {
    main().unwrap();
}
