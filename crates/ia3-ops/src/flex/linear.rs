//! `x·w + b`.

use burn::backend::ops::FloatTensorOps;
use burn::backend::{Flex, TensorMetadata};
use ia3_kernels::rows;

use super::matmul;
use super::tensor::{Primitive, floats_of, in_type, last_dim};

/// The result has the type of `x`. A `b` without elements adds nothing.
pub(crate) fn apply(x: Primitive, w: &Primitive, b: Primitive) -> Primitive {
    let (dtype, dims) = (x.dtype(), product_dims(&x, w));
    let mut y = matmul::product(x, w);
    if b.shape().num_elements() > 0 {
        rows::add(&mut y, floats_of(b).storage());
    }
    in_type(y, dims, dtype)
}

/// The gradients of `x`, `w` and `b` from that of the result, `g`: of `w` if there is `x`, of the others if they are wanted.
/// That of `w` is computed in the type of `x` and has the type of `w`; the others have the type of `g`.
pub(crate) fn gradient(
    x: Option<Primitive>,
    w: &Primitive,
    g: Primitive,
    [x_wanted, b_wanted]: [bool; 2],
) -> [Option<Primitive>; 3] {
    let dtype = g.dtype();
    let of_x = || {
        let w = w.transpose(0, 1);
        in_type(matmul::product(g.clone(), &w), product_dims(&g, &w), dtype)
    };
    let of_b = || {
        let g = floats_of(g.clone());
        in_type(rows::sum(g.storage(), last_dim(&g)), vec![last_dim(&g)], dtype)
    };
    [x_wanted.then(of_x), x.map(|x| of_weight(x, g.clone(), w)), b_wanted.then(of_b)]
}

fn of_weight(x: Primitive, g: Primitive, w: &Primitive) -> Primitive {
    let gradient = Flex::float_matmul(x.transpose(0, 1), g);
    match gradient.dtype() == w.dtype() {
        true => gradient,
        false => Flex::float_cast(gradient, w.dtype().into()),
    }
}

fn product_dims(x: &Primitive, w: &Primitive) -> Vec<usize> {
    vec![x.shape()[0], last_dim(w)]
}
