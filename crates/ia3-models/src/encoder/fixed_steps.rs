//! Which steps of a head can be computed for some positions alone.

use burn::nn::Embedding;
use ia3_core::is_by_row;

use super::head::{Head, Step};
use crate::state_losses::{is_fixed, is_untouched};

impl Head {
    /// The steps up to the last one that needs all positions, and the fixed steps after it.
    pub(super) fn split_fixed(&self, embedding: Option<&Embedding>) -> (&[Step], &[Step]) {
        let last = self.steps.iter().rposition(|step| !step.is_fixed(embedding));
        self.steps.split_at(last.map_or(0, |last| last + 1))
    }
}

impl Step {
    /// Whether the step computes every position for itself, and nothing in it is trained or attached by an adapter.
    fn is_fixed(&self, embedding: Option<&Embedding>) -> bool {
        match self {
            Self::Activation(_) => true,
            Self::Linear(_, layer) => is_untouched(layer) && !is_by_row(&layer.weight),
            Self::Norm(_, norm) => is_untouched(norm),
            Self::Decoder(_, decoder) => {
                let weight = embedding.is_some_and(|embedding| is_fixed(&decoder.weight, embedding));
                weight && is_untouched(&decoder.bias)
            }
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use burn::module::Module;
    use burn::nn::LinearConfig;
    use burn::tensor::Device;

    use super::*;
    use crate::activation::Activation;

    fn layer(trained: bool) -> Step {
        let layer = LinearConfig::new(2, 2).init(&Device::flex().autodiff());
        Step::Linear("layer", if trained { layer } else { layer.no_grad() })
    }

    #[test]
    fn steps_are_fixed_after_the_last_one_that_is_trained_or_joins_positions() {
        let fixed = |steps: Vec<Step>| Head { steps }.split_fixed(None).1.len();
        let activation = || Step::Activation(Activation::Gelu);
        assert_eq!(fixed(vec![layer(false), activation(), layer(false)]), 3);
        assert_eq!(fixed(vec![layer(true), activation(), layer(false)]), 2);
        assert_eq!(fixed(vec![Step::First, layer(false)]), 1);
        assert_eq!(fixed(vec![layer(false), activation(), layer(true)]), 0);
    }
}
