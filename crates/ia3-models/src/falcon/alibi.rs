//! Attention with linear biases (ALiBi, arXiv 2108.12409), with the rounding of Hugging Face's `build_alibi_tensor`.

use burn::tensor::{Int, Tensor, TensorData};
use half::bf16;

/// The bias on the scores of `heads` heads, `[batch or 1, heads, 1, keys]`: `slope · position / √d_head`.
///
/// The position of a key is the number of real tokens before it in its row. Slopes, positions and products are rounded to
/// bfloat16, whatever the dtype of the model is.
pub(crate) fn alibi(mask: &Tensor<2, Int>, heads: usize, d_head: usize) -> Tensor<4> {
    let device = &mask.device();
    let [batch, keys] = mask.dims();
    let mask: Vec<i64> = mask.to_data().iter().collect();
    let slopes = slopes(heads).map(round).collect::<Vec<_>>();
    let scale = (d_head as f32).sqrt();
    let mut bias = Vec::with_capacity(batch * heads * keys);
    for row in mask.chunks(keys) {
        let positions: Vec<f32> = positions(row).map(round).collect();
        for slope in &slopes {
            bias.extend(positions.iter().map(|position| round(slope * position) / scale));
        }
    }
    Tensor::from_data(TensorData::new(bias, [batch, heads, 1, keys]), device)
}

fn round(x: f32) -> f32 {
    bf16::from_f32(x).to_f32()
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
    fn positions_skip_padding_on_either_side() {
        assert_eq!(positions(&[1, 1, 1, 0]).collect::<Vec<_>>(), [0.0, 1.0, 2.0, 0.0]);
        assert_eq!(positions(&[0, 0, 1, 1]).map(f32::abs).collect::<Vec<_>>(), [0.0, 0.0, 0.0, 1.0]);
    }
}
