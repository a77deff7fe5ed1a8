//! Weights of four bits, two to a byte.

use super::{Line, Lines};
use crate::threads::for_each;
use crate::weight::Scales;

/// What is added to an integer from −8 to 7 to make it a number from 0 to 15.
pub(super) const OFFSET: i8 = 8;

/// A weight `[inputs, outputs]` of integers from −8 to 7 with scales. Each byte holds two inputs of one output.
///
/// A block of inputs has `⌈block / 2⌉` lines of one byte per output. The lower four bits of the `i`th line are input `2·i` of
/// the block plus 8, the upper four bits are the next input plus 8. Behind an odd block stands a zero.
#[derive(Clone, Copy)]
pub struct Nibbles<'a> {
    bytes: &'a [u8],
    dims: [usize; 2],
    scales: Scales<'a>,
}

impl<'a> Nibbles<'a> {
    /// The weight `[inputs, outputs]` of these bytes.
    ///
    /// # Panics
    ///
    /// Panics if there are not as many bytes or scales as the shape says.
    pub fn new(bytes: &'a [u8], [inputs, outputs]: [usize; 2], scales: Scales<'a>) -> Self {
        // The same checks of the scales as those of a weight of whole bytes.
        let Scales { values, block } = scales;
        assert!(
            block > 0 && inputs.is_multiple_of(block) && values.len() == inputs / block * outputs,
            "{} scales of blocks of {block} inputs for a weight [{inputs}, {outputs}]",
            values.len()
        );
        assert_eq!(bytes.len(), len([inputs, outputs], block), "bytes of a weight [{inputs}, {outputs}]");
        Self { bytes, dims: [inputs, outputs], scales }
    }

    /// Packs integers `[inputs, outputs]`, whose scales belong to blocks of `block` inputs.
    ///
    /// # Panics
    ///
    /// Panics if `block` does not divide the number of inputs, if there are not as many integers as the shape says, or if
    /// one is not from −8 to 7.
    pub fn pack(integers: &[i8], [inputs, outputs]: [usize; 2], block: usize) -> Vec<u8> {
        assert!(block > 0 && inputs.is_multiple_of(block), "blocks of {block} of {inputs} inputs");
        assert_eq!(integers.len(), inputs * outputs, "elements of a weight [{inputs}, {outputs}]");
        let mut bytes = vec![0; len([inputs, outputs], block)];
        if outputs > 0 {
            let parts = bytes.chunks_exact_mut(block.div_ceil(2) * outputs);
            let parts = parts.zip(integers.chunks_exact(block * outputs));
            for_each(parts.collect(), |(bytes, integers)| pack_block(bytes, integers, outputs));
        }
        bytes
    }

    /// The integers `[inputs, outputs]`.
    pub fn unpack(&self) -> Vec<i8> {
        let ([inputs, outputs], block) = (self.dims, self.scales.block);
        let mut integers = vec![0; inputs * outputs];
        if outputs > 0 {
            let parts = integers.chunks_exact_mut(block * outputs);
            let parts = parts.zip(self.bytes.chunks_exact(block.div_ceil(2) * outputs));
            for_each(parts.collect(), |(integers, bytes)| unpack_block(integers, bytes, outputs));
        }
        integers
    }

    /// The scales.
    pub fn scales(&self) -> Scales<'a> {
        self.scales
    }

    /// Copies the values of the input `input` in the outputs from `from` on, each times its scale.
    #[inline(always)]
    pub(crate) fn read_scaled(&self, input: usize, from: usize, out: &mut [f32]) {
        let Line { bytes, shift } = self.line(input);
        let scales = &self.scales.values[input / self.scales.block * self.dims[1] + from..][..out.len()];
        for ((out, byte), scale) in out.iter_mut().zip(&bytes[from..]).zip(scales) {
            *out = f32::from(integer(*byte, shift)) * scale;
        }
    }

    pub(crate) fn dims(&self) -> [usize; 2] {
        self.dims
    }

    /// The lines of one block.
    #[inline(always)]
    pub(super) fn lines(&self, block: usize) -> &'a [u8] {
        let len = self.scales.block.div_ceil(2) * self.dims[1];
        &self.bytes[block * len..][..len]
    }
}

/// The integer of four bits in a byte from the bit `shift` on.
#[inline(always)]
pub(super) fn integer(byte: u8, shift: u32) -> i8 {
    ((byte >> shift) & 15).cast_signed() - OFFSET
}

/// The bytes of a weight.
fn len([inputs, outputs]: [usize; 2], block: usize) -> usize {
    inputs / block * block.div_ceil(2) * outputs
}

fn pack_block(bytes: &mut [u8], integers: &[i8], outputs: usize) {
    for (line, pair) in bytes.chunks_exact_mut(outputs).zip(integers.chunks(2 * outputs)) {
        let (low, high) = pair.split_at(outputs);
        for (j, byte) in line.iter_mut().enumerate() {
            let (low, high) = (low[j], high.get(j).copied().unwrap_or(0));
            assert!((-8..8).contains(&low) && (-8..8).contains(&high), "integers {low}, {high} in four bits");
            *byte = (low + OFFSET) as u8 | ((high + OFFSET) as u8) << 4;
        }
    }
}

fn unpack_block(integers: &mut [i8], bytes: &[u8], outputs: usize) {
    for (line, pair) in bytes.chunks_exact(outputs).zip(integers.chunks_mut(2 * outputs)) {
        let (low, high) = pair.split_at_mut(outputs);
        low.iter_mut().zip(line).for_each(|(out, byte)| *out = integer(*byte, 0));
        high.iter_mut().zip(line).for_each(|(out, byte)| *out = integer(*byte, 4));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_are_packed_and_unpacked() {
        for (dims, block) in [([8, 3], 4), ([9, 5], 3), ([1, 1], 1), ([4, 0], 2), ([0, 2], 5)] {
            let integers: Vec<i8> = (0..dims[0] * dims[1]).map(|i| (i * 7 % 16) as i8 - 8).collect();
            let bytes = Nibbles::pack(&integers, dims, block);
            let scales = vec![1.0; dims[0] / block * dims[1]];
            let packed = Nibbles::new(&bytes, dims, Scales { values: &scales, block });
            assert_eq!(packed.unpack(), integers);
        }
        assert_eq!(Nibbles::pack(&[-8, 7, 3], [3, 1], 3), [0xf0, 0x8b]);
    }

    #[test]
    #[should_panic(expected = "integers 8, 0 in four bits")]
    fn larger_integers_are_refused() {
        Nibbles::pack(&[0, 0, 8, 0], [4, 1], 4);
    }

    #[test]
    #[should_panic(expected = "bytes of a weight [4, 1]")]
    fn missing_bytes_are_refused() {
        Nibbles::new(&[0; 1], [4, 1], Scales { values: &[1.0], block: 4 });
    }
}
