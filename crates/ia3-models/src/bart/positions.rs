//! The positions that are added to the embeddings of a stack.

use burn::nn::Embedding;
use burn::tensor::{DType, Device, Int, Tensor, TensorData};

use super::config::BartPositions;
use crate::inputs::int_tensor;
use crate::past::Past;

/// The base of the wavelengths.
const BASE: f64 = 10_000.0;

/// How the positions of a stack are computed, or where they begin in its table.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Positions {
    pub(crate) kind: BartPositions,
    /// The row of a table that has the first position.
    pub(crate) first_row: usize,
    pub(crate) width: usize,
    pub(crate) pad_token_id: i64,
}

impl Positions {
    /// The positions `[batch or 1, seq, d_model]` of ids `[batch, seq]` that follow `past` tokens.
    pub(super) fn of(self, table: &Option<Embedding>, ids: Tensor<2, Int>, past: &Past) -> Tensor<3> {
        let (seq, device) = (ids.dims()[1], ids.device());
        match (table, self.kind) {
            (_, BartPositions::SinusoidalOfTokens) => self.of_tokens(ids, past),
            (None, _) => sinusoidal(past, seq, self.width, &device),
            (Some(table), _) => table.forward(positions(past, seq, self.first_row, &device)),
        }
    }

    /// Sines and cosines of the number of each token among those that are not padding, and zeros for padding
    /// (`M2M100SinusoidalPositionalEmbedding` of transformers).
    fn of_tokens(self, ids: Tensor<2, Int>, past: &Past) -> Tensor<3> {
        let ([batch, seq], half, device) = (ids.dims(), self.width / 2, ids.device());
        let real = ids.not_equal_scalar(self.pad_token_id).int();
        let before = positions(past, 1, 0, &device);
        let position = (real.clone().cumsum(1) + before) * real.clone() + self.pad_token_id;
        let step = -(BASE.ln() / (half as f64 - 1.0)) as f32;
        let frequencies: Vec<f32> = (0..half).map(|i| (i as f32 * step).exp()).collect();
        let frequencies = Tensor::<1>::from_floats(frequencies.as_slice(), &device).reshape([1, 1, half]);
        let angles = position.float().cast(DType::F32).reshape([batch, seq, 1]) * frequencies;
        let odd = Tensor::zeros([batch, seq, self.width % 2], (&device, DType::F32));
        let parts = [angles.clone().sin(), angles.cos(), odd];
        let parts = parts.into_iter().filter(|part| part.dims()[2] > 0).collect();
        Tensor::cat(parts, 2) * real.float().cast(DType::F32).reshape([batch, seq, 1])
    }
}

/// The positions of `new` tokens behind `past`, `[rows or 1, new]`, of which the first is `first`.
fn positions(past: &Past, new: usize, first: usize, device: &Device) -> Tensor<2, Int> {
    let at: Vec<i64> = past.positions(new).into_iter().map(|position| (position + first) as i64).collect();
    int_tensor(at, [past.rows(), new], device)
}

/// Marian's rows of `seq` positions behind `past`, `[rows or 1, seq, d]`. The first half of a row has the sines of the even columns of the
/// formula, the second half the cosines of the odd ones (`MarianSinusoidalPositionalEmbedding.create_weight` of transformers).
fn sinusoidal(past: &Past, seq: usize, d: usize, device: &Device) -> Tensor<3> {
    let sines = d.div_ceil(2);
    let value = |position: usize, column: usize| {
        let pair = if column < sines { column } else { column - sines };
        let angle = position as f64 / BASE.powf((2 * pair) as f64 / d as f64);
        (if column < sines { angle.sin() } else { angle.cos() }) as f32
    };
    let of_position = |position| (0..d).map(move |column| value(position, column));
    let values: Vec<f32> = past.positions(seq).into_iter().flat_map(of_position).collect();
    Tensor::from_data(TensorData::new(values, [past.rows(), seq, d]), device)
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::Tolerance;

    fn close(got: Tensor<3>, expected: &[f32]) {
        let got = got.flatten::<1>(0, 2).into_data();
        let expected = TensorData::new(expected.to_vec(), [expected.len()]);
        got.assert_approx_eq::<f32>(&expected, Tolerance::absolute(1e-6));
    }

    fn positions(kind: BartPositions) -> Positions {
        Positions { kind, first_row: 0, width: 5, pad_token_id: 1 }
    }

    /// Values of `MarianSinusoidalPositionalEmbedding(2, 5)` of transformers 5.23.
    #[test]
    fn marian_has_sines_then_cosines() {
        let positions = positions(BartPositions::Sinusoidal);
        let ids = Tensor::<2, Int>::from_ints([[7, 8]], &Device::flex());
        let second = [0.841_471, 0.025_116_222, 0.000_630_957_3, 0.540_302_3, 0.999_684_5];
        close(positions.of(&None, ids.clone(), &Past::Same(0)).narrow(1, 1, 1), &second);
        close(positions.of(&None, ids.clone().narrow(1, 0, 1), &Past::Same(1)), &second);
        let rows = positions.of(&None, ids.swap_dims(0, 1), &Past::ByRow(vec![7, 1]));
        close(rows.narrow(0, 1, 1), &second);
    }

    /// Values of `M2M100SinusoidalPositionalEmbedding(8, 5, padding_idx=1)` of transformers 5.23.
    #[test]
    fn m2m_counts_the_tokens_that_are_not_padding() {
        let positions = positions(BartPositions::SinusoidalOfTokens);
        let ids = Tensor::<2, Int>::from_ints([[1, 9, 1, 8]], &Device::flex());
        let zeros = [0.0; 5];
        let (at_2, at_3) =
            ([0.909_297_4, 0.0002, -0.416_146_84, 1.0, 0.0], [0.141_12, 0.0003, -0.989_992_5, 1.0, 0.0]);
        close(positions.of(&None, ids, &Past::Same(0)), &[zeros, at_2, zeros, at_3].concat());
        let next = Tensor::<2, Int>::from_ints([[9]], &Device::flex());
        close(positions.of(&None, next.clone(), &Past::Same(1)), &at_3);
        let rows = Tensor::cat(vec![next.clone(), next], 0);
        close(positions.of(&None, rows, &Past::ByRow(vec![1, 0])), &[at_3, at_2].concat());
    }
}
