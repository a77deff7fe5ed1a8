//! The losses and gradients of a step.

use burn::optim::{GradientsAccumulator, GradientsParams};
use burn::tensor::Tensor;
use ia3_models::with_gradient_checkpointing;

use super::{Trainer, Values};
use crate::batches::{Batch, batch_entries};
use crate::error::TrainError;
use crate::objective::losses;
use crate::ranks::{Share, sum_over_ranks};

impl Trainer<'_> {
    /// The mean loss of the micro-batches for each task, their tokens, and the gradients of the sum of those means, over all
    /// ranks.
    pub(super) fn share(&mut self, batches: &[Batch]) -> Result<Share, TrainError> {
        let own = self.backward(batches);
        if self.ranks.size() == 1 {
            return own;
        }
        let (own, error) = own.map_or_else(|error| (None, Some(error)), |own| (Some(own), None));
        let trained = &self.now.trained;
        let sum = sum_over_ranks(own, trained.num_tasks(), &trained.model, self.ranks);
        match error {
            Some(error) => Err(error),
            None => sum?.map_err(|failed| TrainError::OtherRank { step: self.now.step + 1, failed }),
        }
    }

    /// The part of this rank.
    fn backward(&mut self, batches: &[Batch]) -> Result<Share, TrainError> {
        let count = batches.len();
        let mut sum = GradientsAccumulator::new();
        let (mut losses, mut tokens) = (vec![0.0; self.now.trained.num_tasks()], 0);
        for i in (self.ranks.rank()..count).step_by(self.ranks.size()) {
            let share = self.micro_batch(&batches[i], i, count)?;
            if count == 1 {
                return Ok(share);
            }
            losses.iter_mut().zip(share.losses).for_each(|(sum, loss)| *sum += loss);
            tokens += share.tokens;
            sum.accumulate(&self.now.trained.model, share.grads);
        }
        Ok(Share { losses, tokens, grads: sum.grads() })
    }

    /// The losses and gradients of the micro-batch `index` of `count`, divided by `count`.
    fn micro_batch(&mut self, batch: &Batch, index: usize, count: usize) -> Result<Share, TrainError> {
        let Values { step, trained, .. } = &mut self.now;
        let groups = self.batches.examples(batch);
        let entries: Vec<usize> =
            groups.iter().map(|group| batch_entries(group, &self.config.loss)).collect();
        self.device.seed(dropout_seed(self.config.seed, *step * count + index));
        let model = trained.for_entries(&entries)?;
        let compute = || losses(model, &groups, &self.config.loss);
        let of_tasks = match self.config.gradient_checkpointing {
            true => with_gradient_checkpointing(compute)?,
            false => compute()?,
        };
        let tokens = of_tasks.iter().map(|loss| loss.tokens).sum();
        let share = |total: Tensor<1>| if count > 1 { total / count as f32 } else { total };
        let parts: Vec<Tensor<1>> = of_tasks.into_iter().map(|loss| share(loss.total)).collect();
        let total = parts.iter().cloned().reduce(|a, b| a + b).ok_or(TrainError::NoTasks)?;
        let grads = GradientsParams::from_grads(total.backward(), model);
        Ok(Share { losses: Tensor::cat(parts, 0).into_data().iter::<f32>().collect(), tokens, grads })
    }
}

/// Combines both numbers so that each bit of the result depends on both (the finaliser of SplitMix64).
fn dropout_seed(seed: u64, micro_batch: usize) -> u64 {
    let mut z = seed.wrapping_add((micro_batch as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15));
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}
