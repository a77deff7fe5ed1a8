use burn::tensor::FloatDType;

/// The dtype of the weights of a model, and of its computation.
///
/// ```
/// use ia3::{Precision, PretrainedOptions};
/// use burn::tensor::FloatDType;
///
/// let options = PretrainedOptions::new().with_dtype(FloatDType::BF16);
/// assert_eq!(options.dtype, Precision::Cast(FloatDType::BF16));
/// assert_eq!(options.with_dtype(Precision::Stored).dtype, Precision::default());
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Precision {
    /// On `flex`, every tensor keeps the dtype of the file, and the model computes in float32: weights in half precision are
    /// widened as they are read ([`with_float32_states`](ia3_models::ModelConfig::with_float32_states)). Other devices compute in the dtype of the file, or of most
    /// of its values where it holds several. float64 becomes float32.
    #[default]
    Stored,
    /// Weights and computation have this dtype, which is float32, float16 or bfloat16.
    Cast(FloatDType),
}

impl Precision {
    /// The dtype that the weights are cast to.
    pub(crate) fn cast(self) -> Option<FloatDType> {
        match self {
            Self::Stored => None,
            Self::Cast(dtype) => Some(dtype),
        }
    }
}

impl From<FloatDType> for Precision {
    fn from(dtype: FloatDType) -> Self {
        Self::Cast(dtype)
    }
}
