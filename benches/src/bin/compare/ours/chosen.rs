//! Whether this library chooses the tokens that another program chose.

use std::path::Path;

use anyhow::Result;
use burn::tensor::activation::log_softmax;
use burn::tensor::{Int, Tensor};
use ia3::ModelInputs;
use ia3_benches::Shape;

use super::{Ours, Settings};

/// The most probable token at every step, and the log-probability of the token that the other program chose.
pub(crate) struct Chosen {
    pub(crate) tokens: Vec<i64>,
    pub(crate) log_probabilities: Vec<f64>,
}

impl Chosen {
    /// Reads the prompt and the tokens that the other program chose after it, in float32 and under the adapter.
    pub(crate) fn after_prompt(
        shape: &'static Shape,
        dir: &Path,
        settings: Settings,
        theirs: &[i64],
    ) -> Result<Self> {
        let ours = Ours::load(shape, dir, settings)?;
        let chosen = Tensor::<1, Int>::from_ints(theirs, &ours.device).reshape([1, theirs.len()]);
        let ids = Tensor::cat(vec![ours.ids(1, shape.input), chosen.clone()], 1);
        let inputs =
            ModelInputs { attention_mask: Some(ids.ones_like()), input_ids: Some(ids), ..Default::default() };
        // The logits of a position are those of the next token.
        let first = shape.input - 1;
        let logits = ours.adapted()?.forward(&inputs)?.narrow(1, first, theirs.len());
        let tokens = logits.clone().argmax(2).into_data();
        let of_theirs = log_softmax(logits, 2).gather(2, chosen.unsqueeze_dim(2)).into_data();
        Ok(Self { tokens: tokens.iter().collect(), log_probabilities: of_theirs.iter().collect() })
    }
}
