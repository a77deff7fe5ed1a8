use ia3_data::Example;
use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::data::target;
use crate::train::TrainConfig;

/// Batches of every row once in random order (or in that of the data), then again; the last of a round may be smaller.
///
/// What is drawn is a function of seed and round (each round has a ChaCha stream of its own), so the position is a number.
#[derive(Debug)]
pub(crate) struct Order {
    seed: u64,
    /// Tokens of each row's longest variant, with the target.
    lengths: Vec<usize>,
    /// How many variants each row has.
    variants: Vec<usize>,
    batch_size: usize,
    shuffle: bool,
    bucket: usize,
    next: usize,
    round: Option<(usize, Vec<Vec<Pick>>)>,
}

/// A row, and the variant of it that was drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Pick {
    pub(crate) row: usize,
    pub(crate) variant: usize,
}

impl Order {
    pub(crate) fn new<'a>(rows: impl IntoIterator<Item = &'a [Example]>, config: &TrainConfig) -> Self {
        let length = |e: &Example| target(e).len() + e.input.len();
        let longest = |row: &[Example]| row.iter().map(length).max().unwrap_or_default();
        let (lengths, variants) = rows.into_iter().map(|row| (longest(row), row.len())).unzip();
        let TrainConfig { seed, batch_size, shuffle, bucket, .. } = *config;
        Self { seed, lengths, variants, batch_size, shuffle, bucket, next: 0, round: None }
    }

    /// Goes to the batch `index`, counted from 0 over all rounds.
    pub(crate) fn seek(&mut self, index: usize) {
        self.next = index;
    }

    /// The next batch.
    pub(crate) fn next_picks(&mut self) -> Vec<Pick> {
        let per_round = self.batches_a_round();
        let (round, batch) = (self.next / per_round, self.next % per_round);
        self.next += 1;
        if self.round.as_ref().is_none_or(|(number, _)| *number != round) {
            self.round = Some((round, self.draw(round)));
        }
        self.round.as_ref().map(|(_, batches)| batches[batch].clone()).unwrap_or_default()
    }

    /// Batches in which every row comes once.
    pub(crate) fn batches_a_round(&self) -> usize {
        self.lengths.len().div_ceil(self.batch_size)
    }

    fn draw(&self, round: usize) -> Vec<Vec<Pick>> {
        let mut rng = ChaCha8Rng::seed_from_u64(self.seed);
        rng.set_stream(round as u64);
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
        // In the order of the rows, so that the draw does not depend on how batches are made.
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
        let example = |n: usize| Example { input: vec![5], target: vec![5; n % 7 + 1].into() };
        let examples: Vec<Example> = (0..26).map(example).collect();
        let config = TrainConfig {
            steps: 1,
            batch_size: 4,
            learning_rate: 1.0,
            schedule: Schedule::Constant,
            optimizer: OptimizerConfig::adamw(),
            max_grad_norm: None,
            bucket,
            seed: 7,
            ..TrainConfig::default()
        };
        let mut order = Order::new(examples.iter().map(std::slice::from_ref), &config);
        (0..count).map(|_| order.next_picks().iter().map(|pick| pick.row).collect()).collect()
    }

    #[test]
    fn every_example_comes_once_a_round_and_a_seed_fixes_the_order() {
        for bucket in [1, 3] {
            let rounds = batches(bucket, 14);
            for round in rounds.chunks(7) {
                let mut sorted = round.concat();
                sorted.sort();
                assert_eq!(sorted, (0..26).collect::<Vec<_>>());
            }
            assert_ne!(rounds[..7], rounds[7..]);
            assert_eq!(batches(bucket, 14), rounds);
        }
    }

    #[test]
    fn without_shuffling_rows_come_as_they_are_in_the_data() {
        let rows: Vec<Vec<Example>> =
            (1..6).map(|n| vec![Example { input: vec![5; n], target: vec![1].into() }; 3]).collect();
        let config = TrainConfig { batch_size: 2, shuffle: false, ..TrainConfig::default() };
        let mut order = Order::new(rows.iter().map(Vec::as_slice), &config);
        let picks: Vec<Vec<Pick>> = (0..30).map(|_| order.next_picks()).collect();
        for round in picks.chunks(3) {
            let rows: Vec<Vec<usize>> =
                round.iter().map(|batch| batch.iter().map(|pick| pick.row).collect()).collect();
            assert_eq!(rows, [vec![0, 1], vec![2, 3], vec![4]]);
        }
        let variants: std::collections::BTreeSet<usize> =
            picks.iter().flatten().map(|pick| pick.variant).collect();
        assert_eq!(variants.len(), 3, "variants are still drawn");
    }

    #[test]
    fn a_position_is_enough_to_go_on_and_variants_are_drawn_anew_each_round() {
        let example = |n: usize| Example { input: vec![5; n], target: vec![1].into() };
        let rows: Vec<Vec<Example>> = (0..9).map(|n| (1..=n % 3 + 1).map(example).collect()).collect();
        let config = TrainConfig { batch_size: 2, bucket: 2, seed: 7, ..TrainConfig::default() };
        let order = || Order::new(rows.iter().map(Vec::as_slice), &config);
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
