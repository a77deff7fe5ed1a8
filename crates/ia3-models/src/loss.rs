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
    losses_of_rows(label_log_likelihoods(logits, labels.clone()), labels)
}

pub(crate) fn losses_of_rows(likelihoods: Tensor<2>, labels: Tensor<2, Int>) -> RowLosses {
    let counted = labels.not_equal_scalar(IGNORE_INDEX).float();
    let by_row = |t: Tensor<2>| t.sum_dim(1).squeeze_dim(1);
    RowLosses { sums: by_row(likelihoods).neg(), counts: by_row(counted) }
}

/// What a model says where there are labels of tokens.
#[derive(Clone, Debug)]
pub struct TokenPredictions {
    /// The cross entropy of each row.
    pub losses: RowLosses,
    /// The most likely class of each position, `[batch, seq]`. That of a position whose label is [`IGNORE_INDEX`] means nothing.
    pub classes: Tensor<2, Int>,
}

impl TokenPredictions {
    /// Those of logits `[batch, seq, classes]` and labels `[batch, seq]`.
    pub(crate) fn of(logits: Tensor<3>, labels: Tensor<2, Int>) -> Self {
        Self { classes: logits.clone().argmax(2).squeeze_dim(2), losses: row_losses(logits, labels) }
    }
}

/// The loss of spans: half of the mean cross entropy of the first tokens, and half of that of the last ones. It is the loss of
/// `…ForQuestionAnswering` of transformers.
///
/// `logits` are `[batch, seq, 2]` and `labels` `[batch, 2]`. An end of a span is left out if it is [`IGNORE_INDEX`] or beyond the
/// input. The mean over all rows is the loss; if a row has one end only, the losses of the rows depend on the other rows, because
/// the two means are over different numbers of rows.
pub(crate) fn span_losses(logits: Tensor<3>, labels: Tensor<2, Int>) -> RowLosses {
    let [batch, seq, _] = logits.dims();
    let beyond = labels.clone().greater_equal_scalar(seq as i64);
    let labels = labels.mask_fill(beyond, IGNORE_INDEX);
    let counted = labels.clone().not_equal_scalar(IGNORE_INDEX).float();
    let losses = label_log_likelihoods(logits.swap_dims(1, 2), labels).neg();
    // Weights that make the mean over rows of both ends one of two means: 1 where every row has both ends or none.
    let of_each = counted.clone().sum_dim(0);
    let weights = (of_each.clone().mean_dim(1) / of_each.clamp_min(1.0)).expand([batch, 2]);
    let by_row = |t: Tensor<2>| t.mean_dim(1).squeeze_dim(1);
    RowLosses { sums: by_row(losses * weights), counts: by_row(counted) }
}

/// The squared error of each row, for logits and values `[batch, labels]`.
pub(crate) fn squared_losses(logits: Tensor<2>, values: Tensor<2>) -> RowLosses {
    of_elements((full(logits) - values).square())
}

/// The binary cross entropy of each row, for logits and values `[batch, labels]`: `max(x, 0) − x·y + ln(1 + exp(−|x|))`.
pub(crate) fn binary_losses(logits: Tensor<2>, values: Tensor<2>) -> RowLosses {
    let x = full(logits);
    let softplus = x.clone().abs().neg().exp().log1p();
    of_elements(x.clone().clamp_min(0.0) - x * values + softplus)
}

/// Logits of half precision in float32.
pub(crate) fn full(logits: Tensor<2>) -> Tensor<2> {
    match logits.dtype() {
        DType::F16 | DType::BF16 => logits.cast(DType::F32),
        _ => logits,
    }
}

fn of_elements(losses: Tensor<2>) -> RowLosses {
    let [batch, labels] = losses.dims();
    let counts = Tensor::full([batch], labels as f64, &losses.device());
    RowLosses { sums: losses.sum_dim(1).squeeze_dim(1), counts }
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

    /// Values of `torch.nn.BCEWithLogitsLoss` and `torch.nn.MSELoss`.
    #[test]
    fn values_have_the_losses_of_torch() {
        let device = Device::flex();
        let logits = || Tensor::<2>::from_floats([[1.5, -2.0, 0.25], [90.0, -90.0, 0.0]], &device);
        let values = || Tensor::<2>::from_floats([[1.0, 0.0, 1.0], [0.0, 1.0, 1.0]], &device);
        let near = Tolerance::absolute(1e-5);
        let binary = binary_losses(logits(), values()).mean().into_data();
        binary.assert_approx_eq::<f32>(&[30.266_24].into(), near);
        let squared = squared_losses(logits(), values()).mean().into_data();
        squared.assert_approx_eq::<f32>(&[2_731.135_4].into(), Tolerance::relative(1e-6));
    }

    /// Values of `DistilBertForQuestionAnswering`: positions beyond the input are ignored, each end for itself.
    #[test]
    fn ends_of_spans_beyond_the_input_are_left_out() {
        let device = Device::flex();
        let logits = || {
            let values = [[[1.0, 0.5], [2.0, -1.0]], [[0.0, 3.0], [0.5, 0.5]], [[1.5, 0.0], [0.0, 2.0]]];
            Tensor::<3>::from_floats(values, &device)
        };
        let loss = |ids: [[i64; 2]; 3]| {
            let losses = span_losses(logits(), Tensor::<2, Int>::from_data(ids, &device));
            losses.mean().into_scalar::<f32>()
        };
        let near =
            |found: f32, expected: f32| assert!((found - expected).abs() < 1e-6, "{found}, {expected}");
        let ce = |right: f32, other: f32| (1.0 + (other - right).exp()).ln();
        let first = (ce(2.0, 1.0) + ce(0.5, -1.0)) / 2.0;
        near(loss([[1, 0], [-100, -100], [2, 5]]), first);
        let starts = (ce(2.0, 1.0) + ce(0.0, 0.5) + ce(1.5, 0.0)) / 3.0;
        near(loss([[1, 0], [0, 2], [0, 7]]), (starts + ce(0.5, -1.0)) / 2.0);
        assert_eq!(loss([[2, 2], [-100, 3], [4, -100]]), 0.0);
    }

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
