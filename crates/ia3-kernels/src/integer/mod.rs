//! A few rows times a weight of integers.
//!
//! [`product_exact`] multiplies in float32. [`product`] multiplies integers: the rows are quantised too. Each block of inputs of a row becomes integers of eight bits with a scale. The products within a block are summed up
//! exactly, in integers of 32 bits; then the sum is multiplied by both scales and added in float32. So an output differs from
//! the product of the floats by at most half a step of the row's integers times the sum of the weight's magnitudes, block by
//! block, beside the rounding of one addition per block. The result has the same bits on every machine and with any number of
//! threads.

mod activations;
mod exact;
mod fetch;
mod isa;
mod nibbles;
mod plain;
#[cfg(target_arch = "x86_64")]
mod x86;

use activations::Activations;
pub use exact::{product_exact, product_exact_nibbles};
use isa::Isa;
pub use nibbles::Nibbles;

use crate::parts::{Division, Part};
use crate::threads::{self, STREAM};
use crate::weight::{Scales, Weight};

/// Columns that one task computes at most. Most weights have fewer, so that a task reads whole lines, in the order of the memory: that
/// is up to twice as fast as reading a piece of each line.
const STRIP: usize = 4096;

/// Bytes of a part at least, which a thread reads in about 10 µs.
const BYTES: usize = 2 * STREAM;

/// Parts of a weight from which on its inputs are not divided: enough for the threads of a small machine.
const PARTS: usize = 8;

/// Columns that the kernels compute at once.
const VECTOR: usize = 64;

/// Elements of a weight from which on threads pay: a thread reads so many in some microseconds.
const WORTH_THREADS: usize = if cfg!(miri) { 64 } else { 128 << 10 };

/// The bytes of one input.
#[derive(Clone, Copy)]
struct Line<'a> {
    bytes: &'a [u8],
    /// The lowest bit of the integer in each byte.
    shift: u32,
}

/// A weight of integers with scales, by lines of bytes.
trait Lines: Sync {
    /// Integers in a byte.
    const PER_BYTE: usize;

    /// `[inputs, outputs]`
    fn shape(&self) -> [usize; 2];

    fn factors(&self) -> Scales<'_>;

    /// The bytes in which the integers of an input lie, one for each output.
    fn line(&self, input: usize) -> Line<'_>;

    /// The integer in a byte of a line whose [`Line::shift`] this is.
    fn integer(byte: u8, shift: u32) -> i8;

    /// For some columns, the sums over the products of a block of inputs of the weight with these integers, whose sum is
    /// `total`.
    fn sums(&self, isa: Isa, block: usize, first: usize, x: &[i8], total: i32, sums: &mut [i32]);
}

impl Lines for Weight<'_, i8> {
    const PER_BYTE: usize = 1;

    fn shape(&self) -> [usize; 2] {
        self.dims()
    }

    fn factors(&self) -> Scales<'_> {
        self.scales().expect("a weight of integers has scales")
    }

    #[inline(always)]
    fn line(&self, input: usize) -> Line<'_> {
        let outputs = self.dims()[1];
        let line = &self.data()[input * outputs..][..outputs];
        Line { bytes: pulp::bytemuck::cast_slice(line), shift: 0 }
    }

    #[inline(always)]
    fn integer(byte: u8, _: u32) -> i8 {
        byte.cast_signed()
    }

    fn sums(&self, isa: Isa, block: usize, first: usize, x: &[i8], total: i32, sums: &mut [i32]) {
        let outputs = self.dims()[1];
        let lines = &self.data()[block * x.len() * outputs..][..x.len() * outputs];
        isa.sums_of_bytes(lines, [outputs, first], x, total, sums);
    }
}

impl Lines for Nibbles<'_> {
    const PER_BYTE: usize = 2;

    fn shape(&self) -> [usize; 2] {
        self.dims()
    }

    fn factors(&self) -> Scales<'_> {
        self.scales()
    }

    #[inline(always)]
    fn line(&self, input: usize) -> Line<'_> {
        let (outputs, block) = (self.dims()[1], self.scales().block);
        let (block, input) = (input / block, input % block);
        Line { bytes: &self.lines(block)[input / 2 * outputs..][..outputs], shift: 4 * (input % 2) as u32 }
    }

    #[inline(always)]
    fn integer(byte: u8, shift: u32) -> i8 {
        nibbles::integer(byte, shift)
    }

    fn sums(&self, isa: Isa, block: usize, first: usize, x: &[i8], total: i32, sums: &mut [i32]) {
        isa.sums_of_nibbles(self.lines(block), [self.dims()[1], first], x, total, sums);
    }
}

/// `x·W`, `[rows, outputs]`, with `x` `[rows, inputs]` and a weight of bytes.
///
/// # Panics
///
/// Panics if `x` does not hold as many elements as the shapes say, if the weight has no scales, or if a block of it has more
/// than 65,536 inputs.
pub fn product(x: &[f32], rows: usize, weight: Weight<i8>) -> Vec<f32> {
    multiply(Isa::best(), x, rows, &weight)
}

/// The same with a weight of four bits.
///
/// # Panics
///
/// As [`product`].
pub fn product_nibbles(x: &[f32], rows: usize, weight: Nibbles) -> Vec<f32> {
    multiply(Isa::best(), x, rows, &weight)
}

fn multiply<W: Lines>(isa: Isa, x: &[f32], rows: usize, weight: &W) -> Vec<f32> {
    let ([inputs, outputs], Scales { values, block }) = (weight.shape(), weight.factors());
    assert_eq!(x.len(), rows * inputs, "{rows} rows of {inputs} elements");
    // 128 · 127 · 2^16 and 128 times the sum of as many integers stay below 2^31.
    assert!(block <= 1 << 16, "blocks of {block} inputs");
    if rows * inputs * outputs == 0 {
        return vec![0.0; rows * outputs];
    }
    let (activations, blocks) = (Activations::new(x, block), inputs / block);
    let add = |Part { lines, columns, sums: out }: Part| {
        let (width, first) = (columns.len(), columns.start);
        let mut sums = vec![0; width];
        for block in lines.start / block..lines.end / block {
            let scales = &values[block * outputs + first..][..width];
            for (row, out) in out.chunks_exact_mut(width).enumerate() {
                let (integers, of_row) = activations.block(row * blocks + block);
                weight.sums(isa, block, first, integers, of_row.sum, &mut sums);
                isa.add_scaled(out, &sums, scales, of_row.scale);
            }
        }
    };
    division::<W>([inputs, outputs], block).product(rows, inputs * outputs < WORTH_THREADS, add)
}

/// Strips of whole vectors, and parts of whole blocks.
fn division<W: Lines>([inputs, outputs]: [usize; 2], block: usize) -> Division {
    let strips = outputs.div_ceil(STRIP).max(1);
    let width = outputs.div_ceil(strips).next_multiple_of(VECTOR);
    let bytes = inputs * width / W::PER_BYTE;
    let parts = bytes.div_ceil(BYTES).next_power_of_two().min(PARTS / strips).max(1);
    let height = (inputs / block).div_ceil(parts).max(1) * block;
    Division { inputs, outputs, height, width }
}

/// Columns per task, at most `strip`: the same number for each thread, in whole vectors.
fn width(elements: usize, outputs: usize, strip: usize) -> usize {
    let threads = if elements < WORTH_THREADS { 1 } else { threads::count() };
    let strips = outputs.div_ceil(threads * strip).max(1) * threads;
    outputs.div_ceil(strips).next_multiple_of(VECTOR)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `[inputs, outputs, block]`: blocks of whole groups of lines, and odd ones; columns of whole tiles, and others.
    const SHAPES: [[usize; 3]; 6] =
        [[64, 96, 64], [36, 70, 9], [10, 33, 10], [7, 32, 1], [40, 3, 20], [126, 65, 63]];

    fn values(n: usize, seed: usize) -> Vec<f32> {
        (0..n).map(|i| (((i + 1) * (2 * seed + 7919) * 31) % 211) as f32 / 105.5 - 1.0).collect()
    }

    /// The products in float64, and how far an output may be from it: half a step of the row's integers times the weight's
    /// magnitude, and the rounding of a few operations per block.
    fn exact(x: &[f32], w: &[i8], scales: &[f32], [inputs, outputs, block]: [usize; 3]) -> Vec<(f64, f64)> {
        let at = |row: usize, j: usize| {
            let (mut sum, mut bound, mut magnitude) = (0.0, 0.0, 0.0);
            for b in 0..inputs / block {
                let x = &x[row * inputs + b * block..][..block];
                let step = x.iter().fold(0f64, |peak, x| peak.max(f64::from(x.abs()))) / 127.0;
                for (i, x) in x.iter().enumerate() {
                    let w = f64::from(w[(b * block + i) * outputs + j]) * f64::from(scales[b * outputs + j]);
                    sum += f64::from(*x) * w;
                    bound += 0.5 * step * w.abs();
                    magnitude += (f64::from(x.abs()) + step) * w.abs();
                }
            }
            (sum, bound + magnitude * 4e-7 * (2 + inputs / block) as f64)
        };
        (0..x.len() / inputs * outputs).map(|i| at(i / outputs, i % outputs)).collect()
    }

    fn largest(y: &[f32]) -> f64 {
        y.iter().fold(0.0, |most, y| f64::from(y.abs()).max(most))
    }

    #[test]
    fn all_instructions_give_the_same_bits_within_the_bound_of_the_rounding() {
        let kinds = Isa::available();
        println!("{kinds:?}");
        for (shape, rows) in SHAPES.iter().flat_map(|shape| [(*shape, 1), (*shape, 6)]) {
            let [inputs, outputs, block] = shape;
            let (x, scales) = (values(rows * inputs, 1), values(inputs / block * outputs, 2));
            let scales: Vec<f32> = scales.iter().map(|x| x.abs() + 0.01).collect();
            // Among them the smallest integers of eight and of four bits.
            let bytes: Vec<i8> = (0..inputs * outputs).map(|i| (i * 37 % 256) as u8 as i8).collect();
            let fours: Vec<i8> = bytes.iter().map(|x| x >> 4).collect();
            let of_scales = Scales { values: &scales, block };
            let packed = Nibbles::pack(&fours, [inputs, outputs], block);
            let weight = Weight::new(&bytes[..], [inputs, outputs], Some(of_scales));
            let nibbles = Nibbles::new(&packed, [inputs, outputs], of_scales);
            let all = kinds
                .iter()
                .map(|isa| [multiply(*isa, &x, rows, &weight), multiply(*isa, &x, rows, &nibbles)]);
            let all: Vec<[Vec<f32>; 2]> = all.collect();
            for (kind, got) in kinds.iter().zip(&all) {
                assert_eq!(got, &all[0], "{kind:?}, {shape:?}");
            }
            let floats = product_exact(&x, rows, weight);
            let of_fours = Weight::new(&fours[..], [inputs, outputs], Some(of_scales));
            assert_eq!(
                product_exact_nibbles(&x, rows, nibbles),
                product_exact(&x, rows, of_fours),
                "{shape:?}"
            );
            for (got, (exact, _)) in floats.iter().zip(exact(&x, &bytes, &scales, shape)) {
                assert!(
                    (f64::from(*got) - exact).abs() <= 2e-5 * largest(&floats),
                    "{got}, not {exact}, {shape:?}"
                );
            }
            for (got, w) in all[0].iter().zip([&bytes, &fours]) {
                for (got, (exact, bound)) in got.iter().zip(exact(&x, w, &scales, shape)) {
                    assert!(
                        (f64::from(*got) - exact).abs() <= bound,
                        "{got} instead of {exact} ± {bound}, {shape:?}"
                    );
                }
            }
        }
    }

    /// The largest sums that the instructions have to hold.
    #[test]
    fn extreme_integers_do_not_overflow() {
        for (w, sign) in [(-128i8, 1f32), (-128, -1.0), (127, 1.0), (127, -1.0)] {
            let (bytes, x) = (vec![w; 64 * 32], vec![sign; 64]);
            let of_scales = Scales { values: &[1.0; 32], block: 64 };
            let weight = Weight::new(&bytes[..], [64, 32], Some(of_scales));
            let fours = vec![w >> 4; 64 * 32];
            let packed = Nibbles::pack(&fours, [64, 32], 64);
            let nibbles = Nibbles::new(&packed, [64, 32], of_scales);
            for isa in Isa::available() {
                let close = |got: Vec<f32>, w: i8| {
                    let exact = 64.0 * f32::from(w) * sign;
                    assert!(
                        got.iter().all(|got| (got - exact).abs() < 1e-5 * exact.abs()),
                        "{isa:?} {got:?}"
                    );
                };
                close(multiply(isa, &x, 1, &weight), w);
                close(multiply(isa, &x, 1, &nibbles), w >> 4);
            }
        }
    }

    #[test]
    fn values_that_are_not_finite_reach_the_result() {
        let (bytes, of_scales) = (vec![0; 8 * 40], Scales { values: &[1.0; 80], block: 4 });
        let weight = Weight::new(&bytes[..], [8, 40], Some(of_scales));
        let mut x = vec![1.0; 8];
        assert_eq!(product(&x, 1, weight), [0.0; 40]);
        x[5] = f32::INFINITY;
        assert!(product(&x, 1, weight).iter().all(|y| y.is_nan()));
    }

    /// Rayon's threads would outlive the test under Miri.
    #[cfg(not(miri))]
    #[test]
    fn the_result_does_not_depend_on_the_number_of_threads() {
        let [inputs, outputs, block] = [96, 3001, 32];
        let (x, scales) = (values(inputs, 1), values(inputs / block * outputs, 2));
        let bytes: Vec<i8> = (0..inputs * outputs).map(|i| (i * 37 % 255) as u8 as i8).collect();
        let of_scales = Scales { values: &scales, block };
        let weight = Weight::new(&bytes[..], [inputs, outputs], Some(of_scales));
        let fours: Vec<i8> = bytes.iter().map(|x| x >> 4).collect();
        let packed = Nibbles::pack(&fours, [inputs, outputs], block);
        let nibbles = Nibbles::new(&packed, [inputs, outputs], of_scales);
        let on = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| {
                [product(&x, 1, weight), product_exact(&x, 1, weight), product_exact_nibbles(&x, 1, nibbles)]
            })
        };
        assert_eq!(on(1), on(3));
    }
}
