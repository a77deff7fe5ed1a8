//! Models that mark spans: of all windows of a question, the most likely span is the answer.

use ia3_data::{Example, Span, Target};

use super::evaluation::{Evaluation, Metric};
use super::run::Run;
use super::span_search::{Found, search};
use crate::collate::collate;
use crate::error::TrainError;
use crate::metrics::squad;
use crate::ranks::{Message, Reader};

/// The result of one batch.
pub(super) struct Batch {
    /// Mean loss of the batch.
    loss: f32,
    /// Number of labels over which the loss is a mean.
    labelled: usize,
    /// The answer of each question of the batch.
    found: Vec<Option<Found>>,
}

/// The windows of one question.
type Question<'a> = Vec<&'a Span>;

/// The questions of examples, each with its windows.
fn questions<'a>(examples: impl IntoIterator<Item = &'a Example>) -> Vec<Question<'a>> {
    let mut all: Vec<Question> = vec![];
    for example in examples {
        let Target::Span(span) = &example.target else { continue };
        match all.last_mut().filter(|_| span.continues) {
            Some(question) => question.push(span),
            None => all.push(vec![span]),
        }
    }
    all
}

/// Whether a question may have no answer, as in SQuAD 2: whether one of the data has none.
pub(super) fn has_unanswerable(examples: &[Example]) -> bool {
    let none = |example: &Example| matches!(&example.target, Target::Span(span) if span.answers.is_empty());
    examples.iter().any(none)
}

pub(super) fn evaluate(run: &Run, rows: &[&Example]) -> Result<Batch, TrainError> {
    let (mut sum, mut labelled, mut logits) = (0.0, 0, vec![]);
    // A long context may have more windows than a batch has entries.
    for windows in rows.chunks(run.entries.max(1)) {
        let batch = collate(windows, &run.model, &run.device);
        let scores = run.model.forward(&batch.inputs)?;
        let loss = run.model.loss(&batch.inputs, batch.labels)?.into_scalar::<f32>();
        sum += loss * batch.labelled as f32;
        labelled += batch.labelled;
        let [_, width, _] = scores.dims();
        let scores: Vec<f32> = scores.into_data().iter().collect();
        let own = |(row, example): (&[f32], &&Example)| row[..2 * example.input.len()].to_vec();
        logits.extend(scores.chunks(2 * width).zip(windows).map(own));
    }
    let mut logits = logits.into_iter();
    let answer = |question: &Question| {
        let windows: Vec<(&Span, Vec<f32>)> = question.iter().copied().zip(logits.by_ref()).collect();
        search(&windows, run.unanswerable)
    };
    let found = questions(rows.iter().copied()).iter().map(answer).collect();
    Ok(Batch { loss: sum / labelled.max(1) as f32, labelled, found })
}

pub(super) fn summarise(run: &Run, batches: &[Batch]) -> Evaluation {
    let mut answers = vec![String::new(); run.examples.len()];
    let (mut sum, mut labelled) = (0.0, 0.0);
    for (rows, batch) in run.batches.iter().zip(batches) {
        sum += batch.labelled as f64 * f64::from(batch.loss);
        labelled += batch.labelled as f64;
        let first =
            |row: &&usize| matches!(&run.examples[**row].target, Target::Span(span) if !span.continues);
        for (&row, found) in rows.iter().filter(first).zip(&batch.found) {
            let Some(Found { window, first, last }) = *found else { continue };
            if let Some(Target::Span(span)) = run.examples.get(row + window).map(|example| &example.target) {
                answers[row] = span.text_of(first, last).unwrap_or_default().to_string();
            }
        }
    }
    let (mut found, mut right) = (vec![], vec![]);
    for (example, answer) in run.examples.iter().zip(&answers) {
        if let Target::Span(span) = &example.target
            && !span.continues
        {
            found.push(answer.clone());
            right.push(span.answers.clone());
        }
    }
    let scores = squad(&found, &right);
    Evaluation {
        examples: found.len(),
        loss: if labelled > 0.0 { sum / labelled } else { 0.0 },
        exact_match: scores.exact_match,
        metric: Metric::F1,
        score: scores.f1,
        answers,
        ..Evaluation::default()
    }
}

impl Message for Batch {
    fn write(&self, bytes: &mut Vec<u8>) {
        self.loss.write(bytes);
        self.labelled.write(bytes);
        let found = |found: &Option<Found>| {
            found.map_or(vec![], |Found { window, first, last }| vec![window, first, last])
        };
        self.found.iter().map(found).collect::<Vec<Vec<usize>>>().write(bytes);
    }

    fn read(reader: &mut Reader) -> Option<Self> {
        let (loss, labelled) = (f32::read(reader)?, usize::read(reader)?);
        let found: Vec<Vec<usize>> = Vec::read(reader)?;
        let found = found.into_iter().map(|found| match found.as_slice() {
            &[window, first, last] => Some(Found { window, first, last }),
            _ => None,
        });
        Some(Self { loss, labelled, found: found.collect() })
    }
}
