//! The positions of tokens in a table of learned positions.

use burn::tensor::{Int, Tensor};

use crate::error::ModelError;
use crate::inputs::{ModelInputs, check_positions};

/// The positions `[batch or 1, seq]` of the tokens `ids` `[batch, seq]` in a table of `max` positions: those of the inputs, or
/// else counted from 0 or, with the id `pad` of the padding token, as [`after_padding`] counts them.
pub(crate) fn positions(
    pad: Option<i64>,
    max: usize,
    inputs: &ModelInputs,
    ids: &Tensor<2, Int>,
) -> Result<Tensor<2, Int>, ModelError> {
    let seq = ids.dims()[1];
    let Some(pad) = pad.filter(|_| inputs.position_ids.is_none()) else {
        check_positions(&inputs.position_ids, seq, max)?;
        return Ok(inputs.positions(ids));
    };
    let positions = after_padding(ids.clone(), pad);
    let outside = |p: &i64| !(0..max as i64).contains(p);
    match positions.to_data().iter::<i64>().find(outside) {
        None => Ok(positions),
        Some(p) => {
            let problem = format!(
                "has {seq} tokens per row, which need position {p}, because positions count from {}; the model has {max} positions",
                pad + 1
            );
            Err(ModelError::Input { name: "input_ids", problem })
        }
    }
}

/// The positions of RoBERTa and ESM: tokens other than `pad` count from `pad + 1`, and padding is at position `pad`.
fn after_padding(ids: Tensor<2, Int>, pad: i64) -> Tensor<2, Int> {
    let real = ids.not_equal_scalar(pad).int();
    real.clone().cumsum(1) * real + pad
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::Device;

    #[test]
    fn padding_on_either_side_and_within_a_row_is_not_counted() {
        let ids = Tensor::from_ints([[1, 1, 5, 6], [5, 1, 6, 1]], &Device::flex());
        let values: Vec<i64> = after_padding(ids, 1).into_data().iter().collect();
        assert_eq!(values, [1, 1, 2, 3, 2, 1, 3, 1]);
    }

    #[test]
    fn a_row_beyond_the_last_position_is_refused() {
        let ids = |n: usize| Tensor::<2, Int>::full([1, n], 7, &Device::flex());
        let of = |n: usize| positions(Some(1), 4, &ModelInputs::default(), &ids(n));
        assert!(of(2).is_ok());
        let expected = "`input_ids` has 3 tokens per row, which need position 4, because positions count from 2; \
                        the model has 4 positions";
        assert_eq!(of(3).unwrap_err().to_string(), expected);
    }
}
