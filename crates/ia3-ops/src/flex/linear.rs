//! `x·w + b`.

use burn::backend::ops::FloatTensorOps;
use burn::backend::{Flex, TensorMetadata};
use burn::tensor::{DType, FloatDType};
use ia3_kernels::rows;

use super::matmul;
use super::tensor::{Primitive, contiguous, last_dim, new};

/// A `b` without elements adds nothing.
pub(crate) fn apply(x: Primitive, w: &Primitive, b: Primitive) -> Primitive {
    let y = matmul::product(x, w);
    if b.shape().num_elements() == 0 {
        return y;
    }
    let (mut y, b) = (contiguous(y), contiguous(b));
    rows::add(y.storage_mut(), b.storage());
    y
}

/// The gradients of `x`, `w` and `b` from that of the result, `g`: of `w` if there is `x`, of the others if they are wanted.
/// That of `w` is computed in float32 and has the type of `w`.
pub(crate) fn gradient(
    x: Option<Primitive>,
    w: &Primitive,
    g: Primitive,
    [x_wanted, b_wanted]: [bool; 2],
) -> [Option<Primitive>; 3] {
    let g = contiguous(g);
    let of_b = || new(rows::sum(g.storage(), last_dim(&g)), vec![last_dim(&g)]);
    [
        x_wanted.then(|| matmul::product(g.clone(), &w.transpose(0, 1))),
        x.map(|x| of_weight(x, g.clone(), w.dtype())),
        b_wanted.then(of_b),
    ]
}

fn of_weight(x: Primitive, g: Primitive, dtype: DType) -> Primitive {
    let gradient = Flex::float_matmul(x.transpose(0, 1), g);
    match dtype {
        DType::BF16 => Flex::float_cast(gradient, FloatDType::BF16),
        DType::F16 => Flex::float_cast(gradient, FloatDType::F16),
        _ => gradient,
    }
}
