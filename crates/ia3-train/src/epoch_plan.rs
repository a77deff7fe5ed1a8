use ia3_data::Example;
use ia3_models::Task;

use crate::batches::Batches;
use crate::dataset::Dataset;
use crate::error::{ExampleError, TrainError};
use crate::row_lengths::RowLengths;
use crate::train_config::TrainConfig;

/// The size of one epoch, computed before it is run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EpochPlan {
    /// Number of rows of the data.
    pub rows: usize,
    /// Number of batches in which every row comes up at least once.
    pub batches: usize,
    /// Number of tokens of all batches, without padding.
    pub tokens: usize,
    /// Number of tokens of all batches, with padding.
    pub padded_tokens: usize,
    /// `[entries, tokens]`: the most entries of a batch, and the longest input. For a decoder without an encoder the input
    /// includes the target.
    pub largest_inputs: [usize; 2],
    /// `[entries, tokens]`: the most target texts of a batch, and the longest one. `[0, 0]` for a model without a separate
    /// decoder.
    pub largest_targets: [usize; 2],
}

impl EpochPlan {
    /// The first epoch over `data`, with the batch entries that a model of `task` needs.
    ///
    /// # Errors
    ///
    /// There are no rows, a row has no variant, or a setting is out of range.
    pub fn single_task(data: &Dataset, config: &TrainConfig, task: Task) -> Result<Self, TrainError> {
        Self::of(&[data], |lengths, examples| lengths.add(examples, config, task), config)
    }

    /// The first epoch over the data of tasks that are trained at once ([`Trainer::multi_task`](crate::Trainer::multi_task)).
    ///
    /// Each batch has rows of every task, and the epoch ends when every row of every task has come up. If choices are
    /// compared, an encoder reads the input once per choice.
    ///
    /// # Errors
    ///
    /// The errors are those of [`single_task`](Self::single_task).
    pub fn multi_task(data: &[&Dataset], config: &TrainConfig, task: Task) -> Result<Self, TrainError> {
        Self::of(data, |lengths, examples| lengths.add_by_choice(examples, config, task), config)
    }

    fn of(
        data: &[&Dataset],
        add: impl Fn(&mut RowLengths, &[&Example]),
        config: &TrainConfig,
    ) -> Result<Self, TrainError> {
        config.check()?;
        if data.is_empty() || data.iter().any(|data| data.rows.is_empty()) {
            return Err(ExampleError::NoExamples.into());
        }
        data.iter().try_for_each(|data| data.check())?;
        let mut batches = Batches::new(data.to_vec(), config);
        let count = batches.per_epoch();
        let rows = data.iter().map(|data| data.rows.len()).sum();
        let mut plan = Self { rows, batches: count, ..Self::default() };
        for batch in batches.take(0, count) {
            let mut lengths = RowLengths::default();
            batches.examples(&batch).iter().for_each(|examples| add(&mut lengths, examples));
            plan.add(&lengths);
        }
        Ok(plan)
    }

    /// The share of padding among all tokens.
    pub fn padding_share(&self) -> f64 {
        1.0 - self.tokens as f64 / self.padded_tokens.max(1) as f64
    }

    fn add(&mut self, batch: &RowLengths) {
        for (lengths, largest) in
            [(&batch.inputs, &mut self.largest_inputs), (&batch.targets, &mut self.largest_targets)]
        {
            let (entries, width) = (lengths.len(), lengths.iter().copied().max().unwrap_or(0));
            self.tokens += lengths.iter().sum::<usize>();
            self.padded_tokens += entries * width;
            *largest = [largest[0].max(entries), largest[1].max(width)];
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ia3_data::Target;

    fn plan(task: Task) -> EpochPlan {
        let text = Example::new(vec![5; 3], vec![1; 2]);
        let longer = Example::new(vec![5; 5], vec![1]);
        let data = Dataset::from(vec![text, longer]);
        let config = TrainConfig::new().with_batch_size(2);
        EpochPlan::single_task(&data, &config, task).unwrap()
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
    fn an_epoch_of_several_tasks_ends_when_every_row_has_come_up() {
        let text = |n: usize| Example::new(vec![5; n], vec![1]);
        let (few, many) = (Dataset::from(vec![text(2)]), Dataset::from(vec![text(3); 4]));
        let config = TrainConfig::new().with_batch_size(2);
        let plan = EpochPlan::multi_task(&[&few, &many], &config, Task::Seq2SeqLm).unwrap();
        // Two batches of one row of the first task and two of the second.
        assert_eq!(
            (plan.rows, plan.batches, plan.largest_inputs, plan.largest_targets),
            (5, 2, [3, 3], [3, 1])
        );
        assert_eq!((plan.tokens, plan.padded_tokens), (2 * (2 + 6 + 3), 2 * (9 + 3)));
        let alone = |data| EpochPlan::single_task(data, &config, Task::Seq2SeqLm).unwrap();
        assert_eq!(EpochPlan::multi_task(&[&many], &config, Task::Seq2SeqLm).unwrap(), alone(&many));
        let none = EpochPlan::multi_task(&[&few, &Dataset::default()], &config, Task::Seq2SeqLm);
        assert!(matches!(none, Err(TrainError::Example(ExampleError::NoExamples))));
    }

    #[test]
    fn every_choice_is_a_batch_entry() {
        let target = Target::Choices { choices: vec![vec![1; 4], vec![1], vec![1; 2]], answer: 0 };
        let data = Dataset::from(vec![Example::new(vec![5; 3], target)]);
        let config = TrainConfig::new().with_batch_size(1);
        let plan = |task| EpochPlan::single_task(&data, &config, task).unwrap();
        assert_eq!((plan(Task::Seq2SeqLm).tokens, plan(Task::Seq2SeqLm).padded_tokens), (10, 3 + 3 * 4));
        let by_row = EpochPlan::multi_task(&[&data], &config, Task::Seq2SeqLm).unwrap();
        assert_eq!((by_row.tokens, by_row.largest_inputs), (3 * 3 + 7, [3, 3]));
        assert_eq!((plan(Task::CausalLm).tokens, plan(Task::CausalLm).padded_tokens), (7 + 4 + 5, 3 * 7));
    }
}
