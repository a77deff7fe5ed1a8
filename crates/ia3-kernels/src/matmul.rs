//! Products of strided matrices by the crate `gemm`.

use std::mem::MaybeUninit;
use std::ops::Range;

use gemm::Parallelism;

use crate::matrix::{MatMut, MatRef};

/// Multiplications from which on threads pay; burn's `flex` has the same number.
const WORTH_THREADS: usize = 192 * 192 * 192;

/// `a·b`, `[m, n]`, on all threads, with `a` `[m, k]` and `b` `[k, n]`.
///
/// # Panics
///
/// Panics if the shapes do not fit.
pub fn product(a: MatRef, b: MatRef) -> Vec<f32> {
    let ([m, k], [_, n]) = (a.dims(), b.dims());
    let parallelism = match m * k * n < WORTH_THREADS || cfg!(miri) {
        true => Parallelism::None,
        false => Parallelism::Rayon(0),
    };
    let mut out = Vec::with_capacity(m * n);
    let c = MatMut::row_major(&mut out.spare_capacity_mut()[..m * n], [m, n]);
    write_on(parallelism, c, a, b, 1.0);
    // SAFETY: the product has written all of the `m·n` elements.
    unsafe { out.set_len(m * n) };
    out
}

/// `c = factor·a·b`
pub(crate) fn write<'c>(
    c: MatMut<'c, MaybeUninit<f32>>,
    a: MatRef,
    b: MatRef,
    factor: f32,
) -> MatMut<'c, f32> {
    write_on(Parallelism::None, c, a, b, factor)
}

fn write_on<'c>(
    parallelism: Parallelism,
    mut c: MatMut<'c, MaybeUninit<f32>>,
    a: MatRef,
    b: MatRef,
    factor: f32,
) -> MatMut<'c, f32> {
    if a.dims()[1] == 0 {
        assert_shapes(c.dims(), a, b);
        return c.fill(0.0);
    }
    let (pointer, stride) = (c.as_mut_ptr().cast(), c.stride());
    // SAFETY: `c` is borrowed mutably, has that stride, and is not read where `add` is false; gemm then writes every
    // element.
    unsafe {
        gemm(pointer, stride, c.dims(), false, [a, b], factor, parallelism);
        c.assume_init()
    }
}

/// `c += factor·a·b`
fn add(mut c: MatMut<f32>, a: MatRef, b: MatRef, factor: f32) {
    let (pointer, stride) = (c.as_mut_ptr(), c.stride());
    // SAFETY: `c` is borrowed mutably, has that stride, and is initialised.
    unsafe { gemm(pointer, stride, c.dims(), true, [a, b], factor, Parallelism::None) };
}

fn assert_shapes(c: [usize; 2], a: MatRef, b: MatRef) {
    let (found_a, found_b) = (a.dims(), b.dims());
    assert!(
        found_a[0] == c[0] && found_a[1] == found_b[0] && found_b[1] == c[1],
        "a product {c:?} of {found_a:?} and {found_b:?}"
    );
}

/// # Safety
///
/// The matrix of shape `dims` with `stride` elements from one row to the next must lie at `c`, must not be used by
/// others meanwhile, and must be initialised if the product is added to it.
unsafe fn gemm(
    c: *mut f32,
    stride: usize,
    [m, n]: [usize; 2],
    add: bool,
    [a, b]: [MatRef; 2],
    factor: f32,
    parallelism: Parallelism,
) {
    assert_shapes([m, n], a, b);
    let ([_, k], [a_row, a_column], [b_row, b_column]) = (a.dims(), a.strides(), b.strides());
    // SAFETY: every element of `a` and `b` lies inside their slices, which their constructor has checked; the shapes
    // fit each other, which is asserted above; the caller answers for `c`.
    unsafe {
        gemm::gemm(
            m,
            n,
            k,
            c,
            1,
            stride as isize,
            add,
            a.as_ptr(),
            a_column,
            a_row,
            b.as_ptr(),
            b_column,
            b_row,
            1.0,
            factor,
            false,
            false,
            false,
            parallelism,
        );
    }
}

/// A sum of products of which each adds to some rows. The first one overwrites what the memory holds.
pub(crate) struct Accumulator<'a> {
    target: MatMut<'a, MaybeUninit<f32>>,
    /// Whether `target` is initialised.
    begun: bool,
}

impl<'a> Accumulator<'a> {
    pub(crate) fn new(target: MatMut<'a, MaybeUninit<f32>>) -> Self {
        Self { target, begun: false }
    }

    /// Adds `factor·a·b` to `rows`.
    pub(crate) fn add(&mut self, rows: Range<usize>, a: MatRef, b: MatRef, factor: f32) {
        let [all, _] = self.target.dims();
        if !self.begun && rows == (0..all) {
            write(self.target.reborrow(), a, b, factor);
            self.begun = true;
            return;
        }
        if !self.begun {
            self.target.reborrow().fill(0.0);
            self.begun = true;
        }
        // SAFETY: an earlier call, or the zeros, have written every element.
        add(unsafe { self.target.rows(rows).assume_init() }, a, b, factor);
    }
}
