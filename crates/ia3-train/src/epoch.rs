use ia3_data::{Example, Target};
use ia3_models::Task;

use crate::dataset::Dataset;
use crate::error::TrainError;
use crate::order::Order;
use crate::train::TrainConfig;

/// What one round over the data is, before it is made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EpochPlan {
    /// Rows of the data.
    pub rows: usize,
    /// Batches in which every row comes once.
    pub batches: usize,
    /// Real tokens of all batches.
    pub tokens: usize,
    /// Tokens of all batches with the padding.
    pub padded_tokens: usize,
    /// `[rows, tokens]` of the largest inputs of a batch; of a decoder alone, with the target behind.
    pub largest_inputs: [usize; 2],
    /// `[rows, tokens]` of the largest target texts of a batch; of a decoder alone, none.
    pub largest_targets: [usize; 2],
}

impl EpochPlan {
    /// The first round over `data`, as a model of `task` is given it.
    ///
    /// # Errors
    ///
    /// No rows, a row without a form, and impossible settings.
    pub fn first(data: &Dataset, config: &TrainConfig, task: Task) -> Result<Self, TrainError> {
        config.check()?;
        if data.rows.is_empty() {
            return Err(TrainError::NoExamples);
        }
        data.check()?;
        let mut order = Order::new(data.rows.iter().map(Vec::as_slice), config);
        let batches = order.batches_a_round();
        let mut plan = Self { rows: data.rows.len(), batches, ..Self::default() };
        for _ in 0..batches {
            let picks = order.next_picks();
            let examples: Vec<&Example> = picks.iter().map(|p| &data.rows[p.row][p.variant]).collect();
            plan.add(&Lengths::of(&examples, config, task));
        }
        Ok(plan)
    }

    /// The share of padding among all tokens.
    pub fn padding_share(&self) -> f64 {
        1.0 - self.tokens as f64 / self.padded_tokens.max(1) as f64
    }

    fn add(&mut self, batch: &Lengths) {
        for (lengths, largest) in
            [(&batch.inputs, &mut self.largest_inputs), (&batch.targets, &mut self.largest_targets)]
        {
            let (rows, width) = (lengths.len(), lengths.iter().copied().max().unwrap_or(0));
            self.tokens += lengths.iter().sum::<usize>();
            self.padded_tokens += rows * width;
            *largest = [largest[0].max(rows), largest[1].max(width)];
        }
    }
}

/// Tokens of each row of a batch.
struct Lengths {
    inputs: Vec<usize>,
    targets: Vec<usize>,
}

impl Lengths {
    fn of(examples: &[&Example], config: &TrainConfig, task: Task) -> Self {
        let texts = |e: &Example| -> Vec<usize> {
            match &e.target {
                Target::Class(_) => vec![0],
                Target::Choices { choices, .. } if config.loss.compares() => {
                    choices.iter().map(Vec::len).collect()
                }
                target => vec![target.tokens().map_or(0, <[i64]>::len)],
            }
        };
        let (mut inputs, mut targets) = (vec![], vec![]);
        for example in examples {
            let (input, texts) = (example.input.len(), texts(example));
            match task {
                Task::CausalLm => inputs.extend(texts.iter().map(|text| input + text)),
                Task::SequenceClassification => inputs.push(input),
                Task::Seq2SeqLm => {
                    inputs.push(input);
                    targets.extend(texts);
                }
            }
        }
        Self { inputs, targets }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(task: Task) -> EpochPlan {
        let text = Example { input: vec![5; 3], target: vec![1; 2].into() };
        let longer = Example { input: vec![5; 5], target: vec![1].into() };
        let data = Dataset::from(vec![text, longer]);
        let config = TrainConfig { batch_size: 2, ..TrainConfig::t_few() };
        EpochPlan::first(&data, &config, task).unwrap()
    }

    #[test]
    fn padding_is_counted_as_the_model_sees_it() {
        let two_stacks = plan(Task::Seq2SeqLm);
        let expected = EpochPlan {
            rows: 2,
            batches: 1,
            tokens: 11,
            padded_tokens: 2 * 5 + 2 * 2,
            largest_inputs: [2, 5],
            largest_targets: [2, 2],
        };
        assert_eq!(two_stacks, expected);
        assert!((two_stacks.padding_share() - 3.0 / 14.0).abs() < 1e-12);
        let one_row = plan(Task::CausalLm);
        assert_eq!((one_row.tokens, one_row.padded_tokens), (11, 2 * 6));
        assert_eq!((one_row.largest_inputs, one_row.largest_targets), ([2, 6], [0, 0]));
    }

    #[test]
    fn every_choice_is_a_row_of_its_own() {
        let target = Target::Choices { choices: vec![vec![1; 4], vec![1], vec![1; 2]], answer: 0 };
        let data = Dataset::from(vec![Example { input: vec![5; 3], target }]);
        let config = TrainConfig { batch_size: 1, ..TrainConfig::t_few() };
        let plan = |task| EpochPlan::first(&data, &config, task).unwrap();
        assert_eq!((plan(Task::Seq2SeqLm).tokens, plan(Task::Seq2SeqLm).padded_tokens), (10, 3 + 3 * 4));
        assert_eq!((plan(Task::CausalLm).tokens, plan(Task::CausalLm).padded_tokens), (7 + 4 + 5, 3 * 7));
    }
}
