//! The result of attention.

use std::mem::MaybeUninit;

use super::inputs::Inputs;
use super::{Attention, Stats};
use crate::heads::split_heads;
use crate::matmul;
use crate::matrix::{MatMut, MatRef};
use crate::simd::vectorised;
use crate::softmax::row_in_place;
use crate::threads::for_each_of;

impl Attention<'_> {
    /// The result `[batch, queries, heads, d]`, and what [`gradient`](Self::gradient) needs beside the inputs. Without keys
    /// the result is zero.
    ///
    /// # Panics
    ///
    /// Panics if `heads` is no multiple of `kv_heads`, or if a tensor does not lie inside its memory.
    pub fn forward(self) -> (Vec<f32>, Stats) {
        let rows = self.batch * self.heads * self.queries;
        if self.is_empty() {
            return (vec![0.0; rows * self.d], vec![[f32::NEG_INFINITY, 0.0]; rows]);
        }
        let inputs = self.inputs();
        let (mut out, mut stats) = (Vec::with_capacity(rows * self.d), Vec::with_capacity(rows));
        let outs = split_heads(&mut out.spare_capacity_mut()[..rows * self.d], self.result_dims());
        let of_stats = stats.spare_capacity_mut()[..rows].chunks_exact_mut(inputs.queries);
        let mut units = Vec::with_capacity(inputs.batch * inputs.heads);
        units.extend(outs.zip(of_stats).enumerate());
        for_each_of(units, inputs.work(), |(unit, (out, stats))| inputs.forward_head(unit, out, stats));
        // SAFETY: the units cover every head of every batch entry, and each has written its rows of both.
        unsafe {
            out.set_len(rows * self.d);
            stats.set_len(rows);
        }
        (out, stats)
    }
}

impl Inputs<'_> {
    /// Writes every element of the result of one head, and the statistics of its rows.
    fn forward_head(
        &self,
        unit: usize,
        mut out: MatMut<MaybeUninit<f32>>,
        stats: &mut [MaybeUninit<[f32; 2]>],
    ) {
        let (batch, head) = (unit / self.heads, unit % self.heads);
        let size = self.block() * self.keys;
        let mut memory = Vec::with_capacity(size);
        for queries in self.blocks() {
            let keys = self.visible([batch, head], queries.clone());
            let (rows, width) = ([queries.clone(), keys.clone()], keys.len());
            let weights = self.scores([batch, head], rows, memory.spare_capacity_mut());
            let stats = &mut stats[queries.clone()];
            vectorised(
                #[inline(always)]
                || {
                    for (row, stats) in weights.chunks_exact_mut(width).zip(stats) {
                        stats.write(row_in_place(row));
                    }
                },
            );
            let weights = MatRef::row_major(weights, [queries.len(), width]);
            let v = self.v.matrix([batch, head / self.group], keys);
            matmul::write(out.rows(queries), weights, v, 1.0);
        }
    }
}
