use ia3_data::Example;
use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::collate::target_ids;
use crate::train_config::TrainConfig;

/// The order of the rows of one data set: every row once per epoch, shuffled or in the order of the data. The last batch
/// of an epoch may be smaller.
///
/// What is drawn depends on the seed and the epoch alone (each epoch has its own ChaCha stream), so a position in the order
/// is a single number.
#[derive(Debug)]
pub(crate) struct EpochOrder {
    seed: u64,
    /// Number of tokens of the longest variant of each row, input and target together.
    lengths: Vec<usize>,
    /// Number of variants of each row.
    variants: Vec<usize>,
    batch_size: usize,
    shuffle: bool,
    bucket: usize,
    next: usize,
    /// The epoch that was drawn last, and its batches.
    epoch: Option<(usize, Vec<Vec<Pick>>)>,
}

/// A row, and the variant of it that was drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Pick {
    pub(crate) row: usize,
    pub(crate) variant: usize,
}

impl EpochOrder {
    pub(crate) fn new<'a>(rows: impl IntoIterator<Item = &'a [Example]>, config: &TrainConfig) -> Self {
        let length = |e: &Example| target_ids(e).len() + e.input.len();
        let longest = |row: &[Example]| row.iter().map(length).max().unwrap_or_default();
        let (lengths, variants) = rows.into_iter().map(|row| (longest(row), row.len())).unzip();
        let TrainConfig { seed, batch_size, shuffle, bucket, .. } = *config;
        Self { seed, lengths, variants, batch_size, shuffle, bucket, next: 0, epoch: None }
    }

    /// Goes to the batch `index`, counted from 0 over all epochs.
    pub(crate) fn seek(&mut self, index: usize) {
        self.next = index;
    }

    /// The next batch.
    pub(crate) fn next_picks(&mut self) -> Vec<Pick> {
        let per_epoch = self.batches_per_epoch();
        let (epoch, batch) = (self.next / per_epoch, self.next % per_epoch);
        self.next += 1;
        if self.epoch.as_ref().is_none_or(|(number, _)| *number != epoch) {
            self.epoch = Some((epoch, self.draw(epoch)));
        }
        self.epoch.as_ref().map(|(_, batches)| batches[batch].clone()).unwrap_or_default()
    }

    /// Number of batches in which every row comes up once.
    pub(crate) fn batches_per_epoch(&self) -> usize {
        self.lengths.len().div_ceil(self.batch_size)
    }

    /// The batches of an epoch.
    fn draw(&self, epoch: usize) -> Vec<Vec<Pick>> {
        let mut rng = ChaCha8Rng::seed_from_u64(self.seed);
        rng.set_stream(epoch as u64);
        let mut rows: Vec<usize> = (0..self.lengths.len()).collect();
        if self.shuffle {
            rows.shuffle(&mut rng);
        }
        if self.bucket > 1 {
            for bucket in rows.chunks_mut(self.batch_size.saturating_mul(self.bucket)) {
                bucket.sort_by_key(|&i| self.lengths[i]);
            }
        }
        let mut batches: Vec<_> = rows.chunks(self.batch_size).map(<[usize]>::to_vec).collect();
        if self.bucket > 1 {
            batches.shuffle(&mut rng);
        }
        // Drawn in the order of the rows, so that the draw does not depend on how batches are formed.
        let mut variant = |count: usize| if count > 1 { rng.random_range(0..count) } else { 0 };
        let drawn: Vec<usize> = self.variants.iter().map(|&count| variant(count)).collect();
        let pick = |row: usize| Pick { row, variant: drawn[row] };
        batches.into_iter().map(|batch| batch.into_iter().map(pick).collect()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{OptimizerConfig, Schedule};

    fn batches(bucket: usize, count: usize) -> Vec<Vec<usize>> {
        let example = |n: usize| Example::new(vec![5], vec![5; n % 7 + 1]);
        let examples: Vec<Example> = (0..26).map(example).collect();
        let config = TrainConfig::new()
            .with_steps(1)
            .with_batch_size(4)
            .with_learning_rate(1.0)
            .with_schedule(Schedule::Constant)
            .with_optimizer(OptimizerConfig::adamw())
            .with_max_grad_norm(None)
            .with_bucket(bucket)
            .with_seed(7);
        let mut order = EpochOrder::new(examples.iter().map(std::slice::from_ref), &config);
        (0..count).map(|_| order.next_picks().iter().map(|pick| pick.row).collect()).collect()
    }

    #[test]
    fn every_example_comes_once_per_epoch_and_a_seed_fixes_the_order() {
        for bucket in [1, 3] {
            let epochs = batches(bucket, 14);
            for epoch in epochs.chunks(7) {
                let mut sorted = epoch.concat();
                sorted.sort();
                assert_eq!(sorted, (0..26).collect::<Vec<_>>());
            }
            assert_ne!(epochs[..7], epochs[7..]);
            assert_eq!(batches(bucket, 14), epochs);
        }
    }

    #[test]
    fn without_shuffling_rows_come_as_they_are_in_the_data() {
        let rows: Vec<Vec<Example>> = (1..6).map(|n| vec![Example::new(vec![5; n], vec![1]); 3]).collect();
        let config = TrainConfig::new().with_batch_size(2).with_shuffle(false);
        let mut order = EpochOrder::new(rows.iter().map(Vec::as_slice), &config);
        let picks: Vec<Vec<Pick>> = (0..30).map(|_| order.next_picks()).collect();
        for epoch in picks.chunks(3) {
            let rows: Vec<Vec<usize>> =
                epoch.iter().map(|batch| batch.iter().map(|pick| pick.row).collect()).collect();
            assert_eq!(rows, [vec![0, 1], vec![2, 3], vec![4]]);
        }
        let variants: std::collections::BTreeSet<usize> =
            picks.iter().flatten().map(|pick| pick.variant).collect();
        assert_eq!(variants.len(), 3, "variants are still drawn");
    }

    #[test]
    fn a_position_is_enough_to_go_on_and_variants_are_drawn_anew_in_each_epoch() {
        let example = |n: usize| Example::new(vec![5; n], vec![1]);
        let rows: Vec<Vec<Example>> = (0..9).map(|n| (1..=n % 3 + 1).map(example).collect()).collect();
        let config = TrainConfig::new().with_batch_size(2).with_bucket(2).with_seed(7);
        let order = || EpochOrder::new(rows.iter().map(Vec::as_slice), &config);
        let mut whole = order();
        let all: Vec<Vec<Pick>> = (0..40).map(|_| whole.next_picks()).collect();
        for position in [0, 1, 4, 5, 23] {
            let mut rest = order();
            rest.seek(position);
            assert!(all[position..].iter().all(|picks| *picks == rest.next_picks()), "{position}");
        }
        let drawn = |row| {
            let of_row = all.iter().flatten().filter(|pick| pick.row == row);
            of_row.map(|pick| pick.variant).collect::<std::collections::BTreeSet<_>>()
        };
        assert_eq!([0, 1, 2].map(|row| drawn(row).len()), [1, 2, 3]);
    }

    #[test]
    fn buckets_bring_similar_lengths_together() {
        let spread = |batch: &Vec<usize>| {
            let lengths = || batch.iter().map(|i| i % 7 + 1);
            lengths().max().unwrap_or(0) - lengths().min().unwrap_or(0)
        };
        let total = |bucket| -> usize { batches(bucket, 7).iter().map(spread).sum() };
        assert!(2 * total(7) < total(1), "{} {}", total(7), total(1));
    }
}
