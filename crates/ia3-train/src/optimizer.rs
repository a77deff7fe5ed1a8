use burn::optim::{AdafactorConfig, AdamWConfig, ModuleOptimizer};
use serde::{Deserialize, Serialize};

/// The optimisers of the (IA)³ recipe and of PEFT's examples.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum OptimizerConfig {
    /// `torch.optim.AdamW` with epsilon 1e-8.
    AdamW {
        /// Decay rates of the running means of the gradients and of their squares. PyTorch's defaults are 0.9 and 0.999.
        betas: (f32, f32),
        /// Decoupled weight decay. Use 0 for vectors, whose neutral value is 1 and not 0.
        weight_decay: f32,
    },
    /// Hugging Face's `Adafactor` with `relative_step=False`, `warmup_init=False` and no weight decay
    /// (arXiv 2205.05638 §3.4: with `scale_parameter`).
    Adafactor {
        /// Whether each update is scaled by the root mean square of the parameter.
        scale_parameter: bool,
    },
}

impl OptimizerConfig {
    /// AdamW with PyTorch's defaults, but without weight decay.
    pub fn adamw() -> Self {
        Self::AdamW { betas: (0.9, 0.999), weight_decay: 0.0 }
    }

    /// A new optimiser without state.
    pub fn init(&self) -> ModuleOptimizer {
        match *self {
            Self::AdamW { betas: (beta_1, beta_2), weight_decay } => AdamWConfig::new()
                .with_beta_1(beta_1)
                .with_beta_2(beta_2)
                .with_epsilon(1e-8)
                .with_weight_decay(weight_decay)
                .init(),
            Self::Adafactor { scale_parameter } => {
                AdafactorConfig::new().with_relative_step(false).with_scale_parameter(scale_parameter).init()
            }
        }
    }
}
