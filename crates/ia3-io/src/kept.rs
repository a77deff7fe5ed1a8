//! Weights of other programs whose integers are kept.

use ia3_core::{Bits, QuantizationError, QuantizedWeight};

/// The integers of a weight `[d_out, d_in]` of another program: each is multiplied by the scale of its block of inputs, and the
/// minimum of that block is added.
pub(crate) struct Kept {
    pub(crate) shape: [usize; 2],
    /// The smallest and the largest integer that the format has.
    pub(crate) range: (i8, i8),
    /// `[d_out, d_in]`
    pub(crate) values: Vec<i8>,
    /// `[d_out, d_in / block]`
    pub(crate) scales: Vec<f32>,
    /// As many as there are scales, or none.
    pub(crate) minima: Vec<f32>,
}

impl Kept {
    /// The weight in as few bits as its integers need.
    ///
    /// Integers from 0 to 15 become those from −8 to 7, and 8 times the scale is added to the minimum. This sum is rounded once.
    pub(crate) fn into_weight(mut self) -> Result<QuantizedWeight, QuantizationError> {
        let (low, high) = self.range;
        let in_four_bits = |shift: i8| {
            [low, high].into_iter().all(|end| (-8..8).contains(&(i16::from(end) - i16::from(shift))))
        };
        let shift = if in_four_bits(0) || self.minima.is_empty() { 0 } else { 8 };
        let (bits, shift) = if in_four_bits(shift) { (Bits::Four, shift) } else { (Bits::Eight, 0) };
        if shift != 0 {
            self.values.iter_mut().for_each(|value| *value -= shift);
            for (minimum, scale) in self.minima.iter_mut().zip(&self.scales) {
                *minimum = (f64::from(*minimum) + f64::from(shift) * f64::from(*scale)) as f32;
            }
        }
        let weight = QuantizedWeight::with_full_range(bits, self.shape, self.values, self.scales)?;
        if self.minima.is_empty() { Ok(weight) } else { weight.with_minima(self.minima) }
    }
}

/// The possible sizes of a block: so few inputs that a scheme of burn can hold their number, and so many that scales are a small
/// part of the weight.
const BLOCKS: std::ops::RangeInclusive<usize> = 8..=128;

/// The size of the blocks of a weight whose inputs share scales as `groups` says, one number for each input: the largest one for
/// which the inputs of a block have one group. `None` if there is no such size.
pub(crate) fn block_of(groups: &[usize]) -> Option<usize> {
    let fits = |block: &usize| {
        let mut blocks = groups.chunks_exact(*block);
        groups.len().is_multiple_of(*block)
            && blocks.all(|block| block.iter().all(|group| *group == block[0]))
    };
    BLOCKS.rev().find(fits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_lie_within_groups() {
        let groups = |sizes: &[usize]| -> Vec<usize> {
            sizes.iter().enumerate().flat_map(|(group, size)| vec![group; *size]).collect()
        };
        for (sizes, block) in [
            (&[128, 128][..], Some(128)),
            (&[64, 32], Some(32)),
            (&[576], Some(96)),
            (&[8, 16], Some(8)),
            (&[12, 4], None),
            (&[131], None),
        ] {
            assert_eq!(block_of(&groups(sizes)), block, "{sizes:?}");
        }
        let alternating: Vec<usize> = (0..64).map(|input| input % 2).collect();
        assert_eq!(block_of(&alternating), None);
    }

    #[test]
    fn weights_get_as_few_bits_as_they_need() {
        let kept = |range, minima: &[f32]| Kept {
            shape: [1, 8],
            range,
            values: vec![range.0, range.1, range.0, range.1, range.0, range.1, range.0, range.1],
            scales: vec![0.5],
            minima: minima.to_vec(),
        };
        for (range, minima, bits, values, minimum) in [
            ((-8, 7), &[][..], Bits::Four, [-8, 7], None),
            ((0, 15), &[1.0], Bits::Four, [-8, 7], Some(5.0)),
            ((0, 3), &[1.0], Bits::Four, [0, 3], Some(1.0)),
            ((0, 31), &[1.0], Bits::Eight, [0, 31], Some(1.0)),
            ((-128, 127), &[], Bits::Eight, [-128, 127], None),
            ((-128, 127), &[1.0], Bits::Eight, [-128, 127], Some(1.0)),
        ] {
            let weight = kept(range, minima).into_weight().unwrap();
            assert_eq!((weight.layout().bits, &weight.values()[..2]), (bits, &values[..]), "{range:?}");
            assert_eq!(weight.minima().first().copied(), minimum, "{range:?}");
        }
    }
}
