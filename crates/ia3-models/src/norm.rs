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
}

impl RmsNorm {
    pub(crate) fn new(d: usize, epsilon: f64, device: &Device) -> Self {
        Self { gamma: Initializer::Ones.init([d], device), epsilon, plus_one: false }
    }

    /// A norm whose factor is `1 + gamma`, as in Gemma.
    pub(crate) fn plus_one(d: usize, epsilon: f64, device: &Device) -> Self {
        Self { gamma: Initializer::Zeros.init([d], device), epsilon, plus_one: true }
    }

    /// Normalises `x` `[.., d]` along its last axis. The result has the same shape.
    pub(crate) fn forward<const D: usize>(&self, x: Tensor<D>) -> Tensor<D> {
        if !self.plus_one {
            return ia3_ops::rms_norm(x, self.gamma.val(), self.epsilon);
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
    /// The term that is added after the product with `gamma`, `[d]`.
    pub beta: Param<Tensor<1>>,
    #[module(skip)]
    epsilon: f64,
}

impl LayerNorm {
    pub(crate) fn new(d: usize, epsilon: f64, device: &Device) -> Self {
        let init = |initializer: Initializer| initializer.init([d], device);
        Self { gamma: init(Initializer::Ones), beta: init(Initializer::Zeros), epsilon }
    }

    /// Normalises `x` `[.., d]` along its last axis. The result has the same shape.
    pub(crate) fn forward<const D: usize>(&self, x: Tensor<D>) -> Tensor<D> {
        ia3_ops::layer_norm(x, self.gamma.val(), Some(self.beta.val()), self.epsilon)
    }
}
