use burn::module::{Module, Reparameterization};
use burn::tensor::Tensor;
use ia3_config::Placement;

use crate::broadcast::{along, multiply, scale_axis};
use crate::touched::Touched;
use crate::vector::Ia3Vector;

/// The (IA)³ state of one layer: the vectors of every active adapter, attached to the layer's weight.
///
/// Let `l_in` and `l_out` be the elementwise products of the input vectors and of the output vectors. The layer computes
/// (arXiv 2205.05638 §3.3; `IA3Layer` in PEFT's `tuners/ia3/layer.py`):
///
/// `y = ((x ⊙ l_in)·W + b) ⊙ l_out`
///
/// [`Ia3Forward`](crate::Ia3Forward) evaluates this formula directly. [`Param::val`](burn::module::Param::val) returns the
/// weight `W'[i, o] = l_in[i] · W[i, o] · l_out[o]`, so a layer that knows nothing of adapters computes the same result,
/// unless it has both a bias and an output vector.
///
/// On a convolution, the vectors lie along the channels. Its weight `[out, in / groups, k, ..]` is scaled as
/// `W'[o, c, ..] = l_in[g(o) · in / groups + c] · W[o, c, ..] · l_out[o]`, where `g(o)` is the group of `o`
/// (`_get_ia3_scaling_for_weight` in the same file of PEFT).
#[derive(Module, Debug)]
pub struct Ia3Scale {
    /// The vectors in the order in which their adapters were attached.
    pub vectors: Vec<Ia3Vector>,
    pub(crate) touched: Touched,
}

impl Ia3Scale {
    /// The state of a layer with `vectors`.
    pub(crate) fn new(vectors: Vec<Ia3Vector>) -> Self {
        Self { vectors, touched: Touched::default() }
    }

    /// The elementwise product of all vectors at `placement`, `[len]`, or `None` if there is no such vector.
    pub fn product(&self, placement: Placement) -> Option<Tensor<1>> {
        let placed = self.vectors.iter().filter(|v| v.placement == placement);
        placed.map(Ia3Vector::values).reduce(|a, b| a * b)
    }
}

impl Reparameterization for Ia3Scale {
    const NAME: &'static str = "ia3";

    fn apply<const D: usize>(&self, base: Tensor<D>) -> Tensor<D> {
        scale_weight(base, self.product(Placement::Input), self.product(Placement::Output))
    }
}

/// Computes `l_in ⊙ W ⊙ l_out` in float32 and casts the result back to the dtype of the weight. The weight is that of a linear
/// layer, `[d_in, d_out]`, or of a convolution, `[out, in / groups, k, ..]`.
pub(crate) fn scale_weight<const D: usize>(
    weight: Tensor<D>,
    input: Option<Tensor<1>>,
    output: Option<Tensor<1>>,
) -> Tensor<D> {
    let weight = ia3_ops::with_float_products(weight);
    if D <= 2 {
        return scale_axis(scale_axis(weight, input, 0), output, 1);
    }
    let weight = match input {
        None => weight,
        Some(l) => {
            let l = by_group(l, weight.dims());
            multiply(weight, l)
        }
    };
    scale_axis(weight, output, 0)
}

/// Reshapes a vector over the input channels of all groups, so that it broadcasts over a weight of shape `dims`. The result has
/// the shape `[out, in / groups, 1, ..]`, or `[1, in, 1, ..]` if there is only one group.
fn by_group<const D: usize>(l: Tensor<1>, dims: [usize; D]) -> Tensor<D> {
    let (out, per_group) = (dims[0], dims[1]);
    let groups = l.dims()[0] / per_group;
    if groups == 1 {
        return along(l, 1);
    }
    let mut shape = [1; D];
    (shape[0], shape[1]) = (out, per_group);
    let rows: Tensor<3> = l.reshape([groups, 1, per_group]).expand([groups, out / groups, per_group]);
    rows.reshape(shape)
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::{DType, Device, TensorData};

    fn scale(vectors: &[(&[f32], Placement)], device: &Device) -> Ia3Scale {
        let vector = |(l, placement): &(&[f32], Placement)| {
            Ia3Vector::new(Tensor::from_floats(*l, device), *placement)
        };
        Ia3Scale::new(vectors.iter().map(vector).collect())
    }

    #[test]
    fn weights_are_scaled_on_the_axis_of_the_placement() {
        let device = Device::flex();
        let w = Tensor::<2>::from_floats([[1., 2., 3.], [4., 5., 6.]], &device);
        let output = scale(&[(&[1., 10., -1.], Placement::Output)], &device);
        let input = scale(&[(&[2., 0.], Placement::Input)], &device);
        let expected = TensorData::from([[1f32, 20., -3.], [4., 50., -6.]]);
        output.apply(w.clone()).into_data().assert_eq(&expected, true);
        let expected = TensorData::from([[2f32, 4., 6.], [0., 0., 0.]]);
        input.apply(w).into_data().assert_eq(&expected, true);
    }

    #[test]
    fn vectors_of_several_adapters_multiply_each_on_its_own_side() {
        let device = Device::flex();
        let w = Tensor::<2>::ones([2, 2], &device);
        let s = scale(
            &[(&[2., 3.], Placement::Output), (&[5., 7.], Placement::Output), (&[1., -1.], Placement::Input)],
            &device,
        );
        let expected = TensorData::from([[10f32, 21.], [-10., -21.]]);
        s.apply(w).into_data().assert_eq(&expected, true);
    }

    #[test]
    fn the_input_channels_of_a_convolution_are_those_of_their_group() {
        let device = Device::flex();
        // Two groups of two input channels; output channels 0 and 1 read the first group.
        let w = Tensor::<4>::ones([4, 2, 1, 1], &device);
        let both = scale(
            &[(&[2., 3., 5., 7.], Placement::Input), (&[1., 10., 100., -1.], Placement::Output)],
            &device,
        );
        let expected = TensorData::from([[2f32, 3.], [20., 30.], [500., 700.], [-5., -7.]]);
        both.apply(w.clone()).reshape([4, 2]).into_data().assert_eq(&expected, true);
        let one_group = scale(&[(&[2., 3.], Placement::Input)], &device);
        let expected = TensorData::from([[2f32, 3.]; 4]);
        one_group.apply(w).reshape([4, 2]).into_data().assert_eq(&expected, true);
    }

    #[test]
    fn a_depthwise_weight_has_one_value_of_the_vector_per_group() {
        let device = Device::flex();
        let w = Tensor::<5>::ones([4, 1, 1, 1, 2], &device);
        let input = scale(&[(&[3., 5.], Placement::Input)], &device);
        let expected = TensorData::from([[3f32, 3.], [3., 3.], [5., 5.], [5., 5.]]);
        input.apply(w).reshape([4, 2]).into_data().assert_eq(&expected, true);
    }

    #[test]
    fn a_bf16_weight_is_scaled_in_float32_and_stays_bf16() {
        let device = Device::flex();
        let w = Tensor::<2>::from_floats([[1.0, 3.0]], &device).cast(DType::BF16);
        let l = [1.0 + 1.0 / 512.0, 1.0 / 3.0];
        let got = scale(&[(&l, Placement::Output)], &device).apply(w);
        assert_eq!(got.dtype(), DType::BF16);
        // In bf16 the first vector entry would already have been rounded to 1.
        let expected = Tensor::<2>::from_floats([[l[0], 3.0 * l[1]]], &device).cast(DType::BF16);
        got.into_data().assert_eq(&expected.into_data(), true);
    }
}
