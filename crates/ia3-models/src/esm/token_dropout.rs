//! The scale of ESM-2's embeddings, which makes up for the tokens that were hidden while it was trained.

use burn::tensor::{Int, Tensor};

use crate::error::ModelError;

/// The share of tokens whose embeddings were zero in the training of every ESM (`mask_ratio_train` of transformers).
const HIDDEN_IN_TRAINING: f32 = 0.15 * 0.8;

/// The factor of the embedding of each token of `ids` `[batch, seq]`, row after row. It is 0 for the token `hidden`, and for the
/// others of a row `(1 - 0.12) / (1 - share)` with the share of that token in the row. A row counts the tokens of its mask.
pub(super) fn factors(
    ids: &Tensor<2, Int>,
    attention_mask: Option<&Tensor<2, Int>>,
    hidden: i64,
) -> Result<Vec<f32>, ModelError> {
    let [rows, seq] = ids.dims();
    let values = |ids: &Tensor<2, Int>| ids.to_data().iter::<i64>().collect::<Vec<_>>();
    let real = attention_mask.map_or_else(|| vec![1; rows * seq], values);
    let ids = values(ids);
    let mut factors = Vec::with_capacity(ids.len());
    for (row, (ids, real)) in ids.chunks(seq).zip(real.chunks(seq)).enumerate() {
        let scale = row_factor(row, ids, real, hidden)?;
        factors.extend(ids.iter().map(|id| if *id == hidden { 0.0 } else { scale }));
    }
    Ok(factors)
}

fn row_factor(row: usize, ids: &[i64], real: &[i64], hidden: i64) -> Result<f32, ModelError> {
    let length: i64 = real.iter().sum();
    let count = ids.iter().filter(|id| **id == hidden).count();
    if length == 0 {
        return Ok(1.0); // A row of padding, whose numbers mean nothing.
    }
    if count as i64 == length {
        let problem = format!(
            "hides as many tokens in row {row} as the row has, {count}, so there is nothing to scale the others by; the \
             mask token is {hidden}"
        );
        return Err(ModelError::Input { name: "input_ids", problem });
    }
    Ok((1.0 - HIDDEN_IN_TRAINING) / (1.0 - count as f32 / length as f32))
}

#[cfg(test)]
mod tests {
    use burn::tensor::Device;

    use super::*;

    #[test]
    fn a_row_is_scaled_by_its_own_share() {
        let ids = Tensor::from_ints([[5, 9, 6, 7], [9, 5, 1, 1], [5, 6, 7, 8]], &Device::flex());
        let mask = Tensor::from_ints([[1, 1, 1, 1], [1, 1, 0, 0], [0, 0, 0, 0]], &Device::flex());
        let got = factors(&ids, Some(&mask), 9).unwrap();
        let (quarter, half) = (0.88 / 0.75, 0.88 / 0.5);
        let expected = [quarter, 0.0, quarter, quarter, 0.0, half, half, half, 1.0, 1.0, 1.0, 1.0];
        assert!(got.iter().zip(expected).all(|(got, expected)| (got - expected).abs() < 1e-6), "{got:?}");
        let without = factors(&ids, None, 9).unwrap();
        assert!((without[5] - quarter).abs() < 1e-6, "{without:?}");
    }

    #[test]
    fn a_row_of_hidden_tokens_is_refused() {
        let ids = Tensor::from_ints([[5, 9], [9, 9]], &Device::flex());
        let error = factors(&ids, None, 9).unwrap_err().to_string();
        let expected = "`input_ids` hides as many tokens in row 1 as the row has, 2, so there is nothing to scale the others \
                        by; the mask token is 9";
        assert_eq!(error, expected);
    }
}
