//! Attention with linear biases (ALiBi, arXiv 2108.12409), as Hugging Face's `build_alibi_tensor` of each model computes it.

use burn::tensor::{Int, Tensor, TensorData};
use half::bf16;

/// How a model adds the biases to its scores.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Alibi {
    /// As they are (Bloom).
    Plain,
    /// With slopes, positions and products rounded to bfloat16, whatever the dtype of the model is, and divided by `√d_head`
    /// (Falcon).
    Rounded {
        /// The width of a head.
        d_head: usize,
    },
}

impl Alibi {
    /// The bias on the scores of `heads` heads, `[batch or 1, heads, 1, keys]`: `slope · position`. The position of a key is
    /// the number of real tokens before it in its row.
    pub(crate) fn bias(self, mask: &Tensor<2, Int>, heads: usize) -> Tensor<4> {
        let device = &mask.device();
        let [batch, keys] = mask.dims();
        let mask: Vec<i64> = mask.to_data().iter().collect();
        let slopes = slopes(heads).map(|slope| self.round(slope)).collect::<Vec<_>>();
        let mut bias = Vec::with_capacity(batch * heads * keys);
        for row in mask.chunks(keys) {
            let positions: Vec<f32> = positions(row).map(|position| self.round(position)).collect();
            for slope in &slopes {
                bias.extend(positions.iter().map(|position| self.round(slope * position) / self.divisor()));
            }
        }
        Tensor::from_data(TensorData::new(bias, [batch, heads, 1, keys]), device)
    }

    fn round(self, x: f32) -> f32 {
        match self {
            Self::Plain => x,
            Self::Rounded { .. } => bf16::from_f32(x).to_f32(),
        }
    }

    fn divisor(self) -> f32 {
        match self {
            Self::Plain => 1.0,
            Self::Rounded { d_head } => (d_head as f32).sqrt(),
        }
    }
}

fn positions(mask: &[i64]) -> impl Iterator<Item = f32> {
    let mut seen = 0;
    mask.iter().map(move |&real| {
        seen += real;
        ((seen - 1) * real) as f32
    })
}

/// The slopes of the heads. For the first `n` heads, where `n` is the largest power of two that is not above the number of
/// heads, they are `2^(−8i/n)`. The other heads have every other slope of a model with `2n` heads.
fn slopes(heads: usize) -> impl Iterator<Item = f32> {
    let n = 1 << heads.ilog2();
    let base = |n: usize| (-(-((n as f64).log2() - 3.0)).exp2()).exp2() as f32;
    let first = (1..=n as i32).map(move |i| base(n).powi(i));
    first.chain((0..(heads - n) as i32).map(move |i| base(2 * n).powi(2 * i + 1)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slopes_are_those_of_the_paper() {
        let eight: Vec<f32> = slopes(8).collect();
        assert_eq!(eight, [0.5, 0.25, 0.125, 0.0625, 0.03125, 0.015_625, 0.007_812_5, 0.003_906_25]);
        let twelve: Vec<f32> = slopes(12).collect();
        assert_eq!(twelve[..8], eight);
        let between = [-0.5f32, -1.5, -2.5, -3.5].map(f32::exp2);
        twelve[8..].iter().zip(between).for_each(|(got, expected)| assert!((got - expected).abs() < 1e-6));
    }

    #[test]
    fn a_plain_bias_is_not_rounded() {
        let mask = Tensor::<2, Int>::from_ints([[0, 1, 1, 1]], &burn::tensor::Device::flex());
        let of = |alibi: Alibi| alibi.bias(&mask, 3).to_data().iter::<f32>().collect::<Vec<_>>();
        // The third head has the first slope of a model with four heads, 2^-2.
        assert_eq!(of(Alibi::Plain)[8..], [0.0, 0.0, 0.25, 0.5]);
        assert_eq!(of(Alibi::Rounded { d_head: 4 })[8..], [0.0, 0.0, 0.125, 0.25]);
    }

    #[test]
    fn positions_skip_padding_on_either_side() {
        assert_eq!(positions(&[1, 1, 1, 0]).collect::<Vec<_>>(), [0.0, 1.0, 2.0, 0.0]);
        assert_eq!(positions(&[0, 0, 1, 1]).map(f32::abs).collect::<Vec<_>>(), [0.0, 0.0, 0.0, 1.0]);
    }
}
