use burn::tensor::Device;

use super::head::Step;
use crate::activation::Activation;
use crate::layers::{dropout, linear};

/// What the layers of a head are made with.
pub(crate) struct HeadLayers<'a> {
    /// The width of the hidden states.
    pub(crate) d: usize,
    /// The standard deviation of fresh weights.
    pub(crate) std: f64,
    /// The share of the dropouts.
    pub(crate) dropout: f64,
    pub(crate) device: &'a Device,
}

impl HeadLayers<'_> {
    /// A layer `[d, d_out]` with a bias.
    pub(crate) fn linear(&self, name: &'static str, d_out: usize) -> Step {
        Step::Linear(name, linear(self.d, d_out, true, self.std, self.device))
    }

    pub(crate) fn dropped(&self, name: &'static str) -> Step {
        Step::Dropout(name, dropout(self.dropout))
    }

    /// The classifier of sequences that RoBERTa, ELECTRA and ESM have: two layers on the first token.
    pub(crate) fn dense_and_out(&self, activation: Activation, labels: usize) -> Vec<Step> {
        vec![
            Step::First,
            self.dropped("classifier.dropout"),
            self.linear("classifier.dense", self.d),
            Step::Activation(activation),
            Step::DropoutAgain,
            self.linear("classifier.out_proj", labels),
        ]
    }
}
