use ia3_train::{Evaluation, Evaluator, LossConfig};

use super::examples::Examples;
use crate::error::Error;
use crate::model::Model;

/// An evaluation that is to be run, made by [`Model::evaluate`].
#[derive(Clone, Debug)]
#[must_use = "nothing is evaluated before `run`"]
pub struct Evaluate<'a> {
    model: &'a Model,
    examples: Examples,
    batch_size: usize,
    loss: LossConfig,
}

impl Model {
    /// Evaluates the model on examples; [`run`](Evaluate::run) starts it.
    ///
    /// ```
    /// # let _folder = ia3_testing::enter_sandbox();
    /// let base = ia3::Model::from_pretrained("examples/base", &ia3::Device::flex())?;
    /// let evaluation = base.evaluate([("time: 14:05", "two oh five pm"), ("number: 7", "eight")]).run()?;
    /// assert_eq!(evaluation.exact_match, 0.5);
    /// # Ok::<(), ia3::Error>(())
    /// ```
    pub fn evaluate(&self, examples: impl Into<Examples>) -> Evaluate<'_> {
        Evaluate { model: self, examples: examples.into(), batch_size: 32, loss: LossConfig::default() }
    }
}

impl Evaluate<'_> {
    /// Sets the number of batch entries at most, 32 otherwise.
    pub fn batch_size(mut self, batch_size: usize) -> Self {
        self.batch_size = batch_size;
        self
    }

    /// Sets the loss, whose `length_norm` is also that of rank classification.
    pub fn loss(mut self, loss: LossConfig) -> Self {
        self.loss = loss;
        self
    }

    /// Evaluates; [`Evaluator::run`] says what is measured. Of a row with several variants every variant counts.
    ///
    /// # Errors
    ///
    /// As [`Model::encode`], and [`Error::Train`] if there are no examples, or if the model does not produce targets of their kind.
    pub fn run(self) -> Result<Evaluation, Error> {
        let examples = self.model.encode(self.examples)?.rows.concat();
        let evaluator = Evaluator::new(self.model.module());
        Ok(evaluator.with_batch_size(self.batch_size).with_loss(self.loss).run(&examples)?)
    }
}
