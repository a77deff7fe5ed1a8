use std::path::Path;

use burn::tensor::Device;
use ia3::train::{Dataset, Example};
use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

use super::{Domain, DomainTask, Setup, accuracy, minilm, one_by_one};

/// Training rows of a domain that the search measures on instead.
const HELD_OUT: usize = 200;
/// Batches whose rows are sorted by length together.
const BUCKET: usize = 8;

/// The domain with some of its training rows as test rows; which ones is drawn once and for all.
pub fn validation(domain: &Domain) -> Domain {
    let mut rows = domain.train.clone();
    rows.shuffle(&mut ChaCha8Rng::seed_from_u64(0));
    let test = rows.split_off(rows.len().saturating_sub(HELD_OUT));
    Domain { name: domain.name, train: rows, test }
}

/// Trains an adapter for each domain with a head and an order that `seed` draws; the share of each one's test rows that it
/// classifies right.
///
/// # Errors
///
/// A folder that holds no BERT, and what training refuses.
pub fn trial(
    dir: &Path,
    setup: &Setup,
    domains: &[Domain],
    seed: u64,
    device: &Device,
) -> anyhow::Result<Vec<f64>> {
    let base = minilm(dir, setup.dropout, seed, device)?;
    let mut start = setup.adapter(&base)?;
    if setup.pooled_steps > 0 {
        let rows: Vec<Example> = domains.iter().flat_map(|domain| domain.train.clone()).collect();
        let data = Dataset::from(rows);
        let config = Setup { steps: setup.pooled_steps, ..*setup }.config(seed);
        start = one_by_one(&base, &[(start, &data)], &config.with_bucket(BUCKET))?.remove(0).adapter;
    }
    let data: Vec<Dataset> = domains.iter().map(|domain| domain.train.as_slice().into()).collect();
    let tasks: Vec<DomainTask> = data.iter().map(|data| (start.fork(), data)).collect();
    let fitted = one_by_one(&base, &tasks, &setup.config(seed).with_bucket(BUCKET))?;
    let scores = fitted.iter().zip(domains);
    scores.map(|(fitted, domain)| accuracy(&base, &fitted.adapter, &domain.test)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn validation_rows_are_training_rows_that_are_not_trained_on() {
        let row = |n: i64| Example::new(vec![n], ia3::train::Target::Class(0));
        let domain = Domain { name: "movie", train: (0..1000).map(row).collect(), test: vec![row(-1)] };
        let held = validation(&domain);
        assert_eq!((held.train.len(), held.test.len()), (800, 200));
        let mut all: Vec<i64> = held.train.iter().chain(&held.test).map(|row| row.input[0]).collect();
        all.sort();
        assert_eq!(all, (0..1000).collect::<Vec<_>>());
        assert_eq!(validation(&domain).test, held.test);
    }
}
