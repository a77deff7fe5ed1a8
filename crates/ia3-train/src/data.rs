use burn::tensor::{Device, Int, Tensor, TensorData};
use ia3_models::{IGNORE_INDEX, ModelInputs};

use crate::error::TrainError;

/// One tokenised example of a text-to-text task; both sides end with the end-of-sequence token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Example {
    /// Ids of the input.
    pub input: Vec<i64>,
    /// Ids of the target.
    pub target: Vec<i64>,
}

/// Examples as padded tensors.
#[derive(Clone, Debug)]
pub struct Batch {
    /// `input_ids` and `attention_mask`, `[batch, input_seq]`.
    pub inputs: ModelInputs,
    /// Target ids, padded with [`IGNORE_INDEX`], `[batch, target_seq]`.
    pub labels: Tensor<2, Int>,
    /// Real tokens of inputs and targets together.
    pub tokens: usize,
}

/// Pads `examples` on the right to the longest of the batch.
pub fn collate(examples: &[&Example], pad_token_id: i64, device: &Device) -> Batch {
    let inputs = || examples.iter().map(|e| e.input.as_slice());
    let ones: Vec<Vec<i64>> = inputs().map(|ids| vec![1; ids.len()]).collect();
    Batch {
        inputs: ModelInputs {
            input_ids: Some(pad(inputs(), pad_token_id, device)),
            attention_mask: Some(pad(ones.iter().map(Vec::as_slice), 0, device)),
            ..ModelInputs::default()
        },
        labels: pad(examples.iter().map(|e| e.target.as_slice()), IGNORE_INDEX, device),
        tokens: examples.iter().map(|e| e.input.len() + e.target.len()).sum(),
    }
}

fn pad<'a>(rows: impl Iterator<Item = &'a [i64]> + Clone, with: i64, device: &Device) -> Tensor<2, Int> {
    let width = rows.clone().map(<[i64]>::len).max().unwrap_or(0);
    let count = rows.clone().count();
    let fill = |row: &'a [i64]| row.iter().copied().chain(std::iter::repeat_n(with, width - row.len()));
    let values: Vec<i64> = rows.flat_map(fill).collect();
    Tensor::from_data(TensorData::new(values, [count, width]), device)
}

/// There is at least one example and none is empty on either side.
pub(crate) fn check(examples: &[Example]) -> Result<(), TrainError> {
    if examples.is_empty() {
        return Err(TrainError::NoExamples);
    }
    for (index, example) in examples.iter().enumerate() {
        for (field, ids) in [("input", &example.input), ("target", &example.target)] {
            if ids.is_empty() {
                return Err(TrainError::EmptyExample { index, field });
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_padded_to_the_longest() {
        let short = Example { input: vec![5, 1], target: vec![7, 8, 1] };
        let long = Example { input: vec![5, 6, 1], target: vec![1] };
        let batch = collate(&[&short, &long], 0, &Device::flex());
        let ids = |t: Tensor<2, Int>| -> Vec<i64> { t.into_data().iter().collect() };
        assert_eq!(ids(batch.inputs.input_ids.unwrap()), [5, 1, 0, 5, 6, 1]);
        assert_eq!(ids(batch.inputs.attention_mask.unwrap()), [1, 1, 0, 1, 1, 1]);
        assert_eq!(ids(batch.labels), [7, 8, 1, 1, -100, -100]);
        assert_eq!(batch.tokens, 9);
    }
}
