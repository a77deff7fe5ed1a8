//! Loops over slices on all threads.

use std::mem::MaybeUninit;

use rayon::prelude::*;

use super::vectorised;

/// Elements that one task takes: enough that starting it costs nothing, and small enough for the cache.
const CHUNK: usize = 16 * 1024;

/// Replaces each element `x` by `f(x)`.
#[inline(always)]
pub(crate) fn update(x: &mut [f32], f: impl Fn(f32) -> f32 + Sync) {
    let chunk = |x: &mut [f32]| {
        vectorised(
            #[inline(always)]
            || x.iter_mut().for_each(|x| *x = f(*x)),
        )
    };
    if x.len() <= CHUNK {
        return chunk(x);
    }
    x.par_chunks_mut(CHUNK).for_each(chunk);
}

/// `f` of the elements at each index of slices of one length.
#[inline(always)]
pub(crate) fn fill<const N: usize>(x: [&[f32]; N], f: impl Fn([f32; N]) -> f32 + Sync) -> Vec<f32> {
    let n = x[0].len();
    assert!(x.iter().all(|x| x.len() == n), "slices of one length");
    new(n, CHUNK, |start, out| {
        let x = x.map(|x| &x[start..start + out.len()]);
        vectorised(
            #[inline(always)]
            || {
                // Copied out of the closure, whose memory `out` might else be for all the compiler knows: it would compute one by one.
                let (x, out, n) = (x.map(<[f32]>::as_ptr), out.as_mut_ptr(), out.len());
                for i in 0..n {
                    // SAFETY: each slice is as long as `out`.
                    unsafe { out.add(i).write(MaybeUninit::new(f(x.map(|x| *x.add(i))))) };
                }
            },
        );
    })
}

/// `n` numbers, of which `write` gets `chunk` at a time, with the index of the first, and has to write every one.
#[inline(always)]
pub(crate) fn new(n: usize, chunk: usize, write: impl Fn(usize, &mut [MaybeUninit<f32>]) + Sync) -> Vec<f32> {
    let mut out = Vec::with_capacity(n);
    let spare = &mut out.spare_capacity_mut()[..n];
    if n <= chunk {
        write(0, spare);
    } else {
        spare.par_chunks_mut(chunk).enumerate().for_each(|(i, out)| write(i * chunk, out));
    }
    // SAFETY: `write` has written all of the `n` elements.
    unsafe { out.set_len(n) };
    out
}

/// `[rows, n]` numbers, of which `add` gets `block` columns at a time, zeros so far, with the index of the first: those of one
/// row behind those of the row before.
pub(crate) fn columns(
    [rows, n]: [usize; 2],
    block: usize,
    add: impl Fn(usize, &mut [f32]) + Sync + Send,
) -> Vec<f32> {
    let mut blocks = vec![0.0; rows * n];
    let parts = blocks.par_chunks_mut(rows * block).enumerate();
    parts.for_each(|(i, part)| add(i * block, part));
    if rows == 1 {
        return blocks;
    }
    let mut out = Vec::with_capacity(rows * n);
    for row in 0..rows {
        for part in blocks.chunks(rows * block) {
            let width = part.len() / rows;
            out.extend_from_slice(&part[row * width..][..width]);
        }
    }
    out
}

/// Calls `f` with the index of the first element of each row of `width` elements, and the row.
#[inline(always)]
pub(crate) fn update_rows(x: &mut [f32], width: usize, f: impl Fn(usize, &mut [f32]) + Sync) {
    let chunk = width * rows_per_task(width);
    let task = |(i, rows): (usize, &mut [f32])| {
        vectorised(
            #[inline(always)]
            || {
                rows.chunks_exact_mut(width).enumerate().for_each(|(j, row)| f(i * chunk + j * width, row));
            },
        );
    };
    if x.len() <= chunk {
        return task((0, x));
    }
    x.par_chunks_mut(chunk).enumerate().for_each(task);
}

/// Adds `b` to each row of `y`.
pub(crate) fn plus_rows(y: &mut [f32], width: usize, b: &[f32]) {
    update_rows(
        y,
        width,
        #[inline(always)]
        |_, row| row.iter_mut().zip(b).for_each(|(y, b)| *y += b),
    );
}

/// Sums over rows: `add` gets the index of the first element of each row, and what to add the row's share to. In an order that
/// does not depend on the number of threads.
pub(crate) fn sum_rows(n: usize, width: usize, add: impl Fn(usize, &mut [f32]) + Sync) -> Vec<f32> {
    let chunk = width * rows_per_task(width);
    let part = |start: usize| {
        let mut sums = vec![0.0; width];
        vectorised(
            #[inline(always)]
            || (start..(start + chunk).min(n)).step_by(width).for_each(|at| add(at, &mut sums)),
        );
        sums
    };
    let parts: Vec<Vec<f32>> = (0..n).into_par_iter().step_by(chunk.max(1)).map(part).collect();
    let mut total = vec![0.0; width];
    for part in parts {
        total.iter_mut().zip(part).for_each(|(total, x)| *total += x);
    }
    total
}

/// Calls `f` with the index of each of `n` pieces, on all threads if `work` operations are worth it.
pub(crate) fn each(n: usize, work: usize, f: impl Fn(usize) + Sync + Send) {
    if n == 1 || work <= 4 * CHUNK {
        return (0..n).for_each(f);
    }
    (0..n).into_par_iter().for_each(f);
}

/// Rows that one task takes, of `width` elements each.
pub(crate) fn rows_per_task(width: usize) -> usize {
    (CHUNK / width.max(1)).max(1)
}

/// Memory that tasks write disjoint parts of.
#[derive(Clone, Copy)]
pub(crate) struct Shared<T>(pub(crate) *mut T);

// SAFETY: whoever writes through it keeps to a part of its own.
unsafe impl<T: Send> Send for Shared<T> {}
unsafe impl<T: Send> Sync for Shared<T> {}

impl<T> Shared<T> {
    /// # Safety
    ///
    /// `index` must lie in the memory.
    pub(crate) unsafe fn at(self, index: usize) -> *mut T {
        unsafe { self.0.add(index) }
    }
}
