use burn::tensor::Tensor;

/// The log-likelihoods of the texts after each of several inputs.
///
/// Each text is a row. The rows are ordered by input, and within an input by text.
#[derive(Clone, Debug)]
pub struct LogLikelihoods {
    /// `log p(token | input, tokens before)`, `[rows, tokens]`. The values after the end of a text are 0.
    pub tokens: Tensor<2>,
    /// The number of tokens of the text of each row.
    pub lengths: Vec<usize>,
    /// The number of texts of each input.
    pub counts: Vec<usize>,
}

impl LogLikelihoods {
    /// `log p(text | input)` of each row, `[rows]`.
    pub fn sums(&self) -> Tensor<1> {
        self.tokens.clone().sum_dim(1).squeeze_dim(1)
    }

    /// The rows of each input.
    pub fn rows(&self) -> impl Iterator<Item = std::ops::Range<usize>> {
        self.counts.iter().scan(0, |end, count| {
            *end += count;
            Some(*end - count..*end)
        })
    }
}
