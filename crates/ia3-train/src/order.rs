use ia3_data::Example;
use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

use crate::data::target;
use crate::train::TrainConfig;

/// Batches of every example once in random order, then again; the last of a round may be smaller.
pub(crate) struct Order {
    rng: ChaCha8Rng,
    /// Target and input length of each example.
    lengths: Vec<(usize, usize)>,
    batch_size: usize,
    bucket: usize,
    round: std::vec::IntoIter<Vec<usize>>,
}

impl Order {
    pub(crate) fn new(examples: &[Example], config: &TrainConfig) -> Self {
        Self {
            rng: ChaCha8Rng::seed_from_u64(config.seed),
            lengths: examples.iter().map(|e| (target(e).len(), e.input.len())).collect(),
            batch_size: config.batch_size,
            bucket: config.bucket,
            round: vec![].into_iter(),
        }
    }

    /// Positions of the next batch's examples.
    pub(crate) fn next_batch(&mut self) -> Vec<usize> {
        loop {
            match self.round.next() {
                Some(batch) => return batch,
                None => self.round = self.new_round().into_iter(),
            }
        }
    }

    fn new_round(&mut self) -> Vec<Vec<usize>> {
        let mut shuffled: Vec<usize> = (0..self.lengths.len()).collect();
        shuffled.shuffle(&mut self.rng);
        if self.bucket > 1 {
            for bucket in shuffled.chunks_mut(self.batch_size.saturating_mul(self.bucket)) {
                bucket.sort_by_key(|&i| self.lengths[i]);
            }
        }
        let mut batches: Vec<_> = shuffled.chunks(self.batch_size).map(<[usize]>::to_vec).collect();
        if self.bucket > 1 {
            batches.shuffle(&mut self.rng);
        }
        batches
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
        let mut order = Order::new(&examples, &config);
        (0..count).map(|_| order.next_batch()).collect()
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
    fn buckets_bring_similar_lengths_together() {
        let spread = |batch: &Vec<usize>| {
            let lengths = || batch.iter().map(|i| i % 7 + 1);
            lengths().max().unwrap_or(0) - lengths().min().unwrap_or(0)
        };
        let total = |bucket| -> usize { batches(bucket, 7).iter().map(spread).sum() };
        assert!(2 * total(7) < total(1), "{} {}", total(7), total(1));
    }
}
