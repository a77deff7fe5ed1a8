//! What instructions multiply.

use super::SIZE;

/// The blocks of 32 rows and 32 columns.
pub(super) struct Operands<'a> {
    /// Blocks of `x`, `[steps, parts, 32 rows, 32 inputs]`.
    pub(super) x: &'a [u16],
    /// Blocks of the weight, `[steps, 2 tiles, 16 pairs, 16 columns]`; a pair has its first input in the lower half.
    pub(super) w: &'a [u32],
    pub(super) parts: usize,
}

impl Operands<'_> {
    /// Blocks along the inputs.
    pub(super) fn steps(&self) -> usize {
        self.w.len() / (SIZE / 2)
    }
}
