//! The tensors of a quantised weight: integers and scales, one row per output.
//!
//! `k.weight` is stored as `k.weight_int8` (I8 `[d_out, d_in]`) or `k.weight_int4` (U8 `[d_out, ⌈d_in / 2⌉]`, two's
//! complement, the input with the even index in the lower four bits), `k.weight_scale` (F32 `[d_out, d_in / block]`), and
//! `k.weight_minimum` as the scales where there are minima.

use ia3_core::Bits;
use safetensors::Dtype;

/// The word for the number of bits, in `config.json` and in the names of tensors.
pub(crate) fn word(bits: Bits) -> &'static str {
    match bits {
        Bits::Eight => "int8",
        Bits::Four => "int4",
    }
}

/// The name of the integers of the weight `name`.
pub(crate) fn integers(name: &str, bits: Bits) -> String {
    format!("{name}_{}", word(bits))
}

/// The name of the scales of the weight `name`.
pub(crate) fn scales(name: &str) -> String {
    format!("{name}_scale")
}

/// The name of the minima of the weight `name`.
pub(crate) fn minima(name: &str) -> String {
    format!("{name}_minimum")
}

/// Whether `name` is the name of minima.
pub(crate) fn are_minima(name: &str) -> bool {
    name.ends_with(&minima(".weight"))
}

/// Whether a parameter of a layer of this type can be quantised.
pub(crate) fn is_quantizable(holder: &str, leaf: &str) -> bool {
    leaf == "weight" && matches!(holder, "Linear" | "Conv1D")
}

/// Whether `name` is the name of integers.
pub(crate) fn are_integers(name: &str) -> bool {
    [Bits::Eight, Bits::Four].iter().any(|&bits| name.ends_with(&integers(".weight", bits)))
}

pub(super) fn dtype(bits: Bits) -> Dtype {
    match bits {
        Bits::Eight => Dtype::I8,
        Bits::Four => Dtype::U8,
    }
}

/// The shape of the integers of a weight `[d_out, d_in]`.
pub(super) fn shape(bits: Bits, [outputs, inputs]: [usize; 2]) -> [usize; 2] {
    match bits {
        Bits::Eight => [outputs, inputs],
        Bits::Four => [outputs, inputs.div_ceil(2)],
    }
}
