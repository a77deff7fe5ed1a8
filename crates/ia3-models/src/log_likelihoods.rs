use burn::tensor::Tensor;

/// Log-likelihoods of the texts that may follow each of several inputs.
///
/// A row is a text; rows come input by input, and within an input in the order of its texts.
#[derive(Clone, Debug)]
pub struct LogLikelihoods {
    /// `log p(token | input, tokens before)`, `[rows, tokens]`; 0 behind the end of a text.
    pub tokens: Tensor<2>,
    /// Tokens of each row's text.
    pub lengths: Vec<usize>,
    /// Texts of each input.
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
