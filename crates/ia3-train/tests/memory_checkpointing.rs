//! The peak of a training step with blocks that are computed again, against one that keeps all activations. It needs a process of its
//! own, because the peak of a process never falls.
#![cfg(target_os = "linux")]

use burn::tensor::Device;
use ia3_core::{Adapter, Ia3Config, attach};
use ia3_models::{Model, ModelConfig};
use ia3_train::{Dataset, Example, TrainConfig, Trainer};

const BASE: &str = r#"{"model_type": "gpt2", "vocab_size": 64, "pad_token_id": 0, "n_embd": 128, "n_layer": 12, "n_head": 4,
                       "n_positions": 512}"#;

/// The peak memory of this process in bytes.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().strip_suffix("kB").unwrap().trim().parse::<u64>().unwrap() * 1024
}

fn train(base: &Model, steps: usize, again: bool) {
    let adapter = Adapter::init(base, &Ia3Config::new().plan(&base.info()).unwrap());
    let ids = |from: i64, n: i64| (0..n).map(|i| 1 + (from + i) % 62).collect::<Vec<_>>();
    let data = Dataset::from((0..4).map(|row| Example::new(ids(row, 500), ids(row, 10))).collect::<Vec<_>>());
    let config = TrainConfig::new().with_steps(steps).with_batch_size(4).with_gradient_checkpointing(again);
    let mut trainer = Trainer::new(attach(base, &[&adapter]).unwrap(), &data, &config).unwrap();
    trainer.steps().for_each(|step| drop(step.unwrap()));
}

#[test]
fn blocks_that_are_computed_again_take_less_than_half_of_the_memory() {
    let base = ModelConfig::from_json(BASE).unwrap().init(&Device::flex());
    let before = peak();
    train(&base, 2, true);
    let again = peak() - before;
    train(&base, 2, false);
    let kept = peak() - before;
    assert!(2 * again < kept, "{again} bytes with checkpoints, {kept} without");
}
