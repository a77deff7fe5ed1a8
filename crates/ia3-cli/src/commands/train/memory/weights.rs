//! The size of a base's weights in memory, from the headers of its files.

use std::collections::BTreeSet;

use ia3::io::{Checkpoint, Dtype, TensorFacts};
use ia3::{ModelInfo, ModuleInfo, ModuleKind};

use crate::args::{DtypeName, Train};

/// The size of the weights of the base in bytes, in the dtype that the options ask for. What another program quantised is decoded,
/// except for the linear layers that `--keep-quantized` keeps.
pub(super) fn weights(args: &Train, info: &ModelInfo) -> anyhow::Result<u64> {
    let linear = linear_weights(info);
    let checkpoint = Checkpoint::open(&args.base)?;
    let size = |facts: TensorFacts<'_>| {
        let values = facts.shape.iter().product::<usize>() as u64;
        let tensor = Stored { dtype: facts.dtype, values, bytes: facts.bytes as u64 };
        let is_kept =
            args.keep_quantized && linear.contains(facts.name) && checkpoint.can_keep(facts.name)?;
        Ok(if is_kept { tensor.of_integers() } else { tensor.of_floats(args.dtype) })
    };
    checkpoint.tensors().map(size).sum()
}

/// The names of the weights of linear layers.
fn linear_weights(info: &ModelInfo) -> BTreeSet<String> {
    let linear =
        |module: &&ModuleInfo| matches!(module.kind, ModuleKind::Linear { .. } | ModuleKind::Conv1D { .. });
    info.modules.iter().filter(linear).map(|module| format!("{}.weight", module.path)).collect()
}

/// A tensor in its file.
struct Stored {
    dtype: Dtype,
    values: u64,
    bytes: u64,
}

impl Stored {
    /// Half a byte or a byte for a value, and a scale and a minimum in float32 for 32 values.
    fn of_integers(&self) -> u64 {
        let bits = if 8 * self.bytes <= 5 * self.values { 4 } else { 8 };
        self.values * (bits + 2) / 8
    }

    fn of_floats(&self, dtype: DtypeName) -> u64 {
        match (self.dtype, dtype) {
            // The integers of this library's own files.
            (Dtype::I8 | Dtype::U8, _) => self.bytes,
            (_, DtypeName::Bfloat16 | DtypeName::Float16) => 2 * self.values,
            (Dtype::F16 | Dtype::BF16, DtypeName::Auto) => 2 * self.values,
            _ => 4 * self.values,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floats_have_the_dtype_that_is_asked_for() {
        let stored = |dtype, bytes| Stored { dtype, values: 32, bytes };
        let tensors =
            [stored(Dtype::BF16, 64), stored(Dtype::F32, 128), stored(Dtype::F32, 20), stored(Dtype::I8, 32)];
        let sizes = |dtype| tensors.each_ref().map(|tensor| tensor.of_floats(dtype));
        assert_eq!(sizes(DtypeName::Auto), [64, 128, 128, 32]);
        assert_eq!(sizes(DtypeName::Float32), [128, 128, 128, 32]);
        assert_eq!(sizes(DtypeName::Bfloat16), [64, 64, 64, 32]);
    }

    #[test]
    fn integers_that_stay_take_four_or_eight_bits_and_their_scales() {
        let stored = |bytes| Stored { dtype: Dtype::F32, values: 2048, bytes };
        assert_eq!(stored(64 * 20).of_integers(), 64 * 24);
        assert_eq!(stored(64 * 34).of_integers(), 64 * 40);
    }
}
