//! The dtypes of floats, in files and in burn.

use burn::tensor::DType;
use safetensors::Dtype;

use crate::safetensors::SafetensorsError;

/// Whether floats are read from this dtype.
pub(crate) fn is_float(dtype: Dtype) -> bool {
    matches!(dtype, Dtype::F32 | Dtype::F16 | Dtype::BF16 | Dtype::F64)
}

/// The dtype in a file for one of burn's; burn's `Flex32` is stored as float32.
pub(crate) fn file_dtype(dtype: DType, parameter: &str) -> Result<Dtype, SafetensorsError> {
    match dtype {
        DType::F64 => Ok(Dtype::F64),
        DType::F32 | DType::Flex32 => Ok(Dtype::F32),
        DType::F16 => Ok(Dtype::F16),
        DType::BF16 => Ok(Dtype::BF16),
        other => Err(SafetensorsError::ParameterDtype {
            parameter: parameter.to_string(),
            dtype: format!("{other:?}"),
        }),
    }
}
