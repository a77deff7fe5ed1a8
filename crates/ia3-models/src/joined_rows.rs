use burn::tensor::{Device, Int, Tensor, TensorData};

use crate::inputs::{ModelInputs, PaddingSide};

/// Batch entries that each hold an input followed by one of its texts, as a decoder reads them.
pub(crate) struct JoinedRows {
    /// The tokens `[rows, seq]`, padded on the right.
    pub(crate) inputs: ModelInputs,
    /// The position at which the text of each entry starts.
    starts: Vec<usize>,
}

impl JoinedRows {
    /// Makes one batch entry per text of `inputs`, padded with `pad_token_id`.
    pub(crate) fn new(inputs: &[(&[i64], &[Vec<i64>])], pad_token_id: i64, device: &Device) -> Self {
        let row = |input: &&[i64], text: &Vec<i64>| [input, text.as_slice()].concat();
        let rows = inputs.iter().flat_map(|(input, texts)| texts.iter().map(move |text| row(input, text)));
        let rows: Vec<Vec<i64>> = rows.collect();
        let starts = inputs.iter().flat_map(|(input, texts)| vec![input.len(); texts.len()]).collect();
        Self { inputs: ModelInputs::from_rows(&rows, pad_token_id, PaddingSide::Right, device), starts }
    }

    /// The positions in `[rows · seq]` whose logits predict the tokens of the texts, `[rows · tokens]`. After the end of a text,
    /// they are any valid position.
    pub(crate) fn predictors(&self, seq: usize, tokens: usize, device: &Device) -> Tensor<1, Int> {
        let before = |row: usize, start: usize, t: usize| (row * seq + (start + t - 1).min(seq - 1)) as i64;
        let rows = self.starts.iter().enumerate();
        let positions: Vec<i64> =
            rows.flat_map(|(row, &start)| (0..tokens).map(move |t| before(row, start, t))).collect();
        let count = positions.len();
        Tensor::from_data(TensorData::new(positions, [count]), device)
    }
}
