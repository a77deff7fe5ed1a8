//! Eight bits: the largest magnitude of each row becomes 127.

use super::{Stored, Weight, largest};
use crate::checkpoint::packed::int8::Int8;

const MOST: f32 = 127.0;

pub(super) fn store(int8: &Int8, weight: &Weight) -> Stored {
    let (mut integers, mut scales, mut stored) = (vec![], vec![], vec![]);
    for row in weight.values.chunks_exact(weight.inputs) {
        let most = largest(row.iter().copied());
        let scale = most / MOST / int8.program.step();
        for value in row {
            let q = if most == 0.0 { 0 } else { (value / most * MOST).round_ties_even() as i8 };
            integers.push(q.cast_unsigned());
            stored.push(int8.value(q, scale));
        }
        scales.extend(scale.to_le_bytes());
    }
    (vec![(int8.integers(), integers), (int8.scales(), scales)], stored)
}
