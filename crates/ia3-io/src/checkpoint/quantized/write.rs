//! Writing a quantised weight.

use std::io;

use burn::tensor::Tensor;
use ia3_core::{Bits, NonFinite, QuantizedLayout, QuantizedWeight};
use safetensors::Dtype;

use super::names::{dtype, integers, scales, shape};
use super::nibbles::pack;
use crate::safetensors::Source;

/// The two tensors to write for the quantised weight `name`. Each is read from its device when it is written.
pub(crate) fn sources<const D: usize>(
    name: &str,
    layout: QuantizedLayout,
    weight: Tensor<D>,
) -> [Source<'static>; 2] {
    let QuantizedLayout { bits, shape: [outputs, inputs], .. } = layout;
    let again = weight.clone();
    let values = Source {
        name: integers(name, bits),
        dtype: dtype(bits),
        shape: shape(bits, [outputs, inputs]).to_vec(),
        write: Box::new(move |out| out.write_all(&bytes(&stored(&weight)?))),
    };
    let scales = scales(name);
    let scales = Source {
        name: scales.clone(),
        dtype: Dtype::F32,
        shape: vec![outputs, layout.blocks()],
        write: Box::new(move |out| {
            let weight = stored(&again)?;
            if let Some(found) = NonFinite::of(&scales, &weight.scales().into()) {
                return Err(io::Error::other(found));
            }
            weight.scales().iter().try_for_each(|scale| out.write_all(&scale.to_le_bytes()))
        }),
    };
    [values, scales]
}

fn stored<const D: usize>(weight: &Tensor<D>) -> io::Result<QuantizedWeight> {
    QuantizedWeight::of(weight).ok_or_else(|| io::Error::other("the weight is not quantised any more"))
}

fn bytes(weight: &QuantizedWeight) -> Vec<u8> {
    match weight.layout().bits {
        Bits::Eight => weight.values().iter().map(|value| value.cast_unsigned()).collect(),
        Bits::Four => weight.values().chunks(weight.layout().shape[1]).flat_map(pack).collect(),
    }
}
