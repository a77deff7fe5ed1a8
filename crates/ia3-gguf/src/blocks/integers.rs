//! The integers, scales and minima of blocks.

use super::{Format, codebook, k_quants, legacy};

/// How a format stores a value: as an integer, times the scale of its part of a block, plus the minimum of the part in some
/// formats.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct IntegerFormat {
    /// The number of values that share a scale.
    pub part: usize,
    /// Whether each part has a minimum.
    pub has_minima: bool,
    /// The smallest and the largest integer.
    pub range: (i8, i8),
}

/// The integers of blocks, `value = scale · integer + minimum`. Without minima in the format, there are none to add.
#[derive(Debug)]
pub struct Integers<'a> {
    /// One for each value.
    pub values: &'a mut [i8],
    /// One for each part.
    pub scales: &'a mut [f32],
    /// One for each part, or none.
    pub minima: &'a mut [f32],
}

impl Integers<'_> {
    pub(super) fn fill(&mut self, integer: impl Fn(usize) -> i8) {
        self.values.iter_mut().enumerate().for_each(|(i, value)| *value = integer(i));
    }
}

impl Format {
    /// How the format stores integers; `None` for floats.
    pub fn integers(self) -> Option<IntegerFormat> {
        let (part, has_minima, range) = match self {
            Self::F32 | Self::F16 | Self::Bf16 => return None,
            Self::Q4_0 => (32, false, (-8, 7)),
            Self::Q4_1 | Self::Q4K => (32, true, (0, 15)),
            Self::Q5_0 => (32, false, (-16, 15)),
            Self::Q5_1 | Self::Q5K => (32, true, (0, 31)),
            Self::Q8_0 => (32, false, (-128, 127)),
            Self::Q2K => (16, true, (0, 3)),
            Self::Q3K => (16, false, (-4, 3)),
            Self::Q6K => (16, false, (-32, 31)),
            Self::Iq4Nl | Self::Iq4Xs => (32, false, (-127, 113)),
        };
        Some(IntegerFormat { part, has_minima, range })
    }

    /// The integers, scales and minima of one block. A scale of a K-quant is the product of a number in half precision and a
    /// small integer, which float32 holds exactly.
    pub(super) fn block_of_integers(self, block: &[u8], out: &mut Integers) {
        match self {
            Self::F32 | Self::F16 | Self::Bf16 => {}
            Self::Q4_0 => legacy::q4_0(block, out),
            Self::Q4_1 => legacy::q4_1(block, out),
            Self::Q5_0 => legacy::q5_0(block, out),
            Self::Q5_1 => legacy::q5_1(block, out),
            Self::Q8_0 => legacy::q8_0(block, out),
            Self::Q2K => k_quants::q2(block, out),
            Self::Q3K => k_quants::q3(block, out),
            Self::Q4K => k_quants::q4(block, out),
            Self::Q5K => k_quants::q5(block, out),
            Self::Q6K => k_quants::q6(block, out),
            Self::Iq4Nl => codebook::iq4_nl(block, out),
            Self::Iq4Xs => codebook::iq4_xs(block, out),
        }
    }

    /// The floats of one block that [`integers`](Self::integers) describes.
    pub(super) fn floats_of_integers(self, format: IntegerFormat, block: &[u8], out: &mut [f32]) {
        /// The values of the largest block, and its parts.
        const MOST: (usize, usize) = (256, 16);
        let (mut values, mut scales, mut minima) = ([0; MOST.0], [0.0; MOST.1], [0.0; MOST.1]);
        let parts = out.len() / format.part;
        let values = &mut values[..out.len()];
        let (scales, minima) = (&mut scales[..parts], &mut minima[..parts]);
        self.block_of_integers(block, &mut Integers { values, scales, minima });
        for (part, (out, values)) in
            out.chunks_exact_mut(format.part).zip(values.chunks_exact(format.part)).enumerate()
        {
            for (value, integer) in out.iter_mut().zip(values) {
                *value = scales[part] * f32::from(*integer);
                // Adding zero would make a negative zero positive.
                if format.has_minima {
                    *value += minima[part];
                }
            }
        }
    }

    /// Writes the integers of whole blocks.
    ///
    /// # Panics
    ///
    /// If the slices have not the lengths that [`integers`](Self::integers) says for the blocks in `bytes`.
    pub fn decode_integers(self, bytes: &[u8], out: Integers) {
        let Some(format) = self.integers() else { return };
        let (len, size) = self.block();
        let (blocks, parts) = (bytes.len() / size, len / format.part);
        let minima = if format.has_minima { parts } else { 0 };
        assert_eq!(
            [out.values.len(), out.scales.len(), out.minima.len()],
            [len, parts, minima].map(|n| n * blocks),
            "the numbers of the blocks"
        );
        for (i, block) in bytes.chunks_exact(size).enumerate() {
            self.block_of_integers(
                block,
                &mut Integers {
                    values: &mut out.values[i * len..][..len],
                    scales: &mut out.scales[i * parts..][..parts],
                    minima: &mut out.minima[i * minima..][..minima],
                },
            );
        }
    }
}
