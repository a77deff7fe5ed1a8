//! Rows of activations as integers with scales.

use crate::simd::vectorised;

/// Rows whose blocks of inputs are integers from −127 to 127 with a scale each.
pub(super) struct Activations {
    /// `[rows, inputs]`
    integers: Vec<i8>,
    /// `[rows, inputs / block]`
    blocks: Vec<Block>,
    block: usize,
}

/// What the integers of one block share.
#[derive(Clone, Copy)]
pub(super) struct Block {
    /// What an integer of the block is multiplied by.
    pub(super) scale: f32,
    /// The sum of the integers.
    pub(super) sum: i32,
}

impl Activations {
    /// Quantises rows, given one after the other. The largest magnitude of a block becomes 127. A block with a value that is
    /// not finite gets a scale that is not a number, so that it makes every sum it enters not a number either.
    pub(super) fn new(x: &[f32], block: usize) -> Self {
        let mut integers = vec![0; x.len()];
        let mut blocks = Vec::with_capacity(x.len().div_ceil(block));
        vectorised(
            #[inline(always)]
            || {
                let pairs = integers.chunks_exact_mut(block).zip(x.chunks_exact(block));
                blocks.extend(pairs.map(
                    #[inline(always)]
                    |(integers, x)| quantise(integers, x),
                ));
            },
        );
        Self { integers, blocks, block }
    }

    /// The integers of one block, and what they share. Blocks count through all rows.
    pub(super) fn block(&self, index: usize) -> (&[i8], Block) {
        (&self.integers[index * self.block..][..self.block], self.blocks[index])
    }
}

#[inline(always)]
fn quantise(integers: &mut [i8], x: &[f32]) -> Block {
    // The bits of magnitudes are ordered as the magnitudes are, and those that are not finite are the largest.
    let peak = f32::from_bits(x.iter().fold(0, |peak, x| peak.max(x.abs().to_bits())));
    if !peak.is_finite() {
        return Block { scale: f32::NAN, sum: 0 };
    }
    let inverse = 127.0 / peak;
    // Of zeros, and of numbers so small that this is infinite, nothing is left.
    if inverse == f32::INFINITY {
        return Block { scale: 0.0, sum: 0 };
    }
    for (integer, x) in integers.iter_mut().zip(x) {
        *integer = (x * inverse).round().clamp(-127.0, 127.0) as i8;
    }
    Block { scale: peak / 127.0, sum: integers.iter().map(|x| i32::from(*x)).sum() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_times_the_scale_are_within_half_a_step() {
        let x: Vec<f32> = (0..24).map(|i| ((i * 7919) % 211) as f32 / 10.0 - 10.0).collect();
        let activations = Activations::new(&x, 8);
        for (i, x) in x.chunks(8).enumerate() {
            let (integers, block) = activations.block(i);
            assert_eq!(integers.iter().map(|x| x.unsigned_abs()).max(), Some(127));
            assert_eq!(block.sum, integers.iter().map(|x| i32::from(*x)).sum());
            for (integer, x) in integers.iter().zip(x) {
                assert!((f32::from(*integer) * block.scale - x).abs() <= block.scale * 0.501);
            }
        }
    }

    #[test]
    fn zeros_stay_zero_and_values_that_are_not_finite_are_kept() {
        for x in [[0.0, -0.0], [f32::MIN_POSITIVE / 2.0, 0.0]] {
            let activations = Activations::new(&x, 2);
            let (integers, block) = activations.block(0);
            assert!(integers == [0, 0] && block.sum == 0 && block.scale.is_finite());
        }
        let huge = Activations::new(&[f32::MAX, -f32::MAX / 2.0], 2);
        assert_eq!(huge.block(0).0, [127, -64]);
        for x in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            assert!(Activations::new(&[1.0, x], 2).block(0).1.scale.is_nan());
        }
    }
}
