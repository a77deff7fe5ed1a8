//! A weight of floats as integers with scales.

use crate::matrix::MatRef;
use crate::simd::vectorised;
use crate::threads::for_each;

/// Outputs that are quantised at once. With the inputs of a block they fit into the first cache.
const OUTPUTS: usize = 64;

/// The integers and scales of a weight, and how far they are from it.
#[derive(Clone, Debug, PartialEq)]
pub struct Quantised {
    /// The integers `[inputs, outputs]`.
    pub values: Vec<i8>,
    /// One scale for each block of inputs of each output, `[inputs / block, outputs]`.
    pub scales: Vec<f32>,
    /// The sum of the squares of the differences between the weight and its integers times their scales.
    pub squared_error: f64,
    /// The sum of the squares of the weight.
    pub squared_norm: f64,
}

/// Quantises a weight `[inputs, outputs]` symmetrically: the largest magnitude of a block of inputs of an output becomes
/// `largest`, and its scale is that magnitude divided by `largest`. Halves are rounded away from zero. A block of zeros has
/// the smallest normal float as its scale, and so has one with an infinite value.
///
/// The weight is read once, by all threads. The result does not depend on their number.
///
/// # Panics
///
/// Panics if `block` does not divide the number of inputs, or if `largest` is not from 1 to 127.
pub fn quantise(weight: MatRef, block: usize, largest: i8) -> Quantised {
    let [inputs, outputs] = weight.dims();
    assert!(block > 0 && inputs.is_multiple_of(block), "blocks of {block} of {inputs} inputs");
    assert!(largest > 0, "the largest integer is {largest}, expected 1 to 127");
    let blocks = inputs / block;
    let (mut values, mut scales) = (vec![0i8; inputs * outputs], vec![0f32; blocks * outputs]);
    let mut sums = vec![[0f64; 2]; blocks];
    if outputs > 0 {
        let values = values.chunks_exact_mut(block * outputs);
        let parts = values.zip(scales.chunks_exact_mut(outputs)).zip(&mut sums).enumerate();
        for_each(parts.collect(), |(i, ((values, scales), sums))| {
            *sums = Block { weight, first: i * block, values, scales, largest }.quantise();
        });
    }
    let [squared_error, squared_norm] = sums.iter().fold([0.0; 2], |[a, b], [c, d]| [a + c, b + d]);
    Quantised { values, scales, squared_error, squared_norm }
}

/// The same block of inputs of all outputs.
struct Block<'a> {
    weight: MatRef<'a>,
    /// The first input.
    first: usize,
    /// `[block, outputs]`
    values: &'a mut [i8],
    /// `[outputs]`
    scales: &'a mut [f32],
    largest: i8,
}

impl Block<'_> {
    /// Returns the squared error and the squared norm.
    fn quantise(self) -> [f64; 2] {
        let outputs = self.scales.len();
        let mut tile = vec![[0f32; OUTPUTS]; self.values.len() / outputs];
        let mut sums = [0f64; 2];
        for at in (0..outputs).step_by(OUTPUTS) {
            let width = OUTPUTS.min(outputs - at);
            let mut scales = [0f32; OUTPUTS];
            let of_tile = vectorised(
                #[inline(always)]
                || {
                    self.weight.copy_to(&mut tile, [self.first, at], width);
                    find_scales(&tile, self.largest, &mut scales);
                    let rows = self.values.chunks_exact_mut(outputs).map(|row| &mut row[at..at + width]);
                    round(&tile, self.largest, &scales, rows)
                },
            );
            self.scales[at..at + width].copy_from_slice(&scales[..width]);
            sums = [sums[0] + of_tile[0], sums[1] + of_tile[1]];
        }
        sums
    }
}

impl MatRef<'_> {
    /// Copies the rows and columns from `[row, column]` on. What is beyond `width` columns becomes zero.
    #[inline(always)]
    fn copy_to(&self, tile: &mut [[f32; OUTPUTS]], [row, column]: [usize; 2], width: usize) {
        let by_rows = self.strides()[1] == 1;
        for (i, out) in tile.iter_mut().enumerate() {
            out[width..].fill(0.0);
            if by_rows {
                out[..width].copy_from_slice(self.row_part(row + i, column, width));
            }
        }
        if !by_rows {
            for j in 0..width {
                for (i, out) in tile.iter_mut().enumerate() {
                    out[j] = self.at(row + i, column + j);
                }
            }
        }
    }
}

#[inline(always)]
fn find_scales(tile: &[[f32; OUTPUTS]], largest: i8, scales: &mut [f32; OUTPUTS]) {
    for row in tile {
        for (peak, x) in scales.iter_mut().zip(row) {
            // As `f32::max`: a value that is not a number counts for nothing.
            *peak = if x.abs() > *peak { x.abs() } else { *peak };
        }
    }
    for scale in scales {
        let exact = 2.0 * *scale / (2.0 * f32::from(largest));
        *scale = if exact > 0.0 && exact < f32::INFINITY { exact } else { f32::MIN_POSITIVE };
    }
}

/// Writes the integers and returns the squared error and the squared norm.
#[inline(always)]
fn round<'a>(
    tile: &[[f32; OUTPUTS]],
    largest: i8,
    scales: &[f32; OUTPUTS],
    rows: impl Iterator<Item = &'a mut [i8]>,
) -> [f64; 2] {
    let (inverse, largest) = (scales.map(|scale| 1.0 / scale), f32::from(largest));
    let (mut error, mut norm) = ([0f32; OUTPUTS], [0f32; OUTPUTS]);
    for (x, out) in tile.iter().zip(rows) {
        let mut integers = [0i8; OUTPUTS];
        for j in 0..OUTPUTS {
            let integer = (x[j] * inverse[j]).round().clamp(-largest, largest);
            // What is not a number becomes 0.
            integers[j] = integer as i8;
            let off = x[j] - scales[j] * if integer.is_nan() { 0.0 } else { integer };
            error[j] += off * off;
            norm[j] += x[j] * x[j];
        }
        let width = out.len();
        out.copy_from_slice(&integers[..width]);
    }
    [error, norm].map(|sums| sums.iter().map(|sum| f64::from(*sum)).sum())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One value after the other, as burn's `flex` does it.
    fn plain(x: &[f32], [inputs, outputs]: [usize; 2], block: usize, largest: f32) -> (Vec<i8>, Vec<f32>) {
        let mut peaks = vec![0f32; inputs / block * outputs];
        let of = |at: usize| at / outputs / block * outputs + at % outputs;
        x.iter().enumerate().for_each(|(at, x)| peaks[of(at)] = peaks[of(at)].max(x.abs()));
        let scale = |peak: &f32| 2.0 * peak / (2.0 * largest);
        let valid = |scale: f32| if scale > 0.0 && scale.is_finite() { scale } else { f32::MIN_POSITIVE };
        let scales: Vec<f32> = peaks.iter().map(scale).map(valid).collect();
        let value = |(at, x): (usize, &f32)| (x * (1.0 / scales[of(at)])).round().clamp(-largest, largest);
        (x.iter().enumerate().map(value).map(|x| x as i8).collect(), scales)
    }

    fn check(x: &[f32], dims: [usize; 2], block: usize, largest: i8) {
        let (values, scales) = plain(x, dims, block, largest.into());
        let [inputs, outputs] = dims;
        let turned: Vec<f32> = (0..x.len()).map(|at| x[at % inputs * outputs + at / inputs]).collect();
        let turned = MatRef::row_major(&turned, [outputs, inputs]).transposed();
        for weight in [MatRef::row_major(x, dims), turned] {
            let got = quantise(weight, block, largest);
            assert_eq!((&got.values, &got.scales), (&values, &scales), "{dims:?}, blocks of {block}");
            let exact = |at: usize| {
                f64::from(values[at]) * f64::from(scales[at / outputs / block * outputs + at % outputs])
            };
            let error: f64 = x.iter().enumerate().map(|(at, x)| (f64::from(*x) - exact(at)).powi(2)).sum();
            let norm: f64 = x.iter().map(|x| f64::from(*x).powi(2)).sum();
            if norm.is_finite() {
                assert!((got.squared_norm - norm).abs() <= 1e-5 * norm, "{} {norm}", got.squared_norm);
                assert!((got.squared_error - error).abs() <= 1e-4 * error + 1e-9 * norm);
            }
        }
    }

    #[test]
    fn integers_and_scales_are_those_of_plain_loops_to_the_bit() {
        for (dims, block) in
            [([8, 3], 8), ([18, 65], 9), ([1, 1], 1), ([6, 130], 2), ([0, 3], 4), ([4, 0], 2)]
        {
            // Among them exact halves, and for one block nothing but zeros.
            let x: Vec<f32> = (0..dims[0] * dims[1])
                .map(|i| if i % dims[1] == 1 { 0.0 } else { ((i * 7919 * 31) % 211) as f32 / 8.0 - 13.0 })
                .collect();
            [7, 127].into_iter().for_each(|largest| check(&x, dims, block, largest));
        }
    }

    #[test]
    fn values_that_are_not_finite_become_what_burn_makes_of_them() {
        let special =
            [f32::NAN, 1.0, f32::INFINITY, -2.0, f32::NEG_INFINITY, 0.5, -0.0, f32::MIN_POSITIVE / 4.0];
        check(&special, [8, 1], 4, 127);
        check(&special, [2, 4], 2, 7);
        let error = quantise(MatRef::row_major(&special, [8, 1]), 8, 127).squared_error;
        assert!(!error.is_finite());
    }
}
