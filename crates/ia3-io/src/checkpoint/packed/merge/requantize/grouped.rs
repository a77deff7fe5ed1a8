//! GPTQ and AWQ: each group of each output gets a scale, and a zero point where the weight is not symmetric.

use safetensors::Dtype;

use super::super::PackedMergeError;
use super::{Stored, Weight, range};
use crate::checkpoint::packed::grouped::{Group, Grouped};
use crate::checkpoint::stored_tensors::StoredTensors;

/// The tensors of the weight. A group whose inputs have one positive factor keeps its integers, and its scale is multiplied.
pub(super) fn store(
    file: &StoredTensors,
    grouped: &Grouped,
    weight: &Weight,
) -> Result<Stored, PackedMergeError> {
    let mut parts = grouped.open(file)?;
    let (members, is_symmetric) = (parts.members(), parts.is_symmetric());
    let mut stored = vec![0.0; weight.values.len()];
    for (group, inputs) in members.iter().enumerate() {
        let kept = one_factor(inputs, &weight.factors.inputs);
        for (output, factor) in weight.factors.outputs.iter().enumerate() {
            let at = |input: &usize| output * weight.inputs + input;
            let values: Vec<f32> = inputs.iter().map(|input| weight.values[at(input)]).collect();
            let old = parts.group(group, output);
            let wanted = match kept {
                Some(kept) => Group { scale: old.scale * kept * factor, ..old },
                None => fitted(&values, old, parts.largest(), is_symmetric),
            };
            let scale = rounded(wanted.scale, parts.dtype());
            if !scale.is_finite() {
                let product = f64::from(wanted.scale);
                return Err(range(&grouped.part("scales"), old.scale.into(), *factor, product));
            }
            let new = Group {
                scale,
                zero: zero(
                    &values,
                    Group { scale, ..wanted },
                    kept.is_some() || is_symmetric,
                    parts.largest(),
                ),
            };
            parts.set_group(group, output, new);
            for (input, value) in inputs.iter().zip(&values) {
                if kept.is_none() {
                    parts.set(*input, output, integer(*value, new, parts.largest()));
                }
                stored[at(input)] = parts.value(*input, output, new);
            }
        }
    }
    Ok((parts.tensors(), stored))
}

/// The factor of all these inputs, if it is one and positive.
fn one_factor(inputs: &[usize], factors: &[f32]) -> Option<f32> {
    let first = factors[*inputs.first()?];
    (first > 0.0 && inputs.iter().all(|input| factors[*input] == first)).then_some(first)
}

/// The scale with which the integers from 0 to `most` reach all values. A symmetric weight keeps its zero point in the middle.
fn fitted(values: &[f32], old: Group, most: u32, is_symmetric: bool) -> Group {
    let (low, high) = ends(values);
    let (below, above) = (old.zero as f32, (most - old.zero.min(most)) as f32);
    let scale = match is_symmetric {
        true => (-low / below).max(high / above),
        false => (high - low) / most as f32,
    };
    if scale > 0.0 { Group { scale, ..old } } else { old }
}

/// The integer that stands for 0.
fn zero(values: &[f32], group: Group, is_kept: bool, most: u32) -> u32 {
    let (low, high) = ends(values);
    match is_kept || group.scale == 0.0 || low == high {
        true => group.zero,
        false => ((-low / group.scale).round_ties_even() as u32).min(most),
    }
}

fn ends(values: &[f32]) -> (f32, f32) {
    values.iter().fold((0.0, 0.0), |(low, high): (f32, f32), value| (low.min(*value), high.max(*value)))
}

fn integer(value: f32, group: Group, most: u32) -> u32 {
    let steps = if group.scale == 0.0 { 0.0 } else { (value / group.scale).round_ties_even() };
    (steps + group.zero as f32).clamp(0.0, most as f32) as u32
}

/// The number that a tensor of this dtype holds for a scale.
fn rounded(scale: f32, dtype: Dtype) -> f32 {
    match dtype {
        Dtype::F16 => half::f16::from_f32(scale).to_f32(),
        Dtype::BF16 => half::bf16::from_f32(scale).to_f32(),
        _ => scale,
    }
}
