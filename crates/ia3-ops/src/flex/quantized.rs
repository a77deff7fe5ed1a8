//! Products with weights that stay integers.
//!
//! A weight with minima is the sum of two products, `x·W = x·(S ∘ Q) + B·M`: Q are the integers, S their scales, M
//! `[d_in / block, d_out]` the minima, and B `[rows, d_in / block]` the sums of `x` over the blocks of inputs.

use burn::backend::TensorMetadata;
use ia3_kernels::integer;
use ia3_kernels::packed_gemm::{self, Transposed};
use ia3_kernels::{Scales, Weight};

use super::form::{Form, Integers, Quantized, minima, with_integers};
use super::matmul::{FEW_ROWS, product_in_rows};
use super::tensor::{Primitive, contiguous, new};
use crate::by_row::is_by_row;

/// `x·W`. A few rows are multiplied by a fast weight in integers, unless the product has to be that of the floats.
pub(crate) fn product(x: Primitive, weight: &Quantized, floats: bool) -> Primitive {
    let ([rows, _], [d_in, d_out]): ([usize; 2], [usize; 2]) = (x.shape().dims(), weight.shape().dims());
    let (x, dims) = (contiguous(x), [rows, d_in, d_out]);
    let few = rows <= FEW_ROWS || is_by_row();
    let fast = few && !floats && Form::of(weight.scheme()).is_some_and(|form| form.fast);
    let x = x.storage();
    let mut y = with_integers(weight, |integers| match integers {
        Integers::Bytes(weight) if fast => integer::product(x, rows, weight),
        Integers::Halves(weight) if fast => integer::product_nibbles(x, rows, weight),
        Integers::Bytes(weight) if few => integer::product_exact(x, rows, weight),
        Integers::Halves(weight) if few => integer::product_exact_nibbles(x, rows, weight),
        Integers::Bytes(weight) => packed_gemm::product(x, dims, &weight),
        Integers::Halves(weight) => packed_gemm::product(x, dims, &weight),
    });
    if let Some(minima) = minima(weight) {
        add_minima(&mut y, x, dims, minima);
    }
    new(y, vec![rows, d_out])
}

/// Adds `B·M` to `y`.
fn add_minima(y: &mut [f32], x: &[f32], [rows, d_in, d_out]: [usize; 3], minima: Scales) {
    let sums: Vec<f32> = x.chunks_exact(minima.block).map(|block| block.iter().sum()).collect();
    let product = product_in_rows(&sums, [rows, d_in / minima.block, d_out], minima.values);
    y.iter_mut().zip(product).for_each(|(y, more)| *y += more);
}

/// The gradient of `x`, `g·Wᵀ`: `g·(S ∘ Q)ᵀ` plus, for each input, `g·Mᵀ` of its block.
pub(crate) fn gradient(g: Primitive, weight: &Quantized) -> Primitive {
    let ([rows, _], [d_in, d_out]): ([usize; 2], [usize; 2]) = (g.shape().dims(), weight.shape().dims());
    let (g, dims) = (contiguous(g), [rows, d_out, d_in]);
    let g = g.storage();
    let mut dx = with_integers(weight, |integers| match integers {
        Integers::Bytes(weight) => packed_gemm::product(g, dims, &Transposed(weight)),
        Integers::Halves(weight) => packed_gemm::product(g, dims, &Transposed(weight)),
    });
    if let Some(Scales { values, block }) = minima(weight) {
        let minima = Weight::new(values, [d_in / block, d_out], None);
        let of_blocks = packed_gemm::product(g, [rows, d_out, d_in / block], &Transposed(minima));
        for (dx, more) in dx.chunks_exact_mut(block).zip(of_blocks) {
            dx.iter_mut().for_each(|dx| *dx += more);
        }
    }
    new(dx, vec![rows, d_in])
}
