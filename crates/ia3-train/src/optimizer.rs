use burn::optim::{AdafactorConfig, AdamWConfig, ModuleOptimizer};

/// The optimisers of the (IA)³ recipe and of PEFT's examples.
#[derive(Clone, Debug, PartialEq)]
pub enum OptimizerConfig {
    /// `torch.optim.AdamW` with epsilon 1e-8.
    AdamW {
        /// Decay of the running means of gradients and of their squares; PyTorch's are 0.9 and 0.999.
        betas: (f32, f32),
        /// Decoupled weight decay. 0 is right for vectors whose identity is 1.
        weight_decay: f32,
    },
    /// Hugging Face's `Adafactor` with `relative_step=False`, `warmup_init=False` and no weight decay
    /// (arXiv 2205.05638 §3.4: with `scale_parameter`).
    Adafactor {
        /// Whether a step is scaled by the parameter's root mean square.
        scale_parameter: bool,
    },
}

impl OptimizerConfig {
    /// AdamW as PyTorch has it, without weight decay.
    pub fn adamw() -> Self {
        Self::AdamW { betas: (0.9, 0.999), weight_decay: 0.0 }
    }

    /// A fresh optimiser.
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
