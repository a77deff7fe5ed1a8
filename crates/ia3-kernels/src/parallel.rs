//! Loops over slices on all threads.

use std::mem::MaybeUninit;

use crate::simd::vectorised;
use crate::threads::{CHUNK, for_each, rows_per_task};

/// Replaces each element `x` by `f(x)`.
#[inline(always)]
pub(crate) fn update(x: &mut [f32], f: impl Fn(f32) -> f32 + Sync + Send) {
    let chunk = |x: &mut [f32]| {
        vectorised(
            #[inline(always)]
            || x.iter_mut().for_each(|x| *x = f(*x)),
        )
    };
    if x.len() <= CHUNK {
        return chunk(x);
    }
    for_each(x.chunks_mut(CHUNK).collect(), chunk);
}

/// `f` of the elements at each index of slices of one length.
///
/// # Panics
///
/// Panics if the slices differ in length.
#[inline(always)]
pub(crate) fn map<const N: usize>(x: [&[f32]; N], f: impl Fn([f32; N]) -> f32 + Sync + Send) -> Vec<f32> {
    let n = x[0].len();
    assert!(x.iter().all(|x| x.len() == n), "slices of one length");
    let write = |start: usize, out: &mut [MaybeUninit<f32>]| {
        let x = x.map(|x| &x[start..start + out.len()]);
        vectorised(
            #[inline(always)]
            || {
                // Pointers that are copied out of the closure: otherwise `out` might be the memory of the closure for
                // all the compiler knows, and it would compute one element at a time.
                let (x, out, n) = (x.map(<[f32]>::as_ptr), out.as_mut_ptr(), out.len());
                for i in 0..n {
                    // SAFETY: each slice is as long as `out`, which is borrowed mutably.
                    unsafe { out.add(i).write(MaybeUninit::new(f(x.map(|x| *x.add(i))))) };
                }
            },
        );
    };
    // SAFETY: the loop writes every element of `out`.
    unsafe { new(n, CHUNK, write) }
}

/// `n` numbers. `write` gets `chunk` of them at a time, with the index of the first.
///
/// # Safety
///
/// `write` must write every element that it is given.
#[inline(always)]
pub(crate) unsafe fn new(
    n: usize,
    chunk: usize,
    write: impl Fn(usize, &mut [MaybeUninit<f32>]) + Sync + Send,
) -> Vec<f32> {
    let mut out = Vec::with_capacity(n);
    let spare = &mut out.spare_capacity_mut()[..n];
    if n <= chunk {
        write(0, spare);
    } else {
        for_each(spare.chunks_mut(chunk).enumerate().collect(), |(i, out)| write(i * chunk, out));
    }
    // SAFETY: `write` has written all of the `n` elements, as the caller promises.
    unsafe { out.set_len(n) };
    out
}

/// Rows of `width` elements, each computed from the row of `x` at the same place. `row` gets the index of its first element, the
/// row of `x` and the memory of the new row.
///
/// # Safety
///
/// `row` must write every element of the new row, if `x` consists of rows of `width` elements.
///
/// # Panics
///
/// Panics if it does not.
#[inline(always)]
pub(crate) unsafe fn new_rows(
    x: &[f32],
    width: usize,
    row: impl Fn(usize, &[f32], &mut [MaybeUninit<f32>]) + Sync + Send,
) -> Vec<f32> {
    if x.is_empty() {
        return vec![];
    }
    assert_rows(x.len(), width);
    let write = |start: usize, out: &mut [MaybeUninit<f32>]| {
        vectorised(
            #[inline(always)]
            || {
                let rows = x[start..start + out.len()].chunks_exact(width).zip(out.chunks_exact_mut(width));
                rows.enumerate().for_each(|(i, (x, out))| row(start + i * width, x, out));
            },
        );
    };
    // SAFETY: `out` consists of whole rows, of each of which `row` writes all elements, as the caller promises.
    unsafe { new(x.len(), width * rows_per_task(width), write) }
}

/// A matrix `[rows, n]`, for kernels that take some microseconds. `add` gets `block` columns at a time, `[rows, block]`, which hold zeros, with the index of the
/// first.
pub(crate) fn columns(
    [rows, n]: [usize; 2],
    block: usize,
    add: impl Fn(usize, &mut [f32]) + Sync + Send,
) -> Vec<f32> {
    let mut blocks = vec![0.0; rows * n];
    if blocks.is_empty() {
        return blocks;
    }
    if block >= n {
        // One task needs no other thread.
        add(0, &mut blocks);
        return blocks;
    }
    for_each(blocks.chunks_mut(rows * block).enumerate().collect(), |(i, part)| add(i * block, part));
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

/// Calls `f` with each row of `width` elements and the index of its first element.
#[inline(always)]
pub(crate) fn update_rows(x: &mut [f32], width: usize, f: impl Fn(usize, &mut [f32]) + Sync + Send) {
    if x.is_empty() {
        return;
    }
    assert_rows(x.len(), width);
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
    for_each(x.chunks_mut(chunk).enumerate().collect(), task);
}

/// The sum over rows of `width` elements, of which there are `n` elements in all. `add` gets the index of the first element
/// of each row, and the sums to add the row to. The order of summation does not depend on the number of threads.
pub(crate) fn sum_rows(n: usize, width: usize, add: impl Fn(usize, &mut [f32]) + Sync + Send) -> Vec<f32> {
    let mut total = vec![0.0; width];
    if n == 0 {
        return total;
    }
    assert_rows(n, width);
    let chunk = width * rows_per_task(width);
    let mut parts = vec![0.0; n.div_ceil(chunk) * width];
    for_each(parts.chunks_mut(width).enumerate().collect(), |(i, sums)| {
        vectorised(
            #[inline(always)]
            || (i * chunk..((i + 1) * chunk).min(n)).step_by(width).for_each(|at| add(at, sums)),
        );
    });
    for part in parts.chunks(width) {
        total.iter_mut().zip(part).for_each(|(total, x)| *total += x);
    }
    total
}

/// # Panics
///
/// Panics if `n` elements are not rows of `width`.
pub(crate) fn assert_rows(n: usize, width: usize) {
    assert!(n == 0 || width > 0 && n.is_multiple_of(width), "{n} elements are no rows of {width}");
}
