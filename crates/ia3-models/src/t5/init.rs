use burn::nn::Initializer;

use super::config::T5Config;

/// T5's initialisation N(0, (factor·std)²), as in `T5PreTrainedModel._init_weights` of Hugging Face.
pub(crate) fn normal(config: &T5Config, std: f64) -> Initializer {
    Initializer::Normal { mean: 0.0, std: config.initializer_factor * std }
}
