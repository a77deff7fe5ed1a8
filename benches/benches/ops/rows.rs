//! Operations of each element or each row: activations, norms and scaling.

use burn::tensor::{Device, Tensor, activation, module};
use criterion::Criterion;

use crate::both_ways;

type Unary = fn(Tensor<2>) -> Tensor<2>;

/// The name, the operation of `ia3-ops`, and that of burn.
const UNARY: [(&str, Unary, Unary); 5] = [
    ("relu", ia3_ops::relu, activation::relu),
    ("gelu", ia3_ops::gelu, activation::gelu),
    ("gelu_tanh", ia3_ops::gelu_tanh, activation::gelu_approximate),
    ("silu", ia3_ops::silu, activation::silu),
    ("softmax_last", ia3_ops::softmax_last, |x| activation::softmax(x, 1)),
];

pub(crate) fn unary(c: &mut Criterion, device: &Device) {
    for (name, ours, burns) in UNARY {
        for dims in [[8, 3072], [1024, 3072]] {
            both_ways(c, device, name, dims, |x, is_ours| if is_ours { ours(x) } else { burns(x) });
        }
    }
}

pub(crate) fn norms(c: &mut Criterion, device: &Device) {
    const EPSILON: f64 = 1e-6;
    for dims in [[8, 768], [1024, 768]] {
        let vector = |x: &Tensor<2>| Tensor::<1>::ones([dims[1]], &x.device());
        both_ways(c, device, "rms_norm", dims, |x, is_ours| {
            let gamma = vector(&x);
            match is_ours {
                true => ia3_ops::rms_norm(x, gamma, EPSILON),
                false => {
                    let root = (x.clone().square().mean_dim(1) + EPSILON).sqrt();
                    x / root * gamma.unsqueeze()
                }
            }
        });
        both_ways(c, device, "layer_norm", dims, |x, is_ours| {
            let (gamma, beta) = (vector(&x), Some(vector(&x)));
            match is_ours {
                true => ia3_ops::layer_norm(x, gamma, beta, EPSILON),
                false => module::layer_norm(x, gamma, beta, EPSILON),
            }
        });
    }
}

/// One vector for all rows, one for each row, and a number for each row. The gradient is that of the rows and of the vectors.
pub(crate) fn scale(c: &mut Criterion, device: &Device) {
    for [rows, width] in [[8, 3072], [1024, 3072]] {
        for (name, factors) in [("vector", [1, width]), ("vectors", [rows, width]), ("numbers", [rows, 1])] {
            both_ways(c, device, &format!("scale/{name}"), [rows, width], |x, is_ours| {
                let l = Tensor::ones(factors, &x.device());
                let l = if x.is_tracked() { l.require_grad() } else { l };
                if is_ours { ia3_ops::scale(x, l) } else { x * l }
            });
        }
    }
}
