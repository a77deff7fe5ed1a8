//! The terms of the loss over choices, each as a sum and the count to divide it by.

use burn::tensor::{Int, Tensor, TensorData, activation::log_softmax};
use ia3_models::LogLikelihoods;

use crate::loss_config::Unlikelihood;

/// A mean, before the division of the sum by the count.
#[derive(Clone, Debug)]
pub(crate) struct Mean {
    /// `[1]`
    pub(crate) sum: Tensor<1>,
    pub(crate) count: usize,
}

impl Mean {
    /// The mean, `[1]`; 0 if the count is 0.
    pub(crate) fn value(self) -> Tensor<1> {
        self.sum / self.count.max(1) as f64
    }
}

/// The likelihoods of the choices, and the number of the right choice of each input.
pub(crate) struct Choices<'a> {
    pub(crate) likelihoods: &'a LogLikelihoods,
    /// The right choice of each input, from 0.
    pub(crate) answers: &'a [usize],
}

impl Choices<'_> {
    /// `s = (Σ −log p) / T^length_norm` of each row, `[rows]`.
    pub(crate) fn scores(&self, length_norm: f64) -> Tensor<1> {
        let lengths = self.likelihoods.lengths.iter();
        let divisors: Vec<f32> = lengths.map(|&t| (t as f64).powf(length_norm) as f32).collect();
        self.likelihoods.sums().neg() / self.floats(divisors)
    }

    /// `L_LM`: cross entropy of the right texts per token, over all tokens of the micro-batch.
    pub(crate) fn language_modelling(&self) -> Mean {
        let right = self.right_rows();
        let count = right.iter().map(|&row| self.likelihoods.lengths[row]).sum();
        Mean { sum: self.likelihoods.sums().select(0, self.ids(&right)).sum().neg(), count }
    }

    /// `L_LN`: cross entropy per input of the right text under `softmax(−s)` over the texts of that input.
    pub(crate) fn length_normalised(&self, length_norm: f64) -> Mean {
        let (inputs, most) = (self.answers.len(), self.likelihoods.counts.iter().copied().max().unwrap_or(0));
        let row = |c: usize, rows: &std::ops::Range<usize>| (rows.start + c).min(rows.end - 1);
        let grid = |rows: std::ops::Range<usize>| (0..most).map(move |c| row(c, &rows));
        let grid: Vec<usize> = self.likelihoods.rows().flat_map(grid).collect();
        let absent = self.likelihoods.counts.iter().flat_map(|&n| (0..most).map(move |c| c >= n));
        let absent = TensorData::new(absent.collect::<Vec<_>>(), [inputs, most]);
        let absent = Tensor::from_data(absent, &self.likelihoods.tokens.device());
        // The exponential of this is 0 whatever the maximum, so an absent text has neither a share nor a gradient.
        let logits = self.scores(length_norm).neg().select(0, self.ids(&grid)).reshape([inputs, most]);
        let logits = logits.mask_fill(absent, -1e30);
        let answers = self.ids(self.answers).reshape([inputs, 1]);
        Mean { sum: log_softmax(logits, 1).gather(1, answers).sum().neg(), count: inputs }
    }

    /// `L_UL` per token of the wrong texts, without the constant that masked positions add.
    pub(crate) fn unlikelihood(&self, form: Unlikelihood) -> Mean {
        let rest = self.likelihoods.tokens.clone().exp().neg() + 1.0;
        let rest = match form {
            Unlikelihood::Authors => rest + EPSILON,
            Unlikelihood::Paper => rest.clamp_min(f32::EPSILON),
        };
        let lengths = self.wrong_lengths();
        let width = self.likelihoods.tokens.dims()[1];
        let counted = lengths.iter().flat_map(|&n| (0..width).map(move |t| f32::from(t < n)));
        let counted = self.floats(counted.collect()).reshape([lengths.len(), width]);
        Mean { sum: (rest.log() * counted).sum().neg(), count: lengths.iter().sum() }
    }

    /// The constant that masked positions add to the authors' `L_UL`.
    pub(crate) fn masked_constant(&self, form: Unlikelihood) -> f64 {
        let [rows, width] = self.likelihoods.tokens.dims();
        let counted: usize = self.wrong_lengths().iter().sum();
        match (form, counted) {
            (Unlikelihood::Paper, _) | (_, 0) => 0.0,
            (Unlikelihood::Authors, n) => -((rows * width - n) as f64) * (1.0 + EPSILON).ln() / n as f64,
        }
    }

    fn right_rows(&self) -> Vec<usize> {
        self.likelihoods.rows().zip(self.answers).map(|(rows, answer)| rows.start + answer).collect()
    }

    /// Number of tokens of each row; 0 for the rows of right texts.
    fn wrong_lengths(&self) -> Vec<usize> {
        let mut lengths = self.likelihoods.lengths.clone();
        for row in self.right_rows() {
            lengths[row] = 0;
        }
        lengths
    }

    fn floats(&self, values: Vec<f32>) -> Tensor<1> {
        Tensor::from_floats(values.as_slice(), &self.likelihoods.tokens.device())
    }

    fn ids(&self, values: &[usize]) -> Tensor<1, Int> {
        let values: Vec<i64> = values.iter().map(|&v| v as i64).collect();
        Tensor::from_ints(values.as_slice(), &self.likelihoods.tokens.device())
    }
}

/// The term that the authors add inside the logarithm.
const EPSILON: f64 = 0.01;
