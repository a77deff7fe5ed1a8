use burn::tensor::Tensor;
use burn::tensor::activation::{leaky_relu, mish, sigmoid, tanh};
use ia3_ops::{gelu, gelu_tanh, relu, silu};
use serde::{Deserialize, Deserializer, de::Error};

/// The activations of Hugging Face's configurations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Activation {
    /// `max(x, 0)`
    Relu,
    /// `max(x, 0)²` (`relu2`)
    ReluSquared,
    /// `x` between 0 and 6 (`relu6`)
    Relu6,
    /// `max(x, x/100)` (`leaky_relu`)
    LeakyRelu,
    /// `x·Φ(x)`, computed with the error function (`gelu`).
    Gelu,
    /// `x·Φ(x)`, limited to values from -10 to 10 (`gelu_10`).
    Gelu10,
    /// The tanh approximation of `x·Φ(x)` (`gelu_new`, `gelu_pytorch_tanh`).
    GeluTanh,
    /// `x·σ(1.702·x)` (`quick_gelu`)
    QuickGelu,
    /// `x·σ(x)` (`silu`, `swish`).
    Silu,
    /// `x·tanh(ln(1 + eˣ))` (`mish`)
    Mish,
    /// `σ(x)` (`sigmoid`)
    Sigmoid,
    /// `tanh(x)` (`tanh`)
    Tanh,
    /// `x` (`linear`)
    Linear,
}

/// Hugging Face's names (`ACT2CLS` of transformers).
const NAMES: [(&str, Activation); 19] = [
    ("relu", Activation::Relu),
    ("relu2", Activation::ReluSquared),
    ("relu6", Activation::Relu6),
    ("leaky_relu", Activation::LeakyRelu),
    ("gelu", Activation::Gelu),
    ("gelu_python", Activation::Gelu),
    ("gelu_10", Activation::Gelu10),
    ("gelu_new", Activation::GeluTanh),
    ("gelu_pytorch_tanh", Activation::GeluTanh),
    ("gelu_python_tanh", Activation::GeluTanh),
    ("gelu_fast", Activation::GeluTanh),
    ("gelu_accurate", Activation::GeluTanh),
    ("quick_gelu", Activation::QuickGelu),
    ("silu", Activation::Silu),
    ("swish", Activation::Silu),
    ("mish", Activation::Mish),
    ("sigmoid", Activation::Sigmoid),
    ("tanh", Activation::Tanh),
    ("linear", Activation::Linear),
];

impl Activation {
    /// The activation that Hugging Face calls `name`.
    pub fn from_name(name: &str) -> Option<Self> {
        NAMES.iter().find(|(known, _)| *known == name).map(|(_, activation)| *activation)
    }

    /// Applies the activation to each value. The result has the shape of `x`.
    pub fn forward<const D: usize>(self, x: Tensor<D>) -> Tensor<D> {
        match self {
            Self::Relu => relu(x),
            Self::ReluSquared => relu(x).square(),
            Self::Relu6 => x.clamp(0.0, 6.0),
            Self::LeakyRelu => leaky_relu(x, 0.01),
            Self::Gelu => gelu(x),
            Self::Gelu10 => gelu(x).clamp(-10.0, 10.0),
            Self::GeluTanh => gelu_tanh(x),
            Self::QuickGelu => x.clone() * sigmoid(x * 1.702),
            Self::Silu => silu(x),
            Self::Mish => mish(x),
            Self::Sigmoid => sigmoid(x),
            Self::Tanh => tanh(x),
            Self::Linear => x,
        }
    }
}

impl<'de> Deserialize<'de> for Activation {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        let known = NAMES.map(|(known, _)| known).join(", ");
        Self::from_name(&name)
            .ok_or_else(|| D::Error::custom(format!("no activation `{name}`; known are {known}")))
    }
}

#[cfg(test)]
mod tests {
    use burn::tensor::{Device, Tolerance};

    use super::*;

    /// Values of `ACT2FN` of transformers 5.23 at -1.5, 0.5 and 12.
    #[test]
    fn activations_are_those_of_transformers() {
        let expected = [
            ("relu2", [0.0, 0.25, 144.0]),
            ("relu6", [0.0, 0.5, 6.0]),
            ("leaky_relu", [-0.015, 0.5, 12.0]),
            ("gelu_10", [-0.100_211, 0.345_731, 10.0]),
            ("quick_gelu", [-0.108_338, 0.350_388, 12.0]),
            ("mish", [-0.298_100, 0.375_245, 12.0]),
            ("sigmoid", [0.182_426, 0.622_459, 0.999_994]),
            ("tanh", [-0.905_148, 0.462_117, 1.0]),
            ("linear", [-1.5, 0.5, 12.0]),
        ];
        for (name, expected) in expected {
            let x = Tensor::<1>::from_floats([-1.5, 0.5, 12.0], &Device::flex());
            let got = Activation::from_name(name).unwrap().forward(x).into_data();
            got.assert_approx_eq::<f32>(&expected.into(), Tolerance::absolute(1e-5));
        }
    }
}
