use std::iter::repeat_n;

use ia3_data::{Example, Target};
use ia3_models::Task;

use crate::dataset::Dataset;
use crate::error::TrainError;
use crate::feed::Feed;
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
        Self::of(&[data], |lengths, examples| lengths.add(examples, config, task), config)
    }

    /// As [`first`](Self::first), of tasks that train together ([`Trainer::many`](crate::Trainer::many)): a batch has rows of
    /// each, and the round is over when every row of every task has come. Where choices are compared, an encoder reads the
    /// input of each anew.
    ///
    /// # Errors
    ///
    /// As [`first`](Self::first).
    pub fn together(data: &[&Dataset], config: &TrainConfig, task: Task) -> Result<Self, TrainError> {
        Self::of(data, |lengths, examples| lengths.add_by_row(examples, config, task), config)
    }

    fn of(
        data: &[&Dataset],
        add: impl Fn(&mut Lengths, &[&Example]),
        config: &TrainConfig,
    ) -> Result<Self, TrainError> {
        config.check()?;
        if data.is_empty() || data.iter().any(|data| data.rows.is_empty()) {
            return Err(TrainError::NoExamples);
        }
        data.iter().try_for_each(|data| data.check())?;
        let mut feed = Feed::new(data.to_vec(), config);
        let batches = feed.batches_a_round();
        let rows = data.iter().map(|data| data.rows.len()).sum();
        let mut plan = Self { rows, batches, ..Self::default() };
        for batch in feed.batches(0, batches) {
            let mut lengths = Lengths::default();
            feed.examples(&batch).iter().for_each(|examples| add(&mut lengths, examples));
            plan.add(&lengths);
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
#[derive(Default)]
struct Lengths {
    inputs: Vec<usize>,
    targets: Vec<usize>,
}

impl Lengths {
    fn add(&mut self, examples: &[&Example], config: &TrainConfig, task: Task) {
        for example in examples {
            let (input, texts) = (example.input.len(), texts(example, config));
            match task {
                Task::CausalLm => self.inputs.extend(texts.iter().map(|text| input + text)),
                Task::SequenceClassification => self.inputs.push(input),
                Task::Seq2SeqLm => {
                    self.inputs.push(input);
                    self.targets.extend(texts);
                }
            }
        }
    }

    /// With an input for each text, where rows have their own adapters.
    fn add_by_row(&mut self, examples: &[&Example], config: &TrainConfig, task: Task) {
        self.add(examples, config, task);
        if task == Task::Seq2SeqLm {
            let more = |e: &&Example| repeat_n(e.input.len(), texts(e, config).len().saturating_sub(1));
            self.inputs.extend(examples.iter().flat_map(more));
        }
    }
}

/// Tokens of each text that is scored.
fn texts(example: &Example, config: &TrainConfig) -> Vec<usize> {
    match &example.target {
        Target::Class(_) => vec![0],
        Target::Choices { choices, .. } if config.loss.compares() => choices.iter().map(Vec::len).collect(),
        target => vec![target.tokens().map_or(0, <[i64]>::len)],
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
    fn tasks_together_share_batches_and_go_on_until_all_rows_have_come() {
        let text = |n: usize| Example { input: vec![5; n], target: vec![1].into() };
        let (few, many) = (Dataset::from(vec![text(2)]), Dataset::from(vec![text(3); 4]));
        let config = TrainConfig { batch_size: 2, ..TrainConfig::t_few() };
        let plan = EpochPlan::together(&[&few, &many], &config, Task::Seq2SeqLm).unwrap();
        // Two batches of one row of the first task and two of the second.
        assert_eq!(
            (plan.rows, plan.batches, plan.largest_inputs, plan.largest_targets),
            (5, 2, [3, 3], [3, 1])
        );
        assert_eq!((plan.tokens, plan.padded_tokens), (2 * (2 + 6 + 3), 2 * (9 + 3)));
        let alone = |data| EpochPlan::first(data, &config, Task::Seq2SeqLm).unwrap();
        assert_eq!(EpochPlan::together(&[&many], &config, Task::Seq2SeqLm).unwrap(), alone(&many));
        let none = EpochPlan::together(&[&few, &Dataset::default()], &config, Task::Seq2SeqLm);
        assert!(matches!(none, Err(TrainError::NoExamples)));
    }

    #[test]
    fn every_choice_is_a_row_of_its_own() {
        let target = Target::Choices { choices: vec![vec![1; 4], vec![1], vec![1; 2]], answer: 0 };
        let data = Dataset::from(vec![Example { input: vec![5; 3], target }]);
        let config = TrainConfig { batch_size: 1, ..TrainConfig::t_few() };
        let plan = |task| EpochPlan::first(&data, &config, task).unwrap();
        assert_eq!((plan(Task::Seq2SeqLm).tokens, plan(Task::Seq2SeqLm).padded_tokens), (10, 3 + 3 * 4));
        let by_row = EpochPlan::together(&[&data], &config, Task::Seq2SeqLm).unwrap();
        assert_eq!((by_row.tokens, by_row.largest_inputs), (3 * 3 + 7, [3, 3]));
        assert_eq!((plan(Task::CausalLm).tokens, plan(Task::CausalLm).padded_tokens), (7 + 4 + 5, 3 * 7));
    }
}
