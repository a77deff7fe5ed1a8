//! What the vectors of some adapters do to each layer.

use std::collections::BTreeMap;

use ia3_config::Placement;
use ia3_guard::few;

use super::{PackedMergeError, PackedModel};
use crate::adapter::AdapterFile;

/// The factors of one layer.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct LayerFactors {
    /// One factor per output.
    pub(super) outputs: Option<Vec<f32>>,
    /// One factor per input.
    pub(super) inputs: Option<Vec<f32>>,
    /// Which inputs change their sign.
    pub(super) flipped: Option<Vec<bool>>,
}

/// The factors of each layer, by its path.
#[derive(Clone, Debug, Default)]
pub(super) struct Factors(pub(super) BTreeMap<String, LayerFactors>);

impl Factors {
    /// Multiplies the vectors of an adapter. Those on inputs move to the layer before where the model allows it.
    pub(super) fn add(&mut self, adapter: &AdapterFile, model: &PackedModel) -> Result<(), PackedMergeError> {
        if !adapter.saved.is_empty() {
            let (path, names) = (adapter.path.clone(), adapter.saved.keys());
            let parameters = few(names.map(|name| ia3_guard::quote(name).into_owned()), ", ").to_string();
            return Err(PackedMergeError::Saved { path, parameters });
        }
        for (module, placement) in adapter.placements(Some(&model.info))? {
            let Some(vector) = adapter.vectors.get(&module) else { continue };
            let values = &vector.values;
            if let Some((at, value)) = values.iter().enumerate().find(|(_, value)| !value.is_finite()) {
                return Err(PackedMergeError::NotFinite { module, at, value: *value });
            }
            let block = model.feed_forwards.iter().find(|block| block.second == module);
            match (placement, block) {
                (Placement::Output, _) => self.outputs(&module, values),
                (Placement::Input, None) => {
                    multiply(self.layer(&module).inputs.get_or_insert_with(|| ones(values)), values);
                }
                (Placement::Input, Some(block)) => {
                    let moved = block.moved(values);
                    self.outputs(&block.first, &moved.outputs);
                    if let Some(signs) = moved.signs {
                        self.flip(&module, &signs);
                    }
                }
            }
        }
        Ok(())
    }

    fn layer(&mut self, module: &str) -> &mut LayerFactors {
        self.0.entry(module.to_string()).or_default()
    }

    fn outputs(&mut self, module: &str, values: &[f32]) {
        multiply(self.layer(module).outputs.get_or_insert_with(|| ones(values)), values);
    }

    fn flip(&mut self, module: &str, signs: &[f32]) {
        let flipped = self.layer(module).flipped.get_or_insert_with(|| vec![false; signs.len()]);
        flipped.iter_mut().zip(signs).for_each(|(flip, sign)| *flip ^= *sign < 0.0);
    }
}

fn ones(like: &[f32]) -> Vec<f32> {
    vec![1.0; like.len()]
}

fn multiply(factors: &mut [f32], by: &[f32]) {
    factors.iter_mut().zip(by).for_each(|(factor, by)| *factor *= by);
}
