//! Products with a weight that is read in parts: some of its columns, and some of its lines. Each part has sums of its own, which are
//! added in the order of the lines. The parts depend on nothing but the shape of the weight, and so the bits of the result do not
//! depend on the number of threads.

use std::ops::Range;

use crate::threads::for_each;

/// How a weight `[inputs, outputs]` is divided.
#[derive(Clone, Copy)]
pub(crate) struct Division {
    pub(crate) inputs: usize,
    pub(crate) outputs: usize,
    /// Lines of a part.
    pub(crate) height: usize,
    /// Columns of a part.
    pub(crate) width: usize,
}

/// A part of the product of some rows and a weight.
pub(crate) struct Part<'a> {
    pub(crate) lines: Range<usize>,
    pub(crate) columns: Range<usize>,
    /// `[rows, columns]`, which hold zeros at first.
    pub(crate) sums: &'a mut [f32],
}

impl Division {
    /// The product of `rows` rows, `[rows, outputs]`. `add` adds the products of a part to its sums; it runs on this thread only if
    /// `alone`.
    pub(crate) fn product(self, rows: usize, alone: bool, add: impl Fn(Part) + Sync + Send) -> Vec<f32> {
        let Self { inputs, outputs, height, width } = self;
        let parts = inputs.div_ceil(height);
        let mut sums = vec![0.0; parts * rows * outputs];
        let tasks = self.parts(rows, &mut sums);
        match alone {
            true => tasks.into_iter().for_each(add),
            false => for_each(tasks, add),
        }
        match parts == 1 && (rows == 1 || width >= outputs) {
            true => sums,
            false => self.total(rows, &sums),
        }
    }

    fn parts(self, rows: usize, mut sums: &mut [f32]) -> Vec<Part<'_>> {
        let mut parts = vec![];
        for columns in ranges(self.outputs, self.width) {
            for lines in ranges(self.inputs, self.height) {
                let (part, others) = sums.split_at_mut(rows * columns.len());
                parts.push(Part { lines, columns: columns.clone(), sums: part });
                sums = others;
            }
        }
        parts
    }

    /// The sums of the parts over the lines, in rows.
    fn total(self, rows: usize, mut sums: &[f32]) -> Vec<f32> {
        let mut out = vec![0.0; rows * self.outputs];
        for columns in ranges(self.outputs, self.width) {
            for row in (0..self.inputs.div_ceil(self.height)).flat_map(|_| 0..rows) {
                let (part, others) = sums.split_at(columns.len());
                let out = &mut out[row * self.outputs..][columns.clone()];
                out.iter_mut().zip(part).for_each(|(out, sum)| *out += sum);
                sums = others;
            }
        }
        out
    }
}

/// The numbers below `n` in ranges of `size`.
fn ranges(n: usize, size: usize) -> impl Iterator<Item = Range<usize>> {
    (0..n).step_by(size).map(move |from| from..(from + size).min(n))
}
