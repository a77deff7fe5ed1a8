use burn::tensor::{DType, Int, Tensor};

use crate::mask;

/// How the hidden states of the tokens of a text become one vector, as sentence-transformers does it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Pooling {
    /// The mean over all real tokens.
    #[default]
    Mean,
    /// The first real token.
    Cls,
    /// The last real token.
    Last,
}

impl Pooling {
    /// Pools hidden states `[batch, seq, d]` to `[batch, d]`, in float32. `mask` `[batch, seq]` is 1 for a real token; without a
    /// mask all tokens are real.
    pub fn forward(self, states: Tensor<3>, mask: Option<&Tensor<2, Int>>) -> Tensor<2> {
        let states = states.cast(DType::F32);
        match (self, mask) {
            (Self::Mean, None) => states.mean_dim(1).squeeze_dim(1),
            (Self::Mean, Some(mask)) => {
                let weights = mask.clone().not_equal_scalar(0).int().float().unsqueeze_dim::<3>(2);
                let count = weights.clone().sum_dim(1).clamp_min(1e-9);
                ((states * weights).sum_dim(1) / count).squeeze_dim(1)
            }
            (Self::Cls, None) => states.narrow(1, 0, 1).squeeze_dim(1),
            (Self::Cls, Some(mask)) => {
                let first = mask.clone().not_equal_scalar(0).int().argmax(1);
                let [batch, _, d] = states.dims();
                states.gather(1, first.reshape([batch, 1, 1]).expand([batch, 1, d])).squeeze_dim(1)
            }
            (Self::Last, mask) => mask::last_real(states, mask).squeeze_dim(1),
        }
    }
}

/// Scales each row of `[batch, d]` to length 1. A row of zeros stays.
pub fn normalized(rows: Tensor<2>) -> Tensor<2> {
    let length = rows.clone().square().sum_dim(1).sqrt().clamp_min(1e-12);
    rows / length
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::{Device, Tolerance};

    #[test]
    fn only_real_tokens_are_pooled_with_padding_on_either_side() {
        let device = Device::flex();
        let states = Tensor::from_floats(
            [[[1.0, 2.0], [3.0, 6.0], [9.0, 9.0]], [[9.0, 9.0], [5.0, 1.0], [7.0, 3.0]]],
            &device,
        );
        let mask = Tensor::<2, Int>::from_ints([[1, 1, 0], [0, 1, 1]], &device);
        let near = Tolerance::absolute(1e-6);
        for (pooling, expected) in [
            (Pooling::Mean, [[2.0, 4.0], [6.0, 2.0]]),
            (Pooling::Cls, [[1.0, 2.0], [5.0, 1.0]]),
            (Pooling::Last, [[3.0, 6.0], [7.0, 3.0]]),
        ] {
            let pooled = pooling.forward(states.clone(), Some(&mask)).into_data();
            pooled.assert_approx_eq::<f32>(&expected.into(), near);
        }
        let unit = normalized(Tensor::from_floats([[3.0, 4.0], [0.0, 0.0]], &device)).into_data();
        unit.assert_approx_eq::<f32>(&[[0.6, 0.8], [0.0, 0.0]].into(), near);
    }
}
