//! Chooses the next token of each row.

use std::borrow::Cow;

use burn::tensor::{DType, Tensor, TensorData};
use rand::SeedableRng;
use rand::distr::{Distribution, weighted::WeightedIndex};
use rand_chacha::ChaCha8Rng;

use crate::generate::{GenerationConfig, Sampling};
use crate::penalties;

/// Chooses tokens by the settings of a generation. It holds the random state of each row.
#[derive(Debug)]
pub(crate) struct Sampler<'a> {
    config: Cow<'a, GenerationConfig>,
    random: Vec<ChaCha8Rng>,
    /// The number of ids of padding at the start of each row, which are not penalised; 0 where it is missing.
    padding: Vec<usize>,
}

impl<'a> Sampler<'a> {
    pub(crate) fn new(config: Cow<'a, GenerationConfig>, rows: usize) -> Self {
        let seed = config.sampling.map_or(0, |s| s.seed);
        let stream = |row: usize| {
            let mut random = ChaCha8Rng::seed_from_u64(seed);
            random.set_stream(row as u64);
            random
        };
        Self { random: (0..rows).map(stream).collect(), config, padding: vec![] }
    }

    /// Sets the padding at the start of the rows.
    pub(crate) fn with_padding(self, padding: Vec<usize>) -> Self {
        Self { padding, ..self }
    }

    /// Chooses the token of step `index` after each of the `rows`, from `logits` `[batch, vocab]`, but none that is suppressed at
    /// this step.
    pub(crate) fn choose(&mut self, logits: Tensor<2>, rows: &[Vec<i64>], index: usize) -> Vec<i64> {
        let [batch, vocab] = logits.dims();
        let logits = self.penalised(logits, rows);
        let forbidden = self.config.forbidden(index, vocab).into_iter();
        let allowed =
            forbidden.fold(logits, |logits, id| logits.slice_fill([0..batch, id..id + 1], f32::NEG_INFINITY));
        let Some(sampling) = self.config.sampling else {
            return allowed.argmax(1).into_data().iter::<i64>().collect();
        };
        let logits: Vec<f32> = allowed.into_data().iter().collect();
        let rows = logits.chunks(vocab).zip(&mut self.random);
        rows.map(|(row, random)| draw(row, &sampling, random)).collect()
    }
}

impl Sampler<'_> {
    /// The logits with the penalties of the settings.
    fn penalised(&self, logits: Tensor<2>, rows: &[Vec<i64>]) -> Tensor<2> {
        if !penalties::are_set(&self.config) {
            return logits;
        }
        let (shape, device) = (logits.shape(), logits.device());
        let mut values: Vec<f32> = logits.into_data().iter().collect();
        for (place, (row, own)) in rows.iter().zip(values.chunks_mut(shape[1])).enumerate() {
            let padding = self.padding.get(place).copied().unwrap_or(0);
            penalties::apply(&self.config, row, padding, own);
        }
        Tensor::from_data(TensorData::new(values, shape), (&device, DType::F32))
    }
}

fn draw(logits: &[f32], sampling: &Sampling, random: &mut ChaCha8Rng) -> i64 {
    let weights = weights(logits, sampling);
    match WeightedIndex::new(weights.iter().map(|(_, weight)| *weight)) {
        Ok(distribution) => weights[distribution.sample(random)].0,
        // Only if all logits are NaN, there is nothing to draw from. argmax gives the same token in this case.
        Err(_) => 0,
    }
}

/// The tokens to draw from, with the most probable first, and their weights relative to the first.
fn weights(logits: &[f32], sampling: &Sampling) -> Vec<(i64, f64)> {
    let mut order: Vec<usize> = (0..logits.len()).collect();
    order.sort_by(|&a, &b| logits[b].total_cmp(&logits[a]));
    let first = f64::from(logits[order[0]]);
    let kept = sampling.top_k.unwrap_or(usize::MAX).min(order.len());
    let smallest = logits[order[kept - 1]];
    let top_k = order.into_iter().filter(|&id| logits[id] >= smallest);
    let weight = |id: usize| ((f64::from(logits[id]) - first) / sampling.temperature).exp();
    let weights: Vec<(i64, f64)> = top_k.map(|id| (id as i64, weight(id))).collect();
    let all: f64 = weights.iter().map(|(_, w)| w).sum();
    let mut before = 0.0;
    let within = |(_, weight): &(i64, f64)| {
        let keep =
            before < sampling.top_p * all && (before == 0.0 || *weight >= sampling.min_p.unwrap_or(0.0));
        before += weight;
        keep
    };
    weights.into_iter().take_while(within).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::Device;

    const PROBABILITIES: [f32; 4] = [0.1, 0.4, 0.2, 0.3];

    fn logits() -> [f32; 4] {
        PROBABILITIES.map(f32::ln)
    }

    fn ids(sampling: Sampling) -> Vec<i64> {
        weights(&logits(), &sampling).into_iter().map(|(id, _)| id).collect()
    }

    #[test]
    fn top_k_and_top_p_keep_the_most_probable() {
        let all = Sampling::default();
        assert_eq!(ids(all), [1, 3, 2, 0]);
        assert_eq!(ids(Sampling { top_k: Some(2), ..all }), [1, 3]);
        assert_eq!(ids(Sampling { top_p: 0.5, ..all }), [1, 3], "0.4 alone is not half");
        assert_eq!(ids(Sampling { top_p: 0.39, ..all }), [1]);
        assert_eq!(ids(Sampling { top_p: 1e-9, ..all }), [1], "one always stays");
        // Of the two most probable, renormalised to 0.57 and 0.43.
        assert_eq!(ids(Sampling { top_k: Some(2), top_p: 0.5, ..all }), [1]);
    }

    #[test]
    fn temperature_sharpens_before_the_share_is_taken() {
        // 0.4², 0.3², 0.2², 0.1²: 0.16 of 0.30 is more than half.
        assert_eq!(ids(Sampling { temperature: 0.5, top_p: 0.5, ..Sampling::default() }), [1]);
    }

    #[test]
    fn the_kept_tokens_are_those_of_transformers() {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/generation.json");
        let cases: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
        let cases = cases["warp"].as_array().unwrap();
        assert_eq!(cases.len(), 6);
        for case in cases {
            let numbers = |value: &serde_json::Value| -> Vec<f64> {
                value.as_array().unwrap().iter().filter_map(serde_json::Value::as_f64).collect()
            };
            let (logits, kept) = (numbers(&case["logits"]), numbers(&case["kept"]));
            let logits: Vec<f32> = logits.into_iter().map(|logit| logit as f32).collect();
            let settings = &case["settings"];
            let sampling = Sampling::new()
                .with_temperature(settings["temperature"].as_f64().unwrap_or(1.0))
                .with_top_k(settings["top_k"].as_u64().map(|k| k as usize))
                .with_top_p(settings["top_p"].as_f64().unwrap_or(1.0))
                .with_min_p(settings["min_p"].as_f64());
            let mut ids: Vec<i64> = weights(&logits, &sampling).into_iter().map(|(id, _)| id).collect();
            ids.sort_unstable();
            assert_eq!(ids, kept.into_iter().map(|id| id as i64).collect::<Vec<_>>(), "{settings}");
        }
    }

    #[test]
    fn draws_have_the_models_frequencies() {
        let config = GenerationConfig::new(1, vec![]).with_sampling(Sampling::new().with_seed(7));
        let mut sampler = Sampler::new(Cow::Borrowed(&config), 2);
        let logits = Tensor::<2>::from_floats([logits(), logits()], &Device::flex());
        let mut counts = [[0f32; 4]; 2];
        for _ in 0..5000 {
            for (row, token) in sampler.choose(logits.clone(), &[], 1).into_iter().enumerate() {
                counts[row][token as usize] += 1.0 / 5000.0;
            }
        }
        for row in counts {
            for (got, expected) in row.iter().zip(PROBABILITIES) {
                assert!((got - expected).abs() < 0.025, "{counts:?}");
            }
        }
        assert_ne!(counts[0], counts[1], "rows draw from streams of their own");
    }

    #[test]
    fn one_row_of_a_batch_draws_what_it_draws_alone() {
        let config = GenerationConfig::new(1, vec![]).with_sampling(Sampling::new().with_seed(3));
        let (mut alone, mut both) =
            (Sampler::new(Cow::Borrowed(&config), 1), Sampler::new(Cow::Borrowed(&config), 2));
        let row = Tensor::<2>::from_floats([logits()], &Device::flex());
        let rows = Tensor::cat(vec![row.clone(), row.clone() * 0.1], 0);
        for _ in 0..50 {
            assert_eq!(alone.choose(row.clone(), &[], 1)[0], both.choose(rows.clone(), &[], 1)[0]);
        }
    }
}
