//! Writing a quantised weight.

use std::io;

use burn::tensor::Tensor;
use ia3_core::{Bits, NonFinite, QuantizedLayout, QuantizedWeight};
use safetensors::Dtype;

use super::names::{dtype, integers, minima, scales, shape};
use super::nibbles::pack;
use crate::safetensors::Source;

/// The tensors to write for the quantised weight `name`. Each is read from its device when it is written.
pub(crate) fn sources<const D: usize>(
    name: &str,
    layout: QuantizedLayout,
    weight: Tensor<D>,
) -> Vec<Source<'static>> {
    let QuantizedLayout { bits, shape: [outputs, inputs], .. } = layout;
    let of_integers = weight.clone();
    let values = Source {
        name: integers(name, bits),
        dtype: dtype(bits),
        shape: shape(bits, [outputs, inputs]).to_vec(),
        write: Box::new(move |out| out.write_all(&bytes(&stored(&of_integers)?))),
    };
    let minima =
        layout.minima.then(|| factors(minima(name), layout, weight.clone(), QuantizedWeight::minima));
    let scales = factors(scales(name), layout, weight, QuantizedWeight::scales);
    [values, scales].into_iter().chain(minima).collect()
}

/// The tensor `name` of the numbers that `part` reads of a weight, one for each block.
fn factors<const D: usize>(
    name: String,
    layout: QuantizedLayout,
    weight: Tensor<D>,
    part: fn(&QuantizedWeight) -> &[f32],
) -> Source<'static> {
    Source {
        name: name.clone(),
        dtype: Dtype::F32,
        shape: vec![layout.shape[0], layout.blocks()],
        write: Box::new(move |out| {
            let weight = stored(&weight)?;
            if let Some(found) = NonFinite::of(&name, &part(&weight).into()) {
                return Err(io::Error::other(found));
            }
            part(&weight).iter().try_for_each(|factor| out.write_all(&factor.to_le_bytes()))
        }),
    }
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
