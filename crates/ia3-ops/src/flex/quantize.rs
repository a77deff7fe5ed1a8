//! Weights of floats as integers.

use burn::backend::TensorMetadata;
use burn::tensor::TensorData;
use burn::tensor::quantization::{QuantScheme, QuantValue};
use ia3_kernels::MatRef;
use ia3_kernels::quantise::quantise;

use super::form::{Form, Quantized, block, has_forms};
use super::tensor::Primitive;

/// Whether weights of these dimensions get their integers by a kernel.
pub(crate) fn makes(scheme: QuantScheme, dims: &[usize]) -> bool {
    matches!(scheme.value, QuantValue::Q8S | QuantValue::Q4S)
        && Form::of(scheme) == Some(Form::default())
        && has_forms(scheme, dims)
}

/// The integers of a weight `[d_in, d_out]`, and the relative error of the weight.
pub(crate) fn apply(weight: &Primitive, scheme: QuantScheme) -> (Quantized, f64) {
    let (dims, layout): ([usize; 2], _) = (weight.shape().dims(), weight.layout());
    let strides = layout.strides().try_into().expect("a matrix has two strides");
    let view = MatRef::new(weight.storage(), layout.start_offset(), dims, strides);
    let block = block(scheme).expect("a scheme with a kernel");
    let made = quantise(view, block, scheme.value.range().1 as i8);
    let values = Primitive::from_data(TensorData::new(made.values, dims));
    let error = made.squared_error.sqrt() / made.squared_norm.sqrt().max(f64::MIN_POSITIVE);
    (Quantized::new(values, scheme, made.scales, None), error)
}
