//! Products with a matrix of bytes.

use rayon::prelude::*;

use crate::kernel::parallel::columns;
use crate::kernel::vectorised;

/// `[inputs, outputs]` bytes, and a scale for each `block` inputs of each output.
pub(super) struct Weight<'a> {
    pub(super) bytes: &'a [i8],
    pub(super) scales: &'a [f32],
    pub(super) inputs: usize,
    pub(super) outputs: usize,
    pub(super) block: usize,
}

/// Rows up to which the bytes are read for each anew; with more, floats pay.
pub(super) const FEW: usize = 8;

/// Outputs that one task computes: their sums stay in the first cache.
const OUTPUTS: usize = 256;

impl Weight<'_> {
    /// `x·W` of few rows, each of which reads the bytes anew.
    pub(super) fn product(&self, x: &[f32], rows: usize) -> Vec<f32> {
        columns([rows, self.outputs], OUTPUTS, |start, sums| vectorised(|| self.few(x, start, sums, rows)))
    }

    /// The sums of the outputs from `start` on.
    #[inline(always)]
    fn few(&self, x: &[f32], start: usize, sums: &mut [f32], rows: usize) {
        let width = sums.len() / rows;
        let mut partial = [0f32; OUTPUTS];
        let partial = &mut partial[..width];
        for (row, sums) in sums.chunks_exact_mut(width).enumerate() {
            let x = &x[row * self.inputs..(row + 1) * self.inputs];
            for (block, x) in x.chunks_exact(self.block).enumerate() {
                partial.fill(0.0);
                for (i, x) in x.iter().enumerate() {
                    let at = (block * self.block + i) * self.outputs + start;
                    let bytes = &self.bytes[at..at + width];
                    partial.iter_mut().zip(bytes).for_each(|(sum, &w)| *sum += x * f32::from(w));
                }
                let scales = &self.scales[block * self.outputs + start..][..width];
                sums.iter_mut().zip(&*partial).zip(scales).for_each(|((y, sum), scale)| *y += sum * scale);
            }
        }
    }

    /// The weight as floats.
    pub(super) fn floats(&self) -> Vec<f32> {
        let mut floats = vec![0.0; self.bytes.len()];
        let rows = floats.par_chunks_exact_mut(self.outputs).zip(self.bytes.par_chunks_exact(self.outputs));
        rows.enumerate().for_each(|(i, (floats, bytes))| {
            let scales = &self.scales[i / self.block * self.outputs..][..self.outputs];
            vectorised(|| {
                for ((float, &byte), scale) in floats.iter_mut().zip(bytes).zip(scales) {
                    *float = f32::from(byte) * scale;
                }
            });
        });
        floats
    }
}
