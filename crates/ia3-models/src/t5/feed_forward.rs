use burn::module::Module;
use burn::nn::{Dropout, DropoutConfig, Linear, LinearConfig};
use burn::tensor::{DType, Device, Tensor};
use ia3_core::Ia3Forward;

use super::config::T5Config;
use super::init::normal;
use crate::activation::Activation;
use crate::layers::dropped;

/// The feed-forward layer: `wo(act(wi(x)))`, or with a gate (v1.1) `wo(act(wi_0(x)) ⊙ wi_1(x))`.
///
/// The paper's vector on the inner activations is an input vector of `wo`.
#[derive(Module, Debug)]
pub struct T5DenseReluDense {
    /// The first matrix of a layer without a gate, `[d_model, d_ff]`.
    pub wi: Option<Linear>,
    /// The gate of a gated layer, `[d_model, d_ff]`. The activation is applied to its output.
    pub wi_0: Option<Linear>,
    /// The matrix beside the gate of a gated layer, `[d_model, d_ff]`. No activation is applied to its output.
    pub wi_1: Option<Linear>,
    /// The second matrix, `[d_ff, d_model]`; an (IA)³ target whose input is scaled.
    pub wo: Linear,
    /// The dropout on the inner activations.
    pub dropout: Dropout,
    #[module(skip)]
    activation: Activation,
}

impl T5DenseReluDense {
    pub(crate) fn new(config: &T5Config, device: &Device) -> Self {
        let linear = |d_in: usize, d_out: usize| {
            let initializer = normal(config, (d_in as f64).powf(-0.5));
            LinearConfig::new(d_in, d_out).with_bias(false).with_initializer(initializer).init(device)
        };
        let wi = |wanted: bool| wanted.then(|| linear(config.d_model, config.d_ff));
        Self {
            wi: wi(!config.is_gated),
            wi_0: wi(config.is_gated),
            wi_1: wi(config.is_gated),
            wo: linear(config.d_ff, config.d_model),
            dropout: DropoutConfig::new(config.dropout_rate).init(),
            activation: config.activation,
        }
    }

    /// `[batch, seq, d_model]` to the same shape; from float16 to float32.
    ///
    /// In float16 the product with `wo` overflows on common checkpoints, so transformers keeps `wo` in float32 there
    /// (`_keep_in_fp32_modules`) and returns float32.
    pub(crate) fn forward(&self, x: Tensor<3>) -> Tensor<3> {
        let h = dropped(&self.dropout, self.inner(x));
        let h = match (h.dtype(), self.wo.weight.base().dtype()) {
            (DType::F16, _) => h.cast(DType::F32),
            (DType::F32, _) | (_, DType::QFloat(_)) => h,
            (_, float) => h.cast(float),
        };
        self.wo.ia3_forward(h)
    }

    fn inner(&self, x: Tensor<3>) -> Tensor<3> {
        let project = |wi: &Option<Linear>, x| wi.as_ref().map(|wi| wi.ia3_forward(x));
        let activated = project(&self.wi, x.clone()).or_else(|| project(&self.wi_0, x.clone()));
        let activated = self.activation.forward(activated.unwrap_or_else(|| x.clone()));
        match project(&self.wi_1, x) {
            Some(linear) => activated * linear,
            None => activated,
        }
    }
}
