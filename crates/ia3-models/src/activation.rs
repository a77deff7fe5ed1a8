use burn::tensor::Tensor;
use ia3_ops::{gelu, gelu_tanh, relu, silu};
use serde::{Deserialize, Deserializer, de::Error};

/// The activations of Hugging Face's configurations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Activation {
    /// `max(x, 0)`
    Relu,
    /// `x·Φ(x)` with the error function (`gelu`).
    Gelu,
    /// `x·Φ(x)` by the tanh approximation (`gelu_new`, `gelu_pytorch_tanh`).
    GeluTanh,
    /// `x·σ(x)` (`silu`, `swish`).
    Silu,
}

impl Activation {
    /// The activation that Hugging Face calls `name`.
    pub fn from_name(name: &str) -> Option<Self> {
        Some(match name {
            "relu" => Self::Relu,
            "gelu" => Self::Gelu,
            "gelu_new" | "gelu_pytorch_tanh" | "gelu_fast" => Self::GeluTanh,
            "silu" | "swish" => Self::Silu,
            _ => return None,
        })
    }

    /// Applies it elementwise.
    pub fn forward<const D: usize>(self, x: Tensor<D>) -> Tensor<D> {
        match self {
            Self::Relu => relu(x),
            Self::Gelu => gelu(x),
            Self::GeluTanh => gelu_tanh(x),
            Self::Silu => silu(x),
        }
    }
}

impl<'de> Deserialize<'de> for Activation {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        let unknown = || {
            format!(
                "no activation `{name}`; known are relu, gelu, gelu_new, gelu_pytorch_tanh, gelu_fast, silu, swish"
            )
        };
        Self::from_name(&name).ok_or_else(|| D::Error::custom(unknown()))
    }
}
