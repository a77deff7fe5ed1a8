//! How the integers of a quantised weight lie in memory, and how they are multiplied.
//!
//! The store of the scheme says it. Plain weights are those of [`QuantStore::Native`], which burn's operations read. All other
//! forms are this library's own. Two integers in a byte, and minima behind the scales, are a layout that begins behind its
//! memory: an operation of burn panics on it instead of computing with wrong numbers.

use burn::backend::flex::{FlexTensor, Layout};
use burn::backend::{Flex, TensorMetadata, tensor::QuantizedTensor};
use burn::tensor::quantization::{QuantScheme, QuantStore, QuantValue, ScaleDtype};
use burn::tensor::{DType, Tensor, TensorData};
use ia3_kernels::integer::Nibbles;
use ia3_kernels::packed_gemm::Pack;
use ia3_kernels::{Scales, Weight};

use super::tensor::{Primitive, contiguous, new};

/// A quantised tensor of `flex`.
pub(crate) type Quantized = QuantizedTensor<Flex>;

/// What distinguishes a weight from one that burn makes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Form {
    /// A few rows are multiplied with it in integers, not in floats.
    pub(crate) fast: bool,
    /// Two integers lie in a byte.
    pub(crate) halves: bool,
    /// Each block of inputs of an output has a minimum, which is added to its integers times their scale.
    pub(crate) minima: bool,
}

impl Form {
    /// The form of weights of a scheme, if they have one.
    pub(crate) fn of(scheme: QuantScheme) -> Option<Self> {
        match scheme.store {
            QuantStore::Native => Some(Self::default()),
            QuantStore::PackedNative(flags @ 1..8) => {
                Some(Self { fast: flags & 1 > 0, halves: flags & 2 > 0, minima: flags & 4 > 0 })
            }
            _ => None,
        }
    }

    fn store(self) -> QuantStore {
        match usize::from(self.fast) | usize::from(self.halves) << 1 | usize::from(self.minima) << 2 {
            0 => QuantStore::Native,
            flags => QuantStore::PackedNative(flags),
        }
    }

    /// Whether burn's operations would read wrong numbers.
    fn is_hidden(self) -> bool {
        self.halves || self.minima
    }
}

/// The form of a weight `[d_in, d_out]` of integers with float32 scales of blocks of inputs.
pub(crate) fn form<const D: usize>(weight: &Tensor<D>) -> Option<Form> {
    let DType::QFloat(scheme) = weight.dtype() else { return None };
    let &[d_in, _] = weight.dims().as_slice() else { return None };
    Form::of(scheme).filter(|_| block(scheme).is_some_and(|block| d_in.is_multiple_of(block)))
}

/// Inputs that share a scale, if the scheme is one of those that have a [`Form`].
pub(super) fn block(scheme: QuantScheme) -> Option<usize> {
    let form = Form::of(scheme)?;
    let plain = scheme.num_levels() == 1
        && scheme.scale_dtype() == ScaleDtype::F32
        && (form == Form::default() || bits(scheme).is_some());
    let size = scheme.block_size().filter(|_| plain)?.to_dim_vec(2);
    (size[1] == 1).then_some(size[0].into())
}

/// 8 or 4.
fn bits(scheme: QuantScheme) -> Option<u8> {
    match scheme.value {
        QuantValue::Q8S | QuantValue::Q8F => Some(8),
        QuantValue::Q4S | QuantValue::Q4F => Some(4),
        _ => None,
    }
}

/// Whether two integers of a weight `[d_in, d_out]` can lie in a byte.
pub(crate) fn has_halves(scheme: QuantScheme) -> bool {
    bits(scheme) == Some(4)
}

/// Whether a weight `[d_in, d_out]` can have other forms.
pub(crate) fn has_forms(scheme: QuantScheme, dims: &[usize]) -> bool {
    bits(scheme).is_some()
        && matches!((dims, block(scheme)), (&[d_in, _], Some(block)) if d_in.is_multiple_of(block))
}

/// The integers of a weight, for the kernels.
pub(super) enum Integers<'a> {
    Bytes(Weight<'a, i8>),
    Halves(Nibbles<'a>),
}

/// What `f` makes of the integers and scales of a weight.
pub(super) fn with_integers<T>(weight: &Quantized, f: impl FnOnce(Integers) -> T) -> T {
    let (dims, scales) = (weight.shape().dims(), scales(weight));
    match Form::of(weight.scheme()) {
        Some(Form { halves: true, .. }) => {
            f(Integers::Halves(Nibbles::new(weight.tensor().bytes(), dims, scales)))
        }
        Some(Form { minima: true, .. }) => {
            f(Integers::Bytes(Weight::new(weight.tensor().storage(), dims, Some(scales))))
        }
        _ => {
            let bytes = contiguous(weight.tensor().clone());
            f(Integers::Bytes(Weight::new(bytes.storage(), dims, Some(scales))))
        }
    }
}

fn scales(weight: &Quantized) -> Scales<'_> {
    let block = block(weight.scheme()).expect("a scheme that has a form");
    let [d_in, d_out]: [usize; 2] = weight.shape().dims();
    Scales { values: &weight.scales()[..d_in / block * d_out], block }
}

/// The minima `[d_in / block, d_out]`, and the size of a block.
pub(super) fn minima(weight: &Quantized) -> Option<Scales<'_>> {
    let form = Form::of(weight.scheme()).filter(|form| form.minima);
    let Scales { values, block } = form.map(|_| scales(weight))?;
    Some(Scales { values: &weight.scales()[values.len()..], block })
}

/// The minima as a tensor; without elements if there are none.
pub(crate) fn minima_of(weight: &Quantized) -> Primitive {
    let [_, d_out]: [usize; 2] = weight.shape().dims();
    let values = minima(weight).map_or(vec![], |minima| minima.values.to_vec());
    let rows = values.len() / d_out.max(1);
    new(values, vec![rows, d_out])
}

/// The weight in another form. Where that has minima, they are `minima` `[d_in / block, d_out]`, or those that the weight has if
/// `minima` holds none. Without them in the form, they are left out.
pub(crate) fn to_form(weight: &Quantized, minima: Primitive, form: Form) -> Quantized {
    let scheme = weight.scheme().with_store(form.store());
    let dims: [usize; 2] = weight.shape().dims();
    let mut scales = scales(weight).values.to_vec();
    if form.minima {
        let minima = contiguous(minima);
        let stored = self::minima(weight).map_or(&[][..], |minima| minima.values);
        let given: &[f32] = if minima.shape().num_elements() > 0 { minima.storage() } else { stored };
        assert_eq!(given.len(), scales.len(), "a minimum for each scale");
        scales.extend_from_slice(given);
    }
    let values = with_integers(weight, |integers| match (integers, form.halves) {
        (Integers::Halves(nibbles), false) => nibbles.unpack(),
        (Integers::Halves(_), true) => weight.tensor().storage::<i8>().to_vec(),
        (Integers::Bytes(bytes), false) => bytes.data().to_vec(),
        (Integers::Bytes(bytes), true) => {
            let block = bytes.scales().map_or(1, |scales| scales.block);
            Nibbles::pack(bytes.data(), dims, block).into_iter().map(u8::cast_signed).collect()
        }
    });
    Quantized::new(tensor(values, dims, form), scheme, scales, None)
}

/// Bytes as the values of a weight `[d_in, d_out]` of a form.
fn tensor(bytes: Vec<i8>, dims: [usize; 2], form: Form) -> FlexTensor {
    if !form.is_hidden() {
        return FlexTensor::from_data(TensorData::new(bytes, dims));
    }
    let len = bytes.len();
    let layout = Layout::new(dims.into(), vec![dims[1] as isize, 1], len);
    FlexTensor::from_data(TensorData::new(bytes, [len])).with_layout(layout)
}

/// The floats `[d_in, d_out]`: each integer times its scale, plus its minimum.
pub(crate) fn floats(weight: &Quantized) -> Primitive {
    let dims: [usize; 2] = weight.shape().dims();
    let [d_in, d_out] = dims;
    let mut values = vec![0.0; d_in * d_out];
    with_integers(weight, |integers| match integers {
        Integers::Bytes(bytes) => bytes.pack(&mut values, d_out.max(1), 0..d_in, 0..d_out),
        Integers::Halves(nibbles) => nibbles.pack(&mut values, d_out.max(1), 0..d_in, 0..d_out),
    });
    if let Some(Scales { values: minima, block }) = minima(weight) {
        let rows = values.chunks_exact_mut(d_out).enumerate();
        for (input, row) in rows {
            let minima = &minima[input / block * d_out..][..d_out];
            row.iter_mut().zip(minima).for_each(|(value, minimum)| *value += minimum);
        }
    }
    new(values, dims.to_vec())
}
