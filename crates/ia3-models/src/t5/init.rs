use burn::nn::Initializer;

use super::config::T5Config;

/// N(0, (factor·std)²), T5's initialisation (`T5PreTrainedModel._init_weights`).
pub(crate) fn normal(config: &T5Config, std: f64) -> Initializer {
    Initializer::Normal { mean: 0.0, std: config.initializer_factor * std }
}
