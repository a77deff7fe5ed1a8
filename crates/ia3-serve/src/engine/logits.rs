//! What happens to the logits of a row before a token is chosen.

use burn::tensor::{DType, Tensor, TensorData};

use super::request::{Logprob, Penalties};
use crate::probabilities::log_probabilities;

impl Penalties {
    fn is_empty(&self) -> bool {
        self.presence == 0.0 && self.frequency == 0.0 && self.bias.is_empty()
    }

    /// The logits `[1, vocab]` of the token after an answer of these tokens.
    pub(super) fn apply(&self, logits: Tensor<2>, answer: &[i64]) -> Tensor<2> {
        if self.is_empty() {
            return logits;
        }
        let (shape, device) = (logits.shape(), logits.device());
        let mut values: Vec<f32> = logits.into_data().iter().collect();
        let mut add = |id: i64, value: f32| {
            if let Some(logit) = usize::try_from(id).ok().and_then(|id| values.get_mut(id)) {
                *logit += value;
            }
        };
        answer.iter().for_each(|&id| add(id, -self.frequency));
        let mut once = answer.to_vec();
        once.sort_unstable();
        once.dedup();
        once.into_iter().for_each(|id| add(id, -self.presence));
        self.bias.iter().for_each(|&(id, bias)| add(id, bias));
        Tensor::from_data(TensorData::new(values, shape), (&device, DType::F32))
    }
}

/// The log-probabilities of `id` and of the `count` most probable tokens, the most probable first, of logits `[1, vocab]`.
pub(super) fn logprobs(logits: &Tensor<2>, id: i64, count: usize) -> (Logprob, Vec<Logprob>) {
    let logits: Vec<f32> = logits.to_data().iter().collect();
    let all: Vec<f64> = log_probabilities(&logits).collect();
    let logprob = |id: usize| Logprob { id: id as i64, logprob: all[id] as f32 };
    let mut ids: Vec<usize> = (0..logits.len()).collect();
    ids.sort_by(|&a, &b| logits[b].total_cmp(&logits[a]).then(a.cmp(&b)));
    let top = ids.into_iter().take(count).map(logprob).collect();
    (logprob(id as usize), top)
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::Device;

    #[test]
    fn penalties_are_those_of_the_api() {
        let penalties =
            Penalties { presence: 1.0, frequency: 0.5, bias: vec![(3, 2.0), (9, 1.0), (-1, 1.0)] };
        let logits = Tensor::<2>::from_floats([[1.0, 1.0, 1.0, 1.0]], &Device::flex());
        let got: Vec<f32> = penalties.apply(logits, &[1, 2, 1, 7]).into_data().iter().collect();
        assert_eq!(got, [1.0, -1.0, -0.5, 3.0]);
    }

    #[test]
    fn logprobs_are_those_of_a_softmax() {
        let logits =
            Tensor::<2>::from_floats([[0.1f32.ln(), 0.4f32.ln(), 0.2f32.ln(), 0.3f32.ln()]], &Device::flex());
        let (own, top) = logprobs(&logits, 2, 2);
        assert!((own.logprob - 0.2f32.ln()).abs() < 1e-6 && own.id == 2);
        assert_eq!(top.iter().map(|t| t.id).collect::<Vec<_>>(), [1, 3]);
        assert!((top[1].logprob - 0.3f32.ln()).abs() < 1e-6);
    }
}
