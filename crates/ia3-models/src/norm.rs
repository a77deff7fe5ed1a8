use burn::module::{Module, Param};
use burn::nn::Initializer;
use burn::tensor::{DType, Device, Tensor};

/// An RMS norm with the parameters of burn's `RmsNorm`, computed by [`ia3_ops::rms_norm`].
#[derive(Module, Debug)]
pub struct RmsNorm {
    /// The factor of the normalised features, `[d]`. In Gemma, the factor is one more than this.
    pub gamma: Param<Tensor<1>>,
    #[module(skip)]
    epsilon: f64,
    #[module(skip)]
    plus_one: bool,
    #[module(skip)]
    float32_states: bool,
}

impl RmsNorm {
    /// With `float32_states` the result is float32, otherwise it has the dtype of `gamma`.
    pub(crate) fn new(d: usize, epsilon: f64, float32_states: bool, device: &Device) -> Self {
        Self { gamma: Initializer::Ones.init([d], device), epsilon, plus_one: false, float32_states }
    }

    /// A norm whose factor is `1 + gamma`, as in Gemma.
    pub(crate) fn plus_one(d: usize, epsilon: f64, float32_states: bool, device: &Device) -> Self {
        Self { gamma: Initializer::Zeros.init([d], device), epsilon, plus_one: true, float32_states }
    }

    /// Normalises `x` `[.., d]` along its last axis. The result has the same shape.
    pub(crate) fn forward<const D: usize>(&self, x: Tensor<D>) -> Tensor<D> {
        if !self.plus_one {
            let gamma = self.gamma.val();
            let gamma = if self.float32_states { gamma.cast(DType::F32) } else { gamma };
            return ia3_ops::rms_norm(x, gamma, self.epsilon);
        }
        // The sum and the product with it are float32 in half precision too, as in transformers.
        let dtype = x.dtype();
        let wide = if dtype == DType::F64 { dtype } else { DType::F32 };
        ia3_ops::rms_norm(x, self.gamma.val().cast(wide) + 1.0, self.epsilon).cast(dtype)
    }
}

/// A layer norm with the parameters of burn's `LayerNorm`, computed by [`ia3_ops::layer_norm`].
#[derive(Module, Debug)]
pub struct LayerNorm {
    /// The factor of the normalised features, `[d]`.
    pub gamma: Param<Tensor<1>>,
    /// The term that is added after the product with `gamma`, `[d]`. ModernBERT's norms have none.
    pub beta: Option<Param<Tensor<1>>>,
    #[module(skip)]
    epsilon: f64,
}

impl LayerNorm {
    pub(crate) fn new(d: usize, epsilon: f64, device: &Device) -> Self {
        let beta = Some(Initializer::Zeros.init([d], device));
        Self { beta, ..Self::without_beta(d, epsilon, device) }
    }

    pub(crate) fn without_beta(d: usize, epsilon: f64, device: &Device) -> Self {
        Self { gamma: Initializer::Ones.init([d], device), beta: None, epsilon }
    }

    /// Normalises `x` `[.., d]` along its last axis. The result has the same shape.
    pub(crate) fn forward<const D: usize>(&self, x: Tensor<D>) -> Tensor<D> {
        ia3_ops::layer_norm(x, self.gamma.val(), self.beta.as_ref().map(Param::val), self.epsilon)
    }
}
