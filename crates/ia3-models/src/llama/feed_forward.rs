use burn::module::Module;
use burn::nn::Linear;
use burn::tensor::{Device, Tensor};

use super::config::LlamaConfig;
use super::experts::{Routing, mixture};
use super::mlp::LlamaMLP;
use crate::delegating_module::delegating_module;
use crate::layers::linear;

/// The feed-forward layer of Qwen3-MoE: a router, and experts of which each token takes the best ones.
#[derive(Module, Debug)]
pub struct Qwen3MoeSparseMoeBlock {
    /// The router, `[d, experts]`.
    pub gate: Linear,
    /// The experts.
    pub experts: Vec<LlamaMLP>,
    #[module(skip)]
    routing: Routing,
}

/// The module `mlp` of a block: one feed-forward layer, or several with a router. The paths inside it are those of the module inside.
#[derive(Clone, Debug)]
#[allow(clippy::large_enum_variant)] // A program has few models, and their weights are behind pointers.
pub enum FeedForward {
    /// One feed-forward layer.
    Dense(LlamaMLP),
    /// Several feed-forward layers, of which each token takes some.
    Experts(Qwen3MoeSparseMoeBlock),
}

/// Evaluates an expression on the module inside.
macro_rules! each {
    ($module:expr, $inner:ident => $body:expr) => {
        match $module {
            FeedForward::Dense($inner) => $body,
            FeedForward::Experts($inner) => $body,
        }
    };
}

/// Evaluates an expression as `each!` does, and wraps the result in the same variant.
macro_rules! map_each {
    ($module:expr, $inner:ident => $body:expr) => {
        match $module {
            FeedForward::Dense($inner) => FeedForward::Dense($body),
            FeedForward::Experts($inner) => FeedForward::Experts($body),
        }
    };
}

impl FeedForward {
    /// The module of block `layer`; `None` in Mixtral, where it has another name.
    pub(super) fn new(config: &LlamaConfig, layer: usize, device: &Device) -> Option<Self> {
        let Some(experts) = config.experts_of(layer) else {
            return Some(Self::Dense(LlamaMLP::new(config, config.intermediate_size, device)));
        };
        if config.is_mixtral() {
            return None;
        }
        let gate = linear(config.hidden_size, experts.num_experts, false, config.initializer_range, device);
        let expert = |_| LlamaMLP::new(config, experts.width, device);
        let routing = Routing::new(experts);
        let experts = (0..experts.num_experts).map(expert).collect();
        Some(Self::Experts(Qwen3MoeSparseMoeBlock { gate, experts, routing }))
    }

    pub(super) fn forward(&self, x: Tensor<3>) -> Tensor<3> {
        match self {
            Self::Dense(mlp) => mlp.forward(x),
            Self::Experts(block) => mixture(&block.gate, &block.experts, block.routing, x),
        }
    }
}

delegating_module!(FeedForward, each, map_each);
