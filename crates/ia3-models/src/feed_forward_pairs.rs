//! The feed-forward blocks of a model, recognised by the names of their layers.

use ia3_core::ModelInfo;
use ia3_core::config::{Between, FeedForward};

use crate::activation::Activation;

/// The layers of gated blocks: the gate, the matrix beside it, and the last layer.
const GATED: [[&str; 3]; 2] = [["wi_0", "wi_1", "wo"], ["gate_proj", "up_proj", "down_proj"]];

/// The layers of gated blocks whose first layer computes the gate and, after it, the matrix beside the gate.
const GATED_IN_ONE: [[&str; 2]; 2] = [["gate_up_proj", "down_proj"], ["Wi", "Wo"]];

/// The layers of blocks of two layers.
const PLAIN: [[&str; 2]; 7] = [
    ["wi", "wo"],
    ["fc1", "fc2"],
    ["c_fc", "c_proj"],
    ["dense_h_to_4h", "dense_4h_to_h"],
    ["fc_in", "fc_out"],
    ["lin1", "lin2"],
    ["intermediate.dense", "output.dense"],
];

/// The feed-forward blocks of the model that `info` describes. `activation` is that of its blocks of two layers.
pub(crate) fn feed_forwards(info: &ModelInfo, activation: Option<Activation>) -> Vec<FeedForward> {
    let layers = info.modules.iter().filter(|module| module.kind.is_adaptable());
    layers.filter_map(|module| block_of(info, &module.path, activation)).collect()
}

/// The block whose last layer is at the path `last`.
fn block_of(info: &ModelInfo, last: &str, activation: Option<Activation>) -> Option<FeedForward> {
    let beside = |end: &str, name: &str| {
        let parent = last.strip_suffix(end)?;
        let path = format!("{parent}{name}");
        let in_block = parent.is_empty() || parent.ends_with('.');
        (in_block && info.module(&path).is_some_and(|module| module.kind.is_adaptable())).then_some(path)
    };
    let gated = GATED.iter().find_map(|[gate, up, down]| {
        let (up, _gate) = (beside(down, up)?, beside(down, gate)?);
        Some(FeedForward::new(up, last, Between::Gate))
    });
    let in_one = || {
        GATED_IN_ONE.iter().find_map(|[both, down]| {
            let both = beside(down, both)?;
            let skipped = info.module(last)?.kind.vector_len(ia3_core::Placement::Input)?;
            Some(FeedForward::new(both, last, Between::Gate).with_skipped(skipped))
        })
    };
    let plain = || {
        let pairs = PLAIN.iter().filter(|_| activation == Some(Activation::Relu));
        pairs
            .filter_map(|[first, second]| Some(FeedForward::new(beside(second, first)?, last, Between::Relu)))
            .next()
    };
    gated.or_else(in_one).or_else(plain)
}
