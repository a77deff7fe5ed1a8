use burn::tensor::Tensor;
use ia3_ops::{linear, matmul_quantized};

use crate::quant::is_quantized;

/// Computes `x·W + b`. All axes of `x` except the last are folded into one, because the CPU multiplies one matrix fastest.
pub(crate) fn affine<const D: usize>(x: Tensor<D>, weight: Tensor<2>, bias: Option<Tensor<1>>) -> Tensor<D> {
    let [d_in, d_out] = weight.dims();
    let mut dims = x.dims();
    let rows = x.shape().num_elements() / d_in;
    let x = x.reshape([rows, d_in]);
    let y: Tensor<2> = match (is_quantized(&weight), bias) {
        (false, bias) => linear(x, weight, bias),
        (true, Some(bias)) => {
            let y = matmul_quantized(x, weight);
            let bias = bias.cast(y.dtype());
            y + bias.unsqueeze()
        }
        (true, None) => matmul_quantized(x, weight),
    };
    dims[D - 1] = d_out;
    y.reshape(dims)
}
