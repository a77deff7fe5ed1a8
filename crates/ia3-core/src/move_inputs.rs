//! Vectors on the inputs of quantised layers, moved to where merging them is exact.

use std::collections::{BTreeMap, BTreeSet};

use burn::tensor::Tensor;
use ia3_config::{FeedForward, ModelInfo, Placement};

use crate::activation_space::ActivationSpace;
use crate::adapter::Adapter;
use crate::quant::is_quantized;
use crate::saved_params::SavedParams;
use crate::vector::Ia3Vector;
use crate::visit_params::visit_params;

/// Rewrites adapters so that [`merge`](crate::merge) is exact for the quantised layers of `base`, as far as that is possible.
/// The result computes the same.
///
/// A vector on the input of the last layer of a feed-forward block moves to the outputs of the layer before
/// ([`ActivationSpace::feed_forwards`]). Between them is a product with a gate, which all factors pass through, or a ReLU,
/// which their magnitudes pass through; the signs stay as a vector of 1 and −1, which changes the signs of integers. All other
/// vectors stay, and so do those of layers that are not quantised.
///
/// The result has more adapters than `adapters`, because a layer has one vector per adapter. It is meant for merging.
pub fn move_inputs<M: ActivationSpace>(base: &M, adapters: &[&Adapter]) -> Vec<Adapter> {
    let quantized = quantized_layers(base);
    let mut blocks = base.feed_forwards();
    blocks.retain(|block| quantized.contains(&block.second));
    let info = base.info();
    adapters.iter().flat_map(|adapter| moved(adapter, &blocks, &info)).collect()
}

fn quantized_layers<M: ActivationSpace>(base: &M) -> BTreeSet<String> {
    let mut quantized = BTreeSet::new();
    visit_params(base, |path, param| {
        if param.as_float::<2>().is_some_and(|weight| weight.is_initialized() && is_quantized(&weight.base()))
        {
            quantized.insert(path.module());
        }
    });
    quantized
}

/// The adapter without the vectors that move, and an adapter that holds them.
fn moved(adapter: &Adapter, blocks: &[FeedForward], info: &ModelInfo) -> Vec<Adapter> {
    let mut stays = adapter.clone();
    let mut vectors = BTreeMap::new();
    for block in blocks {
        let on_input = |vector: &&Ia3Vector| vector.placement == Placement::Input;
        let Some(vector) = stays.vectors.get(&block.second).filter(on_input) else { continue };
        // A vector that does not fit stays for the error that names it.
        if !fits(block, vector, info) {
            continue;
        }
        let (device, values) = (vector.l.lazy_device().without_autodiff(), values(vector));
        let factors = block.moved(&values);
        let mut place = |path: &String, values: &[f32], placement| {
            vectors.insert(path.clone(), Ia3Vector::new(Tensor::from_floats(values, &device), placement));
        };
        place(&block.first, &factors.outputs, Placement::Output);
        if let Some(signs) = &factors.signs {
            place(&block.second, signs, Placement::Input);
        }
        stays.vectors.remove(&block.second);
    }
    if vectors.is_empty() {
        return vec![stays];
    }
    let moved = Adapter { config: adapter.config.clone(), vectors, saved: SavedParams::default() };
    vec![stays, moved]
}

fn fits(block: &FeedForward, vector: &Ia3Vector, info: &ModelInfo) -> bool {
    let len = |path: &str, placement| info.module(path).and_then(|module| module.kind.vector_len(placement));
    len(&block.second, Placement::Input) == Some(vector.len())
        && len(&block.first, Placement::Output) == Some(block.skipped + vector.len())
}

fn values(vector: &Ia3Vector) -> Vec<f32> {
    vector.values().into_data().iter().collect()
}
