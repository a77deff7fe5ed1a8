//! GPTQ and AWQ: integers with a scale and a zero point for each output of each group of inputs.
//!
//! `w[i, o] = scales[g(i), o] · (q[i, o] − z[g(i), o])`. Several integers lie in a word of 32 bits:
//!
//! | | GPTQ | AWQ |
//! |---|---|---|
//! | `qweight` | I32 `[d_in / n, d_out]`: n inputs in a word, the first in the lowest bits | I32 `[d_in, d_out / 8]`: eight outputs in a word, in the order 0, 2, 4, 6, 1, 3, 5, 7 |
//! | `qzeros` | I32 `[groups, d_out / n]`: n outputs in a word, the first in the lowest bits | I32 `[groups, d_out / 8]`, as `qweight` |
//! | `scales` | `[groups, d_out]` | the same |
//! | `g_idx` | I32 `[d_in]`: the group of each input | absent: groups follow each other |
//!
//! Version 1 of GPTQ's format stores `z − 1` in the bits of an integer, or what is left of a word if 1 is subtracted in all its integers
//! as in one number ([`Zeros`]); version 2 and AWQ store `z`.

use super::super::config::Zeros;

/// How integers lie in words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Layout {
    Gptq {
        /// 4 or 8.
        bits: u32,
        /// What is stored for a zero point.
        zeros: Zeros,
    },
    Awq,
}

/// Where the eight outputs of a word of AWQ lie, in four bits each.
const AWQ_PLACES: [u32; 8] = [0, 4, 1, 5, 2, 6, 3, 7];

impl Layout {
    pub(in crate::checkpoint::packed) fn bits(self) -> u32 {
        match self {
            Self::Gptq { bits, .. } => bits,
            Self::Awq => 4,
        }
    }

    /// What is added to a stored zero point.
    pub(in crate::checkpoint::packed) fn offset(self) -> u32 {
        u32::from(matches!(self, Self::Gptq { zeros: Zeros::LessOne, .. }))
    }

    /// What is added to a stored word of zero points.
    pub(in crate::checkpoint::packed) fn word_offset(self) -> u32 {
        match self {
            // One in each integer of the word.
            Self::Gptq { zeros: Zeros::LessOneByWord, .. } => u32::MAX / self.largest(),
            _ => 0,
        }
    }

    pub(in crate::checkpoint::packed) fn per_word(self) -> usize {
        (32 / self.bits()) as usize
    }

    pub(in crate::checkpoint::packed) fn largest(self) -> u32 {
        u32::MAX >> (32 - self.bits())
    }

    /// The word and the shift of the integer of an input and an output.
    pub(in crate::checkpoint::packed) fn place(
        self,
        outputs: usize,
        input: usize,
        output: usize,
    ) -> (usize, u32) {
        let n = self.per_word();
        match self {
            Self::Gptq { bits, .. } => (input / n * outputs + output, (input % n) as u32 * bits),
            Self::Awq => (input * (outputs / n) + output / n, AWQ_PLACES[output % n] * 4),
        }
    }

    /// The word and the shift of the zero point of a group and an output.
    pub(in crate::checkpoint::packed) fn zero_place(
        self,
        outputs: usize,
        group: usize,
        output: usize,
    ) -> (usize, u32) {
        let n = self.per_word();
        let shift = match self {
            Self::Gptq { bits, .. } => (output % n) as u32 * bits,
            Self::Awq => AWQ_PLACES[output % n] * 4,
        };
        (group * (outputs / n) + output / n, shift)
    }
}
