use burn::tensor::{Int, Tensor};
use ia3_core::assert_all_touched;

use super::body::{EncoderBody, EncoderConfig};
use super::model::Encoder;
use crate::error::ModelError;
use crate::inputs::{ModelInputs, check_choices, check_labels, required};
use crate::loss::{RowLosses, TokenPredictions, row_losses, span_losses};
use crate::output::Trace;
use crate::sequence_losses;
use crate::state_losses::{Projection, state_losses, state_predictions};
use crate::task::Task;

impl<B: EncoderBody> Encoder<B> {
    /// The loss over all rows; see [`row_losses`](Self::row_losses).
    ///
    /// # Errors
    ///
    /// The errors are those of [`row_losses`](Self::row_losses).
    pub fn loss(&self, inputs: &ModelInputs, labels: Tensor<2, Int>) -> Result<Tensor<1>, ModelError> {
        Ok(self.row_losses(inputs, labels)?.mean())
    }

    /// The loss of each row. `labels` are the classes: `[batch, 1]` of sequences, or `[batch, seq]` of tokens. For a model that
    /// answers questions they are `[batch, 2]`, the first and the last token of the span; for a masked language model
    /// `[batch, seq]`, the tokens that the mask hides; and for a model that chooses `[batch, 1]`, the right choices. What is
    /// [`IGNORE_INDEX`](crate::IGNORE_INDEX) is left out, and so is an end of a span beyond the input.
    ///
    /// # Errors
    ///
    /// - The errors of [`forward`](Self::forward).
    /// - [`ModelError::Unsupported`]: the model has no such loss, because it has no head, or because its labels are values,
    ///   which [`value_losses`](Self::value_losses) takes.
    pub fn row_losses(&self, inputs: &ModelInputs, labels: Tensor<2, Int>) -> Result<RowLosses, ModelError> {
        let head = self.config.head();
        let (shape, classes) = match head.task {
            Task::FeatureExtraction => return self.unsupported("without a head has no loss"),
            Task::SequenceClassification => {
                let logits = || self.forward(inputs);
                return sequence_losses::class_losses(head, self.config.model_type(), labels, logits);
            }
            task => self.labels_of_tokens(task, inputs)?,
        };
        check_labels(&labels, shape, classes)?;
        match head.task {
            Task::MaskedLm => self.by_hidden_token(inputs, |x, head| state_losses(x, labels, head)),
            Task::QuestionAnswering => Ok(span_losses(self.forward(inputs)?, labels)),
            _ => Ok(row_losses(self.forward(inputs)?, labels)),
        }
    }

    /// The losses of labels `[batch, seq]`, and the most likely class of each token that has one. The logits of a masked language
    /// model are computed for these tokens only. No gradient is computed.
    ///
    /// # Errors
    ///
    /// - The errors of [`forward`](Self::forward).
    /// - [`ModelError::Unsupported`]: the model is no classifier of tokens and no masked language model.
    pub fn token_predictions(
        &self,
        inputs: &ModelInputs,
        labels: Tensor<2, Int>,
    ) -> Result<TokenPredictions, ModelError> {
        let task = self.config.head().task;
        if !matches!(task, Task::MaskedLm | Task::TokenClassification) {
            return self.unsupported("has no classes of tokens");
        }
        let (shape, classes) = self.labels_of_tokens(task, inputs)?;
        check_labels(&labels, shape, classes)?;
        match task {
            Task::MaskedLm => self.by_hidden_token(inputs, |x, head| state_predictions(x, labels, head)),
            _ => Ok(TokenPredictions::of(self.forward(inputs)?, labels)),
        }
    }

    /// What `f` makes of the states of a masked language model. The fixed steps at the end of the head are its projection, which can
    /// be computed for some tokens only.
    fn by_hidden_token<T>(
        &self,
        inputs: &ModelInputs,
        f: impl FnOnce(Tensor<3>, &Projection) -> T,
    ) -> Result<T, ModelError> {
        let (first, fixed) = self.head.split_fixed(self.body.word_embeddings());
        let compute = |steps, x| self.answer(steps, x, None).logits;
        let x = compute(first, self.states(inputs, Trace::default())?);
        let project = |x| compute(fixed, x);
        let vocab_size = self.config.vocab_size();
        let head = Projection { project: &project, is_fixed: !fixed.is_empty(), vocab_size };
        let result = f(x, &head);
        assert_all_touched(self);
        Ok(result)
    }

    /// The loss of each row of a regression or of a classification with several labels per row. `values` `[batch, num_labels]`
    /// are the numbers, or 1 for each class that the row has and 0 for each other class.
    ///
    /// # Errors
    ///
    /// - The errors of [`forward`](Self::forward).
    /// - [`ModelError::Unsupported`]: the labels of the model are no values.
    pub fn value_losses(&self, inputs: &ModelInputs, values: Tensor<2>) -> Result<RowLosses, ModelError> {
        let head = self.config.head();
        if head.task != Task::SequenceClassification {
            return self.unsupported("has labels that are classes, not values");
        }
        let logits = || self.forward(inputs);
        sequence_losses::value_losses(head, self.config.model_type(), values, logits)
    }

    /// The shape of the labels and the number of their classes, for a task whose labels are of tokens or of choices.
    fn labels_of_tokens(&self, task: Task, inputs: &ModelInputs) -> Result<([usize; 2], usize), ModelError> {
        let [batch, seq] = required("input_ids", &inputs.input_ids)?.dims();
        Ok(match task {
            // A position beyond the input is left out, as in transformers.
            Task::QuestionAnswering => ([batch, 2], i64::MAX as usize),
            Task::MultipleChoice => {
                let choices = check_choices(batch, inputs.num_choices)?;
                ([batch / choices, 1], choices)
            }
            Task::MaskedLm => ([batch, seq], self.config.vocab_size()),
            _ => ([batch, seq], self.config.head().count()),
        })
    }

    pub(super) fn unsupported<T>(&self, problem: &'static str) -> Result<T, ModelError> {
        Err(ModelError::Unsupported { model_type: self.config.model_type().into(), problem })
    }
}
