//! The differences between Hugging Face and burn: names of parameters, and which matrices are transposed.

use burn::tensor::{DType, TensorData};
use half::{bf16, f16};
use ia3_core::ParamPath;

/// Whether a matrix is transposed in the file. That is the weight of a layer of type `Linear`, which PyTorch stores as
/// `[d_out, d_in]` and burn as `[d_in, d_out]`. Every other layer, GPT-2's `Conv1D` included, has the layout of the file.
pub(crate) fn is_transposed(holder: &str, leaf: &str, rank: usize) -> bool {
    holder == "Linear" && leaf == "weight" && rank == 2
}

/// Hugging Face's name of a parameter.
pub(crate) fn file_name(path: &ParamPath) -> String {
    let (module, leaf) = (path.module(), file_leaf(path.container(), path.name()));
    if module.is_empty() { leaf.to_string() } else { format!("{module}.{leaf}") }
}

/// The name in the file of the field `leaf` of a layer of type `holder`: the file calls the `gamma` of a norm `weight`.
pub(crate) fn file_leaf<'a>(holder: &str, leaf: &'a str) -> &'a str {
    match leaf {
        "gamma" if is_norm(holder) => "weight",
        "beta" if is_norm(holder) => "bias",
        _ => leaf,
    }
}

/// The inverse of [`file_leaf`].
pub(crate) fn burn_leaf<'a>(holder: &str, leaf: &'a str) -> &'a str {
    match leaf {
        "weight" if is_norm(holder) => "gamma",
        "bias" if is_norm(holder) => "beta",
        _ => leaf,
    }
}

/// burn's `LayerNorm`, `RmsNorm`, `BatchNorm`, `GroupNorm` and `InstanceNorm`.
fn is_norm(holder: &str) -> bool {
    holder.ends_with("Norm")
}

/// A matrix with rows of `columns` values, transposed.
pub(crate) fn transposed(values: &[f32], columns: usize) -> Vec<f32> {
    let rows = values.len() / columns;
    let mut turned = vec![0.0; values.len()];
    for (row, from) in values.chunks_exact(columns).enumerate() {
        for (column, value) in from.iter().enumerate() {
            turned[column * rows + row] = *value;
        }
    }
    turned
}

/// Values as `dtype`, rounded to nearest.
pub(crate) fn as_dtype(values: Vec<f32>, shape: Vec<usize>, dtype: DType) -> TensorData {
    match dtype {
        DType::F16 => TensorData::new(values.into_iter().map(f16::from_f32).collect(), shape),
        DType::BF16 => TensorData::new(values.into_iter().map(bf16::from_f32).collect(), shape),
        _ => TensorData::new(values, shape),
    }
}
