//! The gradients of a step, summed over ranks.

use burn::module::{Module, ModuleVisitor, Param};
use burn::optim::GradientsParams;
use burn::tensor::{DType, Tensor, TensorData};

use super::{Communicator, Message};
use crate::error::TrainError;

/// What one rank, or all ranks together, computed of a step.
pub(crate) struct Share {
    /// For each task, the sum of the losses of the micro-batches, each divided by the number of micro-batches of the step.
    pub(crate) losses: Vec<f32>,
    /// Number of tokens, without padding.
    pub(crate) tokens: usize,
    /// The gradients of the sum of `losses`.
    pub(crate) grads: GradientsParams,
}

/// The sum of the shares of all ranks. A rank that failed passes `None`.
///
/// Two messages are exchanged. The first has the number of tokens of each rank. The second has the losses of the tasks and,
/// for each parameter, whether it has a gradient, followed by the values of that gradient. Parameters come in the order of
/// the module, which is the same on all ranks, while their ids are not.
///
/// The inner error is the number of ranks that failed. The outer error is [`TrainError::RankMessage`].
pub(crate) fn sum_over_ranks<M: Module>(
    own: Option<Share>,
    tasks: usize,
    module: &M,
    ranks: &dyn Communicator,
) -> Result<Result<Share, usize>, TrainError> {
    let (mut tokens, mut failed) = (0, 0);
    let own_tokens = own.as_ref().map(|share| share.tokens);
    for (rank, bytes) in ranks.all_gather(&own_tokens.to_bytes()).iter().enumerate() {
        match Option::<usize>::from_bytes(bytes).ok_or(TrainError::RankMessage { rank })? {
            Some(of_rank) => tokens += of_rank,
            None => failed += 1,
        }
    }
    let Some(own) = own.filter(|_| failed == 0) else { return Ok(Err(failed)) };
    let mut writer = Writer { grads: own.grads, values: own.losses };
    module.visit(&mut writer);
    let Writer { grads, mut values } = writer;
    ranks.all_reduce_sum(&mut values);
    let (losses, gradients) = values.split_at(tasks);
    let mut reader = Reader { grads, values: gradients };
    module.visit(&mut reader);
    Ok(Ok(Share { losses: losses.to_vec(), tokens, grads: reader.grads }))
}

struct Writer {
    grads: GradientsParams,
    values: Vec<f32>,
}

impl ModuleVisitor for Writer {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        if !param.is_require_grad() {
            return;
        }
        match self.grads.get::<D>(param.id) {
            Some(grad) => {
                self.values.push(1.0);
                self.values.extend(grad.cast(DType::F32).into_data().iter::<f32>());
            }
            None => self.values.resize(self.values.len() + 1 + param.base().shape().num_elements(), 0.0),
        }
    }
}

struct Reader<'a> {
    grads: GradientsParams,
    values: &'a [f32],
}

impl ModuleVisitor for Reader<'_> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        if !param.is_require_grad() {
            return;
        }
        let like = param.base().detach().without_autodiff();
        let (own, rest) = self.values.split_at(1 + like.shape().num_elements());
        self.values = rest;
        self.grads.remove::<D>(param.id);
        if own[0] > 0.0 {
            let data = TensorData::new(own[1..].to_vec(), like.shape());
            let grad = Tensor::<D>::from_data(data, (&like.device(), like.dtype()));
            self.grads.register(param.id, grad);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::module::Module;
    use burn::nn::LinearConfig;
    use burn::tensor::Device;
    use std::cell::RefCell;

    /// Rank 0 of two; the other rank sends `other` and has `other_tokens`.
    #[derive(Debug)]
    struct Two {
        other: Vec<f32>,
        other_tokens: Option<usize>,
        sent: RefCell<Vec<f32>>,
    }

    impl Two {
        fn new(other_tokens: Option<usize>, other: &[f32]) -> Self {
            Self { other: other.to_vec(), other_tokens, sent: RefCell::default() }
        }
    }

    impl Communicator for Two {
        fn rank(&self) -> usize {
            0
        }
        fn size(&self) -> usize {
            2
        }
        fn all_reduce_sum(&self, values: &mut [f32]) {
            *self.sent.borrow_mut() = values.to_vec();
            values.iter_mut().zip(&self.other).for_each(|(value, other)| *value += other);
        }
        fn all_gather(&self, bytes: &[u8]) -> Vec<Vec<u8>> {
            vec![bytes.to_vec(), self.other_tokens.to_bytes()]
        }
        fn broadcast(&self, bytes: Vec<u8>) -> Vec<u8> {
            bytes
        }
    }

    fn row(values: [f32; 2]) -> Tensor<2> {
        Tensor::from_floats([values], &Device::flex())
    }

    #[test]
    fn gradients_are_summed_and_a_gradient_that_no_rank_has_stays_absent() {
        let linear = LinearConfig::new(1, 2).init(&Device::flex()).train();
        let bias = linear.bias.as_ref().unwrap().id;
        let own = || {
            let mut grads = GradientsParams::new();
            grads.register(linear.weight.id, row([1.0, 2.0]));
            Share { losses: vec![0.5, 2.0], tokens: (1 << 24) + 1, grads }
        };
        let ranks = Two::new(Some(5), &[0.25, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]);
        let sum = sum_over_ranks(Some(own()), 2, &linear, &ranks).unwrap().unwrap_or_else(|n| panic!("{n}"));
        assert_eq!(*ranks.sent.borrow(), [0.5, 2.0, 1.0, 1.0, 2.0, 0.0, 0.0, 0.0]);
        assert_eq!((sum.losses, sum.tokens), (vec![0.75, 3.0], (1 << 24) + 6));
        assert_eq!(sum.grads.get::<2>(linear.weight.id).unwrap().into_data(), row([1.0, 2.0]).into_data());
        assert!(sum.grads.get::<1>(bias).is_none());

        let ranks = Two::new(Some(0), &[0.0, 0.0, 1.0, 3.0, 4.0, 1.0, 5.0, 6.0]);
        let sum = sum_over_ranks(Some(own()), 2, &linear, &ranks).unwrap().unwrap_or_else(|n| panic!("{n}"));
        assert_eq!(sum.grads.get::<2>(linear.weight.id).unwrap().into_data(), row([4.0, 6.0]).into_data());
        assert_eq!(sum.grads.get::<1>(bias).unwrap().into_data(), TensorData::from([5.0f32, 6.0]));
    }

    #[test]
    fn every_rank_learns_how_many_failed_and_sums_nothing() {
        let linear = LinearConfig::new(1, 2).init(&Device::flex()).train();
        let failed = |own, other| {
            let ranks = Two::new(other, &[]);
            let failed = sum_over_ranks(own, 1, &linear, &ranks).unwrap().err();
            assert!(ranks.sent.borrow().is_empty());
            failed
        };
        let own = Share { losses: vec![0.5], tokens: 7, grads: GradientsParams::new() };
        assert_eq!(failed(Some(own), None), Some(1));
        assert_eq!(failed(None, Some(7)), Some(1));
        assert_eq!(failed(None, None), Some(2));
    }
}
