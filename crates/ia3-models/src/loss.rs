use burn::tensor::{DType, Int, Tensor};
use ia3_ops::nll;

/// The label of a position that a loss leaves out. It is PyTorch's `ignore_index`.
pub const IGNORE_INDEX: i64 = -100;

/// The mean cross entropy over all positions whose label is not [`IGNORE_INDEX`]. It is 0 if there is no such position.
///
/// The formula is `−mean log softmax(logits)[label]`, as in `torch.nn.CrossEntropyLoss`. For logits of half precision it is
/// computed in float32.
///
/// # Shapes
///
/// - `logits`: `[batch, seq, vocab]`
/// - `labels`: `[batch, seq]`
/// - returns `[1]`
pub fn cross_entropy(logits: Tensor<3>, labels: Tensor<2, Int>) -> Tensor<1> {
    row_losses(logits, labels).mean()
}

/// The cross entropy of each row of a batch.
#[derive(Clone, Debug)]
pub struct RowLosses {
    /// The sum over the positions of each row that are not ignored, `[batch]`.
    pub sums: Tensor<1>,
    /// The number of positions of each row that are not ignored, `[batch]`.
    pub counts: Tensor<1>,
}

impl RowLosses {
    /// The mean over all positions that are not ignored, `[1]`. It is 0 if there is no such position.
    pub fn mean(self) -> Tensor<1> {
        self.sums.sum() / self.counts.sum().clamp_min(1.0)
    }

    /// The sum over the groups of the mean over the positions of each group, `[1]`. This is what training minimises if each
    /// group is a batch of its own. Rows that are in no group are left out.
    ///
    /// # Panics
    ///
    /// Panics if a group names a row that does not exist.
    pub fn sum_of_means(self, groups: &[Vec<usize>]) -> Tensor<1> {
        let device = self.sums.device();
        let counts: Vec<f32> = self.counts.into_data().iter().collect();
        let mut weights = vec![0.0; counts.len()];
        for group in groups {
            let count: f32 = group.iter().map(|&row| counts[row]).sum();
            group.iter().for_each(|&row| weights[row] += 1.0 / count.max(1.0));
        }
        (self.sums * Tensor::from_floats(weights.as_slice(), &device)).sum()
    }
}

/// The cross entropy of each row, with the formula of [`cross_entropy`].
///
/// # Shapes
///
/// - `logits`: `[batch, seq, vocab]`
/// - `labels`: `[batch, seq]`
pub fn row_losses(logits: Tensor<3>, labels: Tensor<2, Int>) -> RowLosses {
    let counted = labels.clone().not_equal_scalar(IGNORE_INDEX).float();
    let by_row = |t: Tensor<2>| t.sum_dim(1).squeeze_dim(1);
    let likelihoods = label_log_likelihoods(logits, labels);
    RowLosses { sums: by_row(likelihoods).neg(), counts: by_row(counted) }
}

/// Computes `log softmax(logits)[label]` of every position. It is 0 if the label is [`IGNORE_INDEX`].
///
/// For logits of half precision it is computed in float32.
///
/// # Shapes
///
/// - `logits`: `[batch, seq, vocab]`
/// - `labels`: `[batch, seq]`
/// - returns `[batch, seq]`
pub fn label_log_likelihoods(logits: Tensor<3>, labels: Tensor<2, Int>) -> Tensor<2> {
    let logits = match logits.dtype() {
        DType::F16 | DType::BF16 => logits.cast(DType::F32),
        _ => logits,
    };
    let [batch, seq, vocab] = logits.dims();
    let losses = nll(logits.reshape([batch * seq, vocab]), labels.reshape([batch * seq]));
    losses.neg().reshape([batch, seq])
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::{Device, Tolerance};

    #[test]
    fn only_counted_positions_weigh() {
        let device = Device::flex();
        let logits = Tensor::<3>::from_floats([[[1.0, 2.0, 0.5], [9.0, -9.0, 3.0]]], &device);
        let labels = Tensor::<2, Int>::from_ints([[1, -100]], &device);
        let z = 1f32.exp() + 2f32.exp() + 0.5f32.exp();
        let expected = z.ln() - 2.0;
        let near = Tolerance::absolute(1e-6);
        let each = label_log_likelihoods(logits.clone(), labels.clone()).into_data();
        each.assert_approx_eq::<f32>(&[[-expected, 0.0]].into(), near);
        let loss = cross_entropy(logits.clone(), labels.clone()).into_data();
        loss.assert_approx_eq::<f32>(&[expected].into(), near);
        let half = cross_entropy(logits.clone().cast(DType::BF16), labels).into_data();
        half.assert_approx_eq::<f32>(&[expected].into(), near); // These logits are exact in bf16.
        let nothing = Tensor::<2, Int>::from_ints([[-100, -100]], &device);
        assert_eq!(cross_entropy(logits, nothing).into_scalar::<f32>(), 0.0);
    }
}
