//! A model of one's own that calls `ia3_forward`. It has output vectors on layers with a bias, a head that is trained and
//! saved as a whole, and batch entries with their own adapters. No weight is copied.
//!
//! `cargo run -p ia3-examples --example custom_model`

use anyhow::ensure;
use burn::nn::{Embedding, EmbeddingConfig, LayerNorm, LayerNormConfig, Linear, LinearConfig};
use burn::tensor::activation::{gelu, softmax};
use burn::tensor::{Device, Distribution, Int, Tensor};
use ia3::core::Adapter;
use ia3::io::{AdapterOptions, load_adapter, save_adapter_with};
use ia3::{ActivationSpace, Ia3Config, Ia3Forward, TrainableParameters, attach, attach_rows, merge};
use ia3_examples::{difference, fit};

/// A block of attention and feed-forward over tokens, with a classifier of the first token.
#[derive(burn::module::Module, Debug)]
struct Reader {
    embed: Embedding,
    q: Linear,
    k: Linear,
    v: Linear,
    norm: LayerNorm,
    up: Linear,
    down: Linear,
    classifier: Linear,
}

/// Promises that `forward` calls `ia3_forward` on every linear layer.
impl ActivationSpace for Reader {}

impl Reader {
    fn new(device: &Device) -> Self {
        let linear = |d_in, d_out| LinearConfig::new(d_in, d_out).init(device);
        Self {
            embed: EmbeddingConfig::new(20, 16).init(device),
            q: linear(16, 16),
            k: linear(16, 16),
            v: linear(16, 16),
            norm: LayerNormConfig::new(16).init(device),
            up: linear(16, 48),
            down: linear(48, 16),
            classifier: linear(16, 3),
        }
    }

    /// Computes logits `[batch, 3]` from ids `[batch, seq]`.
    fn forward(&self, ids: &Tensor<2, Int>) -> Tensor<2> {
        let x = self.embed.forward(ids.clone());
        let [q, k, v] = [&self.q, &self.k, &self.v].map(|layer| layer.ia3_forward(x.clone()));
        let attended = softmax(q.matmul(k.transpose()) / 4.0, 2).matmul(v);
        let x = self.norm.forward(x + attended);
        let x = x.clone() + self.down.ia3_forward(gelu(self.up.ia3_forward(x)));
        self.classifier.ia3_forward(x.narrow(1, 0, 1)).squeeze_dim(1)
    }

    fn loss(&self, ids: &Tensor<2, Int>, classes: &Tensor<1, Int>) -> Tensor<1> {
        let loss = burn::nn::loss::CrossEntropyLossConfig::new().init(&ids.device());
        loss.forward(self.forward(ids), classes.clone())
    }
}

fn main() -> anyhow::Result<()> {
    let device = ia3::device(None)?;
    device.seed(11);
    let ids = Tensor::<2>::random([96, 6], Distribution::Uniform(0.0, 19.99), &device).int();
    // Class by a token; the two tasks look at different ones.
    let class = |position: usize| ids.clone().narrow(1, position, 1).squeeze_dim::<1>(1).remainder_scalar(3);
    let base = Reader::new(&device);

    // The paper's places: keys, values, the inner activations; the head is trained whole.
    let config = Ia3Config::new()
        .with_target_modules(["k", "v", "down"])
        .with_feedforward_modules(["down"])
        .with_modules_to_save(["classifier"]);
    let plan = config.plan(&base.info())?;
    println!("{plan}");
    let train = |position| -> anyhow::Result<Adapter> {
        let adapter = Adapter::init(&base, &plan);
        let model = attach(&base, &[&adapter])?;
        let (model, before, after) = fit(model, 300, 0.03, |m| m.loss(&ids, &class(position)));
        println!("token {position}: loss {before:.3} -> {after:.3}");
        ensure!(after < before / 2.0, "learned little");
        Ok(adapter.extract(&model)?)
    };
    let (first, second) = (train(0)?, train(1)?);
    println!("{}", TrainableParameters::of(&base, &first));

    // From a file, and merged.
    let dir = tempfile::tempdir()?;
    save_adapter_with(&first, &dir, &AdapterOptions::default().with_base(base.info()))?;
    let reloaded = load_adapter(&dir, &base.info(), &device)?;
    let logits = attach(&base, &[&first])?.forward(&ids);
    ensure!(
        difference(attach(&base, &[&reloaded])?.forward(&ids), logits.clone()) == 0.0,
        "the file differs"
    );
    let merged = difference(merge(&base, &[&reloaded])?.forward(&ids), logits.clone());
    println!("merged, it differs by {merged:.1e}");
    ensure!(merged < 1e-4, "the merged model is another function");

    // Every batch entry with its own adapter, which includes its own head.
    let rows: Vec<Option<&Adapter>> =
        (0..96).map(|row| [Some(&first), Some(&second), None][row % 3]).collect();
    let mixed = attach_rows(&base, &rows)?.forward(&ids);
    let by_itself = attach(&base, &[&second])?.forward(&ids);
    let row = |logits: &Tensor<2>, row| logits.clone().narrow(0, row, 1);
    let worst =
        difference(row(&mixed, 0), row(&logits, 0)).max(difference(row(&mixed, 1), row(&by_itself, 1)));
    println!("rows of a mixed batch differ by {worst:.1e} from batches under one adapter");
    ensure!(worst < 1e-5, "a row is not what its adapter makes of it");
    Ok(())
}

#[test]
fn what_it_claims_holds() {
    main().unwrap();
}
