//! The formats of blocks: decoding, scaling, changing signs, and quantising again.
//!
//! The layouts are those of ggml. A block holds integers and one or two scales in half precision; a K-quant has scales of
//! parts of its block too, as small integers, which the scales in half precision multiply.

mod codebook;
mod encode;
mod integers;
mod k_quants;
mod legacy;
mod negate;
mod scales;

use half::{bf16, f16};

pub use self::integers::{IntegerFormat, Integers};
pub(crate) use self::negate::{Negation, negate};
pub(crate) use self::scales::scale;
pub use self::scales::{OutOfRange, Rounding};

/// A format whose blocks are decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
#[expect(missing_docs, reason = "the names are those of ggml")]
pub enum Format {
    F32,
    F16,
    Bf16,
    Q4_0,
    Q4_1,
    Q5_0,
    Q5_1,
    Q8_0,
    Q2K,
    Q3K,
    Q4K,
    Q5K,
    Q6K,
    Iq4Nl,
    Iq4Xs,
}

impl Format {
    /// The number of values of a block, and its size in bytes.
    pub fn block(self) -> (usize, usize) {
        match self {
            Self::F32 => (1, 4),
            Self::F16 | Self::Bf16 => (1, 2),
            Self::Q4_0 | Self::Iq4Nl => (32, 18),
            Self::Q4_1 => (32, 20),
            Self::Q5_0 => (32, 22),
            Self::Q5_1 => (32, 24),
            Self::Q8_0 => (32, 34),
            Self::Q2K => (256, 84),
            Self::Q3K => (256, 110),
            Self::Q4K => (256, 144),
            Self::Q5K => (256, 176),
            Self::Q6K => (256, 210),
            Self::Iq4Xs => (256, 136),
        }
    }

    /// Whether every value is a number of its own, without a scale that others share.
    pub fn is_float(self) -> bool {
        matches!(self, Self::F32 | Self::F16 | Self::Bf16)
    }

    /// Decodes whole blocks to float32, as ggml does.
    ///
    /// # Panics
    ///
    /// If `values` has not the number of values of the blocks in `bytes`.
    pub fn decode(self, bytes: &[u8], values: &mut [f32]) {
        let (len, size) = self.block();
        assert_eq!(bytes.len() / size * len, values.len(), "the number of values of the blocks");
        for (block, values) in bytes.chunks_exact(size).zip(values.chunks_exact_mut(len)) {
            self.decode_block(block, values);
        }
    }

    /// Multiplies one block by a factor: its scales in half precision, or the value of a float format. Each product is rounded
    /// once, to nearest.
    ///
    /// # Errors
    ///
    /// [`OutOfRange`] for a product that its type cannot hold; the block may be changed in part then.
    ///
    /// # Panics
    ///
    /// If `bytes` is shorter than a block.
    pub fn scale(self, bytes: &mut [u8], factor: f32, rounding: &mut Rounding) -> Result<(), OutOfRange> {
        scale(self, bytes, factor, rounding)
    }

    /// Whether [`encode`](Self::encode) quantises to this format.
    pub fn can_encode(self) -> bool {
        encode::can_encode(self)
    }

    /// Quantises values to whole blocks, as the reference quantiser of ggml does. Returns `false`, and leaves the bytes,
    /// if the format is not quantised to.
    ///
    /// # Panics
    ///
    /// If `values` has not the number of values of the blocks in `bytes`.
    pub fn encode(self, values: &[f32], bytes: &mut [u8]) -> bool {
        let (len, size) = self.block();
        assert_eq!(bytes.len() / size * len, values.len(), "the number of values of the blocks");
        let mut blocks = bytes.chunks_exact_mut(size).zip(values.chunks_exact(len));
        blocks.all(|(block, values)| encode::encode(self, values, block))
    }

    fn decode_block(self, block: &[u8], values: &mut [f32]) {
        match self {
            Self::F32 => values[0] = f32_at(block, 0),
            Self::F16 => values[0] = f16_at(block, 0),
            Self::Bf16 => values[0] = bf16::from_le_bytes([block[0], block[1]]).to_f32(),
            _ => {
                if let Some(format) = self.integers() {
                    self.floats_of_integers(format, block, values);
                }
            }
        }
    }
}

fn f32_at(bytes: &[u8], at: usize) -> f32 {
    f32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}

fn f16_at(bytes: &[u8], at: usize) -> f32 {
    f16::from_le_bytes([bytes[at], bytes[at + 1]]).to_f32()
}
