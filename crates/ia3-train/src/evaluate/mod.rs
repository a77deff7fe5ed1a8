//! How well a model does on examples.

mod choices;
mod class;
mod entities;
mod evaluation;
mod quartiles;
mod run;
mod similar_length;
mod span_search;
mod spans;
mod text;
mod token_classes;
mod values;

use burn::module::Module;
use ia3_data::Example;
use ia3_models::Model;

use self::run::Run;
use crate::error::TrainError;
use crate::loss_config::LossConfig;
use crate::ranks::{Alone, Communicator, Message};
use crate::target_kind::{TargetKind, check};

pub use entities::{EntityScores, entity_scores};
pub use evaluation::{Evaluation, MeanScores, Metric};
pub use quartiles::Quartiles;

/// An evaluation of a model: builder of one call of [`run`](Self::run).
///
/// ```
/// use burn::tensor::Device;
/// use ia3_models::ModelConfig;
/// use ia3_train::{Evaluator, Example, LossConfig};
///
/// let config = r#"{"model_type": "t5", "vocab_size": 12, "d_model": 8, "d_kv": 4, "d_ff": 8, "num_layers": 1, "num_heads": 2}"#;
/// let model = ModelConfig::from_json(config)?.init(&Device::flex());
/// let examples = [Example::new(vec![2, 1], vec![3, 1])];
///
/// let loss = LossConfig::new().with_length_norm(0.0);
/// let evaluation = Evaluator::new(&model).with_batch_size(8).with_loss(loss).run(&examples)?;
/// println!("loss {:.4}, exact match {:.1} %", evaluation.loss, 100.0 * evaluation.exact_match);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Evaluator<'a> {
    label_names: &'a [String],
    model: &'a Model,
    batch_size: usize,
    loss: LossConfig,
    ranks: &'a dyn Communicator,
}

impl<'a> Evaluator<'a> {
    /// An evaluation of `model` in batches of at most 32 entries, with the default [`LossConfig`], by one process.
    pub fn new(model: &'a Model) -> Self {
        Self { label_names: &[], model, batch_size: 32, loss: LossConfig::new(), ranks: &Alone }
    }

    /// Sets the maximum number of batch entries. An example has one entry, or one per choice; the entries of one example
    /// stay together, even if they are more. So do the windows of one question, which are computed in several passes then.
    pub fn with_batch_size(self, batch_size: usize) -> Self {
        Self { batch_size, ..self }
    }

    /// Sets the loss that is reported, and the exponent of the scores by which choices are ranked.
    pub fn with_loss(self, loss: LossConfig) -> Self {
        Self { loss, ..self }
    }

    /// Sets the names of the classes of tokens, such as `B-PER`, by which entities are found. Without names, or without the
    /// form `B-…`, each token is an entity of its class.
    pub fn with_label_names(self, label_names: &'a [String]) -> Self {
        Self { label_names, ..self }
    }

    /// Shares the batches among the processes of `ranks`: rank `r` of `n` computes the batches `r`, `r + n`, …
    ///
    /// Every rank gets the whole result. It equals that of one process to the bit, if the ranks compute the same numbers:
    /// the batches are the same, and their results are added in the same order. All ranks have to pass the same model,
    /// examples and settings.
    pub fn with_ranks(self, ranks: &'a dyn Communicator) -> Self {
        Self { ranks, ..self }
    }

    /// Computes the loss and the share of right answers.
    ///
    /// The answer of the model is the greedy generation if the targets are texts, and the most likely class of a
    /// classifier, of the input or of each token. Values are the numbers of a regression, or the classes whose probability is
    /// more than one half. If the targets are choices, it is the choice with the lowest score (rank classification,
    /// arXiv 2205.05638 §3.2 and §4.1). Examples of similar length share a batch.
    ///
    /// If the targets are spans, the answer to a question is the most likely span of at most 30 tokens over all windows of its
    /// context, as transformers' run_qa finds it. Where a question of the data has no answer, there may be none: the first token
    /// is then a span too, whose score has to be beaten in every window.
    ///
    /// # Errors
    ///
    /// There are no examples, the targets are of different kinds or of a kind that the model does not produce, a setting is
    /// out of range, or the model refuses an input. [`TrainError::OtherRankEvaluation`] if another rank failed.
    pub fn run(&self, examples: &[Example]) -> Result<Evaluation, TrainError> {
        self.run_with(examples, |_, _| ())
    }

    /// As [`run`](Self::run). `on_batch` is called after each batch that this process computes, with the positions of its
    /// examples and the evaluation of these examples alone, whose answers are in their order.
    ///
    /// # Errors
    ///
    /// The errors are those of [`run`](Self::run).
    pub fn run_with(
        &self,
        examples: &[Example],
        mut on_batch: impl FnMut(&[usize], &Evaluation),
    ) -> Result<Evaluation, TrainError> {
        self.loss.check()?;
        let kind = check(examples, self.model)?;
        let run = Run {
            model: self.model.valid(),
            device: self.model.devices().first().cloned().unwrap_or_default(),
            examples,
            batches: similar_length::batches(examples, self.batch_size),
            entries: self.batch_size,
            loss: &self.loss,
            label_names: self.label_names,
            unanswerable: spans::has_unanswerable(examples),
        };
        match kind {
            TargetKind::Text => self.whole(&run, text::evaluate, text::summarise, &mut on_batch),
            TargetKind::Class | TargetKind::Pairs => {
                self.whole(&run, class::evaluate, class::summarise, &mut on_batch)
            }
            TargetKind::Values => self.whole(&run, values::evaluate, values::summarise, &mut on_batch),
            TargetKind::TokenClasses => {
                self.whole(&run, token_classes::evaluate, token_classes::summarise, &mut on_batch)
            }
            TargetKind::Span => self.whole(&run, spans::evaluate, spans::summarise, &mut on_batch),
            TargetKind::Choices => self.whole(&run, choices::evaluate, choices::summarise, &mut on_batch),
        }
    }
}

impl Evaluator<'_> {
    /// Computes all batches and what they say together.
    fn whole<T: Message>(
        &self,
        run: &Run,
        evaluate: impl Fn(&Run, &[&Example]) -> Result<T, TrainError>,
        summarise: impl Fn(&Run, &[T]) -> Evaluation,
        on_batch: &mut dyn FnMut(&[usize], &Evaluation),
    ) -> Result<Evaluation, TrainError> {
        let report = |rows: &[usize], batch: &T| {
            let own: Vec<Example> = rows.iter().map(|&row| run.examples[row].clone()).collect();
            on_batch(rows, &summarise(&run.of_batch(&own), std::slice::from_ref(batch)));
        };
        Ok(summarise(run, &run.by_ranks(self.ranks, evaluate, report)?))
    }
}

/// Evaluates `model` in batches of at most `batch_size` entries: [`Evaluator`] with its other settings at their defaults.
///
/// # Errors
///
/// The errors are those of [`Evaluator::run`].
pub fn evaluate(model: &Model, examples: &[Example], batch_size: usize) -> Result<Evaluation, TrainError> {
    Evaluator::new(model).with_batch_size(batch_size).run(examples)
}
