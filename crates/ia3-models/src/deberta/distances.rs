//! The distances of tokens as rows of a table.

use burn::nn::Embedding;
use burn::tensor::{DType, Device, Int, Tensor, TensorData};

use super::config::PositionScores;

/// The embeddings of the distances that occur between the tokens of a text, and where each pair finds its own.
#[derive(Clone)]
pub(super) struct Distances {
    /// `[1, distances, d]`
    pub(super) embeddings: Tensor<3>,
    /// The row for the query `i` and the key `j`, `[seq, seq]`.
    pub(super) index: Tensor<2, Int>,
}

impl Distances {
    /// Those of a text of `seq` tokens, for states of `dtype`. `norm` is computed of the rows of the table.
    pub(super) fn new(
        scores: &PositionScores,
        table: &Embedding,
        seq: usize,
        dtype: DType,
        norm: impl FnOnce(Tensor<2>) -> Tensor<2>,
    ) -> Self {
        let table = table.weight.val();
        // A pair of tokens is `seq - 1` before to `seq - 1` after each other.
        let rows: Vec<i64> = (1 - seq as i64..seq as i64).map(|apart| row(scores, apart)).collect();
        let (first, last) = (rows[0], rows[rows.len() - 1]);
        let of_pair = |i: usize| (0..seq).map(move |j| i + seq - 1 - j);
        let index = (0..seq).flat_map(of_pair).map(|apart| rows[apart] - first).collect::<Vec<_>>();
        let embeddings = table.narrow(0, first as usize, (last - first + 1) as usize).cast(dtype);
        let index = int_matrix(index, seq, &embeddings.device());
        Self { embeddings: norm(embeddings).unsqueeze(), index }
    }
}

fn int_matrix(values: Vec<i64>, side: usize, device: &Device) -> Tensor<2, Int> {
    Tensor::from_data(TensorData::new(values, [side, side]), device)
}

/// The row of the table for a query that is `apart` tokens after its key. It does not decrease with `apart`.
fn row(scores: &PositionScores, apart: i64) -> i64 {
    let span = scores.span() as i64;
    let apart = match scores.position_buckets {
        Some(buckets) => bucket(apart, buckets as i64, scores.max_relative_positions as i64),
        None => apart,
    };
    (apart + span).clamp(0, 2 * span - 1)
}

/// The bucket of a distance: small distances have one of their own, larger ones share buckets whose width grows with the
/// logarithm (`make_log_bucket_position` of transformers, which computes it in float32).
fn bucket(apart: i64, buckets: i64, longest: i64) -> i64 {
    let (half, distance) = (buckets / 2, apart.abs());
    if distance <= half {
        return apart;
    }
    let share = (distance as f32 / half as f32).ln() / (((longest - 1) as f64 / half as f64) as f32).ln();
    ((share * (half - 1) as f32).ceil() as i64 + half) * apart.signum()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Values of `make_log_bucket_position` of transformers 5.24.
    #[test]
    fn far_distances_share_buckets() {
        let got: Vec<i64> =
            [-40, -9, -4, -1, 0, 3, 4, 5, 6, 8, 12, 20, 31].map(|d| bucket(d, 8, 32)).to_vec();
        assert_eq!(got, [-8, -6, -4, -1, 0, 3, 4, 5, 5, 6, 6, 7, 7]);
        let base: Vec<i64> = (-1100..=1100).step_by(200).map(|d| bucket(d, 256, 512)).collect();
        assert_eq!(base, [-326, -307, -284, -254, -207, -100, 100, 207, 254, 284, 307, 326]);
    }

    #[test]
    fn distances_beyond_the_table_take_its_ends() {
        let scores = PositionScores {
            content_to_position: true,
            position_to_content: true,
            max_relative_positions: 3,
            position_buckets: None,
            share_att_key: false,
        };
        assert_eq!([-9, -3, -1, 0, 2, 3, 9].map(|apart| row(&scores, apart)), [0, 0, 2, 3, 5, 5, 5]);
    }
}
