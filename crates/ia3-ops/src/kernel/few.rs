//! A few rows times a large matrix, whose every element is read once.

use std::ops::Range;

use pulp::{Simd, WithSimd};

use super::parallel::columns;

/// Columns that one task computes at most: whole pages of the matrix's lines, and sums that stay in the cache.
const STRIP: usize = 1024;

/// Lines of the matrix that are summed up in registers, where no scales say how many.
const LINES: usize = 32;

/// Vectors of sums that stay in registers.
const VECTORS: usize = 4;

/// Rows that share what is read of the matrix.
const ROWS: usize = 4;

/// What a matrix is made of.
pub(crate) trait Element: Copy + Sync {
    fn float(self) -> f32;

    /// # Safety
    ///
    /// As many elements as a vector holds must follow `from`.
    #[inline(always)]
    unsafe fn vector<S: Simd>(simd: S, from: *const Self) -> S::f32s {
        let mut vector = simd.splat_f32s(0.0);
        let to = (&raw mut vector).cast::<f32>();
        for i in 0..S::F32_LANES {
            // SAFETY: `vector` has as many lanes.
            unsafe { to.add(i).write((*from.add(i)).float()) };
        }
        vector
    }
}

impl Element for f32 {
    #[inline(always)]
    fn float(self) -> f32 {
        self
    }
}

impl Element for i8 {
    #[inline(always)]
    fn float(self) -> f32 {
        f32::from(self)
    }
}

/// `[inputs, outputs]` elements in row-major order, and a factor for each block of inputs of each output, if there are any.
#[derive(Clone, Copy)]
pub(crate) struct Lines<'a, T> {
    pub(crate) data: &'a [T],
    pub(crate) outputs: usize,
    pub(crate) scales: Option<Scales<'a>>,
}

#[derive(Clone, Copy)]
pub(crate) struct Scales<'a> {
    /// `[inputs / block, outputs]`
    pub(crate) values: &'a [f32],
    /// Inputs that share a scale.
    pub(crate) block: usize,
}

/// `x·W`, `[rows, outputs]`, of `x` `[rows, inputs]`. The sums are added in an order that does not depend on the number of
/// threads.
pub(crate) fn product<T: Element>(x: &[f32], inputs: usize, weight: Lines<T>) -> Vec<f32> {
    let (rows, n) = (x.len() / inputs, weight.outputs);
    assert_eq!(
        (x.len(), weight.data.len()),
        (rows * inputs, inputs * n),
        "as many elements as the shape says"
    );
    if rows * n == 0 {
        return vec![];
    }
    if let Some(Scales { values, block }) = weight.scales {
        assert_eq!(values.len() * block, inputs * n, "a scale for each block of each output");
    }
    columns([rows, n], strip(n), |first, sums| {
        pulp::Arch::new().dispatch(Strip { x, inputs, weight, first, sums, rows });
    })
}

/// Columns that one task computes, as many for each, in whole vectors.
fn strip(n: usize) -> usize {
    let threads = rayon::current_num_threads();
    n.div_ceil(n.div_ceil(threads * STRIP).max(1) * threads).next_multiple_of(VECTORS * 16)
}

/// Some columns of all rows.
struct Strip<'a, T> {
    x: &'a [f32],
    inputs: usize,
    weight: Lines<'a, T>,
    /// The first of the columns.
    first: usize,
    /// `[rows, columns]`
    sums: &'a mut [f32],
    rows: usize,
}

impl<T: Element> WithSimd for Strip<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        let (n, width) = (self.sums.len() / self.rows, VECTORS * S::F32_LANES);
        let whole = n - n % width;
        let block = self.weight.scales.map_or(LINES, |scales| scales.block);
        for from in (0..self.inputs).step_by(block) {
            let lines = from..(from + block).min(self.inputs);
            for column in (0..whole).step_by(width) {
                let mut row = 0;
                while row + ROWS <= self.rows {
                    self.tile::<S, ROWS>(simd, lines.clone(), row, column);
                    row += ROWS;
                }
                for row in row..self.rows {
                    self.tile::<S, 1>(simd, lines.clone(), row, column);
                }
            }
            for column in whole..n {
                self.column(lines.clone(), column);
            }
        }
    }
}

impl<T: Element> Strip<'_, T> {
    /// Adds what the lines say to `R` rows of as many columns as [`VECTORS`] have.
    #[inline(always)]
    fn tile<S: Simd, const R: usize>(&mut self, simd: S, lines: Range<usize>, row: usize, column: usize) {
        let (n, outputs, first) = (self.sums.len() / self.rows, self.weight.outputs, self.first + column);
        let width = VECTORS * S::F32_LANES;
        assert!(
            lines.end <= self.inputs
                && row + R <= self.rows
                && column + width <= n
                && first + width <= outputs
        );
        let block = lines.len() * outputs;
        let mut total = [[simd.splat_f32s(0.0); VECTORS]; R];
        for line in lines.clone() {
            // SAFETY: asserted here and of the matrix in `product`; what is fetched ahead is not read.
            let w = unsafe {
                let data = self.weight.data.as_ptr().add(line * outputs + first);
                if row == 0 {
                    fetch(data.wrapping_add(block), width);
                }
                std::array::from_fn::<_, VECTORS, _>(|v| T::vector(simd, data.add(v * S::F32_LANES)))
            };
            for (r, total) in total.iter_mut().enumerate() {
                // SAFETY: asserted here and of `x` in `product`.
                let x = simd.splat_f32s(unsafe { *self.x.get_unchecked((row + r) * self.inputs + line) });
                for v in 0..VECTORS {
                    total[v] = simd.mul_add_f32s(x, w[v], total[v]);
                }
            }
        }
        let scales = self.weight.scales_of(&lines, first..first + width);
        for (r, total) in total.into_iter().enumerate() {
            for (v, total) in total.into_iter().enumerate() {
                let at = (row + r) * n + column + v * S::F32_LANES;
                // SAFETY: asserted; there are as many scales as columns.
                unsafe {
                    let sum = self.sums.as_mut_ptr().add(at).cast::<S::f32s>();
                    let so_far = sum.read_unaligned();
                    sum.write_unaligned(match scales {
                        None => simd.add_f32s(so_far, total),
                        Some(scales) => {
                            let scale = scales.as_ptr().add(v * S::F32_LANES).cast::<S::f32s>();
                            simd.mul_add_f32s(total, scale.read_unaligned(), so_far)
                        }
                    });
                }
            }
        }
    }

    /// As [`tile`](Self::tile), of one column.
    fn column(&mut self, lines: Range<usize>, column: usize) {
        let (n, outputs, first) = (self.sums.len() / self.rows, self.weight.outputs, self.first + column);
        let scale = self.weight.scales_of(&lines, first..first + 1).map_or(1.0, |scales| scales[0]);
        for row in 0..self.rows {
            let x = &self.x[row * self.inputs..][lines.clone()];
            let w = self.weight.data[lines.start * outputs + first..].iter().step_by(outputs);
            let total: f32 = x.iter().zip(w).map(|(x, w)| x * w.float()).sum();
            self.sums[row * n + column] += total * scale;
        }
    }
}

impl<'a, T> Lines<'a, T> {
    /// The scales of a block of lines, if there are any.
    fn scales_of(&self, lines: &Range<usize>, columns: Range<usize>) -> Option<&'a [f32]> {
        let Scales { values, block } = self.scales?;
        Some(&values[lines.start / block * self.outputs..][columns])
    }
}

/// Asks for `n` elements that are wanted soon: lines lie too far apart for the machine to see by itself what comes next.
#[inline(always)]
fn fetch<T>(from: *const T, n: usize) {
    #[cfg(target_arch = "x86_64")]
    for byte in (0..n * size_of::<T>()).step_by(64) {
        use std::arch::x86_64::{_MM_HINT_T1, _mm_prefetch};
        // SAFETY: nothing is read, wherever it points to.
        unsafe { _mm_prefetch::<_MM_HINT_T1>(from.cast::<i8>().wrapping_add(byte)) };
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = (from, n);
}
