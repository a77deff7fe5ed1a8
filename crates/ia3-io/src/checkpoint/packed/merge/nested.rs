//! Largest magnitudes that are quantised themselves (double quantisation), quantised again after a merge.

use crate::checkpoint::CheckpointError;
use crate::checkpoint::packed::four_bit::{FourBit, Nested};
use crate::checkpoint::packed::parts;
use crate::checkpoint::stored_tensors::StoredTensors;

/// The key of the offset in the state of a weight.
const OFFSET: &str = "\"nested_offset\"";

/// A weight, or its magnitudes alone, quantised again.
pub(super) struct Requantized {
    /// The relative error `‖W − Wq‖ / ‖W‖` of the weight.
    pub(super) error: f64,
    /// The new bytes of tensors, by their names; as many as before.
    pub(super) tensors: Vec<(String, Vec<u8>)>,
}

/// Magnitudes after they were stored.
pub(super) struct Stored {
    /// What the tensors say.
    pub(super) again: Vec<f32>,
    /// The new bytes of tensors, by their names; as many as before.
    pub(super) tensors: Vec<(String, Vec<u8>)>,
}

/// Multiplies the largest magnitude of each block by its factor and quantises the results again: codes, scales and offset.
pub(super) fn requantize(
    file: &StoredTensors,
    weight: &FourBit,
    factors: &[f32],
) -> Result<Requantized, CheckpointError> {
    let wanted: Vec<f32> =
        weight.absmax(file)?.iter().zip(factors).map(|(max, factor)| max * factor).collect();
    let Stored { again, tensors } = store(file, weight, &wanted)?;
    Ok(Requantized { error: weight.error(file, &wanted, &again)?, tensors })
}

/// The tensors that hold these magnitudes of the blocks.
pub(super) fn store(
    file: &StoredTensors,
    weight: &FourBit,
    wanted: &[f32],
) -> Result<Stored, CheckpointError> {
    let Some(Nested { block, offset }) = weight.nested else {
        let bytes = wanted.iter().flat_map(|max| max.to_le_bytes()).collect();
        return Ok(Stored { again: wanted.to_vec(), tensors: vec![(weight.part("absmax"), bytes)] });
    };
    let map = parts::floats(file, &weight.part("nested_quant_map"))?;
    let mean = wanted.iter().map(|max| f64::from(*max)).sum::<f64>() / wanted.len() as f64;
    let (state, offset) = with_offset(parts::bytes(file, &weight.state)?, mean as f32, offset);

    let order = sorted(&map);
    let (mut codes, mut scales, mut again) = (vec![], vec![], vec![]);
    for wanted in wanted.chunks(block) {
        let scale = wanted.iter().map(|max| (max - offset).abs()).fold(0.0, f32::max);
        let step = if scale == 0.0 { 1.0 } else { scale };
        for max in wanted {
            let code = nearest(&map, &order, (max - offset) / step);
            codes.push(code as u8);
            again.push(map[code] * scale + offset);
        }
        scales.extend(scale.to_le_bytes());
    }
    let parts = [(weight.part("absmax"), codes), (weight.part("nested_absmax"), scales)];
    let tensors = parts.into_iter().chain([(weight.state.clone(), state)]).collect();
    Ok(Stored { again, tensors })
}

/// The indices of a map in the order of its values.
pub(super) fn sorted(map: &[f32]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..map.len()).collect();
    order.sort_by(|a, b| map[*a].total_cmp(&map[*b]));
    order
}

/// The index of the value of `map` that is nearest to `value`. `order` sorts the map.
pub(super) fn nearest(map: &[f32], order: &[usize], value: f32) -> usize {
    let above = order.partition_point(|i| map[*i] < value);
    let candidates = [above.checked_sub(1), Some(above)].into_iter().flatten();
    let indices = candidates.filter_map(|at| order.get(at).copied());
    indices.min_by(|a, b| (map[*a] - value).abs().total_cmp(&(map[*b] - value).abs())).unwrap_or(0)
}

/// The state with another offset, in as many bytes as before, and the offset that it then has: `wanted` with as many digits as
/// fit, or the old one.
fn with_offset(state: Vec<u8>, wanted: f32, old: f32) -> (Vec<u8>, f32) {
    let Some((start, end)) = place(&state).filter(|_| wanted.is_finite()) else { return (state, old) };
    let shortest = [wanted.to_string()].into_iter();
    let mut texts = shortest.chain((0..8).rev().map(|digits| format!("{wanted:.digits$e}")));
    let Some(text) = texts.find(|text| text.len() <= end - start) else { return (state, old) };
    let Ok(offset) = text.parse::<f64>() else { return (state, old) };
    let padded = format!("{text:<width$}", width = end - start);
    ([&state[..start], padded.as_bytes(), &state[end..]].concat(), offset as f32)
}

/// Where the number of the offset lies.
fn place(state: &[u8]) -> Option<(usize, usize)> {
    let text = std::str::from_utf8(state).ok()?;
    let key = text.find(OFFSET)? + OFFSET.len();
    let colon = key + text[key..].find(':')? + 1;
    let start = colon + (text[colon..].len() - text[colon..].trim_start().len());
    let len = text[start..].find(|c: char| !(c.is_ascii_digit() || "+-.eE".contains(c)))?;
    (len > 0).then_some((start, start + len))
}

impl FourBit {
    /// The factor of each block; `None` if outputs with different factors share one.
    pub(super) fn block_factors(&self, outputs: &[f32]) -> Option<Vec<f32>> {
        let [rows, inputs] = self.shape;
        let values = rows * inputs;
        let of_block = |start: usize| {
            let (first, last) = (start / inputs, ((start + self.block).min(values) - 1) / inputs);
            let factor = outputs[first];
            outputs[first..=last].iter().all(|other| *other == factor).then_some(factor)
        };
        (0..values).step_by(self.block).map(of_block).collect()
    }

    /// The relative error of the weight if its blocks have the largest magnitudes `again` in place of `wanted`.
    fn error(&self, file: &StoredTensors, wanted: &[f32], again: &[f32]) -> Result<f64, CheckpointError> {
        let squares: Vec<f64> = self.map(file)?.iter().map(|value| f64::from(*value).powi(2)).collect();
        let pairs = parts::bytes(file, self.name())?;
        let codes = pairs.iter().flat_map(|pair| [pair >> 4, pair & 15]);
        let (mut error, mut norm) = (0.0, 0.0);
        for (at, code) in codes.take(self.shape[0] * self.shape[1]).enumerate() {
            let (square, block) = (squares[usize::from(code)], at / self.block);
            error += square * f64::from(wanted[block] - again[block]).powi(2);
            norm += square * f64::from(wanted[block]).powi(2);
        }
        Ok(if norm == 0.0 { 0.0 } else { (error / norm).sqrt() })
    }
}
