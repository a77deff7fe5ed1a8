//! The values that a batch keeps where each block is computed again in the backward pass.

use std::collections::BTreeMap;

use ia3::{ModuleInfo, ModuleKind};

use super::activations::reads_encoder;

/// The number of values that modules keep, of which `kept` is what one keeps without checkpoints: those outside of blocks, the
/// largest block, which is computed again while the others are not, and the input of each block.
pub(super) fn kept_of_checkpoints(modules: &[ModuleInfo], kept: impl Fn(&ModuleInfo) -> f64) -> f64 {
    let (mut outside, mut blocks) = (0.0, BTreeMap::<&str, Block>::new());
    for module in modules {
        // No block computes the keys and values of the encoder's output again.
        match block_of(&module.path).filter(|_| !reads_encoder(&module.path)) {
            Some(path) => blocks.entry(path).or_default().add(module, kept(module)),
            None => outside += kept(module),
        }
    }
    let largest = blocks.values().map(|block| block.kept).fold(0.0, f64::max);
    outside + largest + blocks.values().filter_map(|block| block.input).sum::<f64>()
}

#[derive(Default)]
struct Block {
    kept: f64,
    /// The values of its input, which are those of the smallest input of its layers.
    input: Option<f64>,
}

impl Block {
    fn add(&mut self, module: &ModuleInfo, kept: f64) {
        self.kept += kept;
        if let ModuleKind::Linear { d_in, d_out, .. } | ModuleKind::Conv1D { d_in, d_out, .. } = &module.kind
        {
            let input = kept * *d_in as f64 / (d_in + d_out) as f64;
            self.input = Some(self.input.map_or(input, |smallest| smallest.min(input)));
        }
    }
}

/// The path of the block that a module is in, such as `model.layers.3`.
fn block_of(path: &str) -> Option<&str> {
    let number = path.split('.').position(|part| part.parse::<usize>().is_ok())?;
    let (end, _) = path.match_indices('.').nth(number)?;
    Some(&path[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_block_is_kept_and_the_inputs_of_all() {
        let linear =
            |path: &str, d_in, d_out| ModuleInfo::new(path, ModuleKind::Linear { d_in, d_out, bias: false });
        let modules = [
            linear("decoder.layers.0.fc1", 10, 30),
            linear("decoder.layers.0.fc2", 30, 10),
            linear("decoder.layers.0.encoder_attn.k_proj", 10, 10),
            linear("decoder.layers.1.fc1", 10, 50),
            linear("lm_head", 10, 100),
        ];
        let kept = |module: &ModuleInfo| match module.kind {
            ModuleKind::Linear { d_in, d_out, .. } => 2.0 * (d_in + d_out) as f64,
            _ => 0.0,
        };
        // The larger block, the two inputs, the keys and the head.
        assert_eq!(kept_of_checkpoints(&modules, kept), 160.0 + 2.0 * 20.0 + 40.0 + 220.0);
    }

    #[test]
    fn a_block_is_the_path_to_its_first_number() {
        assert_eq!(block_of("decoder.block.3.layer.1.EncDecAttention.q"), Some("decoder.block.3"));
        assert_eq!(block_of("model.layers.12.mlp.up_proj"), Some("model.layers.12"));
        assert_eq!(block_of("lm_head"), None);
    }
}
