//! Four bits: the largest magnitude of each block is stored, and for each value the code of the nearest one.

use super::super::nested::{self, nearest, sorted};
use super::{Stored, Weight, largest};
use crate::checkpoint::CheckpointError;
use crate::checkpoint::packed::four_bit::FourBit;
use crate::checkpoint::stored_tensors::StoredTensors;

pub(super) fn store(
    file: &StoredTensors,
    four_bit: &FourBit,
    weight: &Weight,
) -> Result<Stored, CheckpointError> {
    let blocks = weight.values.chunks(four_bit.block);
    let wanted: Vec<f32> = blocks.clone().map(|block| largest(block.iter().copied())).collect();
    // The codes are for the magnitudes that are stored, which double quantisation changes.
    let nested::Stored { again, mut tensors } = nested::store(file, four_bit, &wanted)?;
    let map = four_bit.map(file)?;
    let order = sorted(&map);
    let code = |value: &f32, most: f32| {
        let share = if most == 0.0 { 0.0 } else { value / most };
        nearest(&map, &order, share)
    };
    let of_block =
        |(block, most): (&[f32], &f32)| block.iter().map(|value| code(value, *most)).collect::<Vec<_>>();
    let codes: Vec<usize> = blocks.zip(&again).flat_map(of_block).collect();
    let stored = codes.iter().enumerate().map(|(at, code)| map[*code] * again[at / four_bit.block]).collect();
    let pair = |pair: &[usize]| (pair[0] << 4 | pair.get(1).copied().unwrap_or(0)) as u8;
    tensors.push((four_bit.name().to_string(), codes.chunks(2).map(pair).collect()));
    Ok((tensors, stored))
}
