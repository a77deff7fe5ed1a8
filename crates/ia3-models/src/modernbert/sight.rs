use burn::tensor::Tensor;

use crate::mask;

/// Which tokens the tokens of a layer see.
#[derive(Clone)]
pub(super) struct Sight {
    /// What is added to the scores, `[batch or 1, 1, queries or 1, keys]`; `None` if every token sees every other.
    pub(super) bias: Option<Tensor<4>>,
    /// 0 for a token that sees none and 1 for others, `[batch, 1, seq, 1]`. Padding that is farther than a window from the last
    /// real token sees none. Its attention is 0, as in transformers, where losses of question answering depend on it.
    pub(super) sees: Option<Tensor<4>>,
}

impl Sight {
    /// For states `x` `[batch, seq, d]`, with a window that reaches so far to each side, if any.
    pub(super) fn new(window: Option<usize>, padding: Option<Tensor<4>>, x: &Tensor<3>) -> Self {
        let [_, seq, _] = x.dims();
        let around = window.filter(|reach| reach + 1 < seq);
        let around = around.map(|reach| mask::around(seq, reach, &x.device(), x.dtype()));
        match (padding, around) {
            (Some(padding), Some(around)) => {
                let bias = padding + around;
                let sees = bias.clone().max_dim(3).greater_equal_elem(0.0).float().cast(x.dtype());
                Self { bias: Some(bias), sees: Some(sees) }
            }
            (padding, around) => Self { bias: padding.or(around), sees: None },
        }
    }
}
