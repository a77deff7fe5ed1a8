//! A weight as blocks of pairs of inputs.

use half::bf16;

use super::{BLOCK, DEPTH, Matrix};
use crate::fetch::fetch;

/// Columns of a tile. A block has two of them, one after the other.
const SIDE: usize = 16;

/// Pairs of inputs of a tile.
const PAIRS: usize = DEPTH / 2;

/// A weight `[k, n]` to be packed.
pub(super) struct Packer<'a> {
    pub(super) weight: Matrix<'a>,
    pub(super) k: usize,
    pub(super) n: usize,
}

impl Packer<'_> {
    /// Writes the 32 columns from `column` on and the inputs of block `step` as `[2 tiles, 16 pairs, 16 columns]`, with zeros where the
    /// weight has ended. A pair has its first input in the lower half.
    #[inline(always)]
    pub(super) fn pack(&self, step: usize, column: usize, block: &mut [u32]) {
        let input = step * DEPTH;
        let (inputs, columns) = ((self.k - input).min(DEPTH), (self.n - column).min(BLOCK));
        if [inputs, columns] != [DEPTH, BLOCK] {
            block.fill(0);
        }
        match self.weight {
            Matrix::Rows(data) => self.rows(data, [input, inputs], [column, columns], block),
            Matrix::Columns(data) => self.columns(data, [input, inputs], [column, columns], block),
        }
    }

    #[inline(always)]
    fn rows(
        &self,
        data: &[bf16],
        [input, inputs]: [usize; 2],
        [first, columns]: [usize; 2],
        block: &mut [u32],
    ) {
        let row = |input: usize| &data[input * self.n + first..][..columns];
        let (left, right) = block.split_at_mut(PAIRS * SIDE);
        for i in 0..inputs.div_ceil(2) {
            let even = row(input + 2 * i);
            // Rows lie too far apart for the machine to see what comes next.
            fetch(even.as_ptr().wrapping_add(DEPTH * self.n));
            fetch(even.as_ptr().wrapping_add((DEPTH + 1) * self.n));
            let odd =
                if 2 * i + 1 < inputs { row(input + 2 * i + 1) } else { &[bf16::ZERO; BLOCK][..columns] };
            for (tile, (even, odd)) in
                [&mut *left, &mut *right].into_iter().zip(even.chunks(SIDE).zip(odd.chunks(SIDE)))
            {
                interleave(even, odd, &mut tile[i * SIDE..][..SIDE]);
            }
        }
    }

    #[inline(always)]
    fn columns(
        &self,
        data: &[bf16],
        [input, inputs]: [usize; 2],
        [first, columns]: [usize; 2],
        block: &mut [u32],
    ) {
        let column = |column: usize| &data[(first + column) * self.k + input..][..inputs];
        for (at, tile) in (0..columns).step_by(SIDE).zip(block.chunks_exact_mut(PAIRS * SIDE)) {
            if inputs == DEPTH && columns - at >= SIDE {
                transpose(
                    #[inline(always)]
                    |i| column(at + i),
                    tile,
                );
                continue;
            }
            for i in 0..SIDE.min(columns - at) {
                for (p, values) in column(at + i).chunks(2).enumerate() {
                    tile[p * SIDE + i] = pair(values[0], values.get(1).copied().unwrap_or(bf16::ZERO));
                }
            }
        }
    }
}

/// Writes 16 columns of 32 inputs each.
#[inline(always)]
fn transpose<'a>(column: impl Fn(usize) -> &'a [bf16], tile: &mut [u32]) {
    let mut square = [[0; PAIRS]; SIDE];
    for (i, line) in square.iter_mut().enumerate() {
        for (out, [even, odd]) in line.iter_mut().zip(column(i).as_chunks::<2>().0) {
            *out = pair(*even, *odd);
        }
    }
    for (p, out) in tile.chunks_exact_mut(SIDE).enumerate() {
        for (out, line) in out.iter_mut().zip(&square) {
            *out = line[p];
        }
    }
}

/// Writes pairs of the elements of two rows.
#[inline(always)]
fn interleave(even: &[bf16], odd: &[bf16], out: &mut [u32]) {
    // The length that is known at compile time becomes whole vectors.
    match (even.first_chunk::<SIDE>(), odd.first_chunk::<SIDE>(), out.first_chunk_mut::<SIDE>()) {
        (Some(even), Some(odd), Some(out)) => {
            for i in 0..SIDE {
                out[i] = pair(even[i], odd[i]);
            }
        }
        _ => out.iter_mut().zip(even.iter().zip(odd)).for_each(|(out, (even, odd))| *out = pair(*even, *odd)),
    }
}

#[inline(always)]
fn pair(even: bf16, odd: bf16) -> u32 {
    u32::from(even.to_bits()) | u32::from(odd.to_bits()) << 16
}
