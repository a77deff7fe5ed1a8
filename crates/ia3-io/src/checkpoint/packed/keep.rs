//! The integers of packed weights, as they are kept.

use rayon::prelude::*;

use super::grouped::Grouped;
use super::int8::Int8;
use super::{Kind, PackedWeight, parts};
use crate::checkpoint::CheckpointError;
use crate::checkpoint::stored_tensors::StoredTensors;
use crate::kept::{Kept, block_of};

impl PackedWeight {
    /// The number of inputs of a block, in which the integers can be kept. `None` for codes of a table, and for groups of inputs
    /// in an order that makes no blocks.
    pub(crate) fn block(&self, file: &StoredTensors) -> Result<Option<usize>, CheckpointError> {
        match &self.kind {
            Kind::Grouped(grouped) => Ok(block_of(&grouped.groups(file)?)),
            Kind::Int8(int8) => Ok(int8.block()),
            Kind::FourBit(_) => Ok(None),
        }
    }

    /// The integers of a weight that has a [`block`](Self::block).
    pub(crate) fn kept(&self, file: &StoredTensors) -> Result<Kept, CheckpointError> {
        let kept = match &self.kind {
            Kind::Grouped(grouped) => grouped.kept(file, self.shape)?,
            Kind::Int8(int8) => int8.kept(file)?,
            Kind::FourBit(_) => None,
        };
        let name = || self.parts.first().map_or("", String::as_str);
        kept.ok_or_else(|| parts::problem(file, name(), "has no integers that can be kept"))
    }
}

impl Grouped {
    /// An integer q of b bits becomes q − 2^(b−1). Where that is not every zero point, a minimum makes up for the difference.
    fn kept(
        &self,
        file: &StoredTensors,
        [outputs, inputs]: [usize; 2],
    ) -> Result<Option<Kept>, CheckpointError> {
        let groups = self.groups(file)?;
        let Some(block) = block_of(&groups) else { return Ok(None) };
        let qweight = self.part("qweight");
        let words = parts::words(&parts::bytes(file, &qweight)?);
        let zeros = self.zeros(file)?;
        let of_groups = parts::floats(file, &self.part("scales"))?;
        let middle = self.layout.largest().div_ceil(2);
        let is_symmetric = zeros.iter().all(|zero| *zero == middle);
        let integer = |input, output| {
            let (word, shift) = self.layout.place(outputs, input, output);
            (((words[word] >> shift) & self.layout.largest()) as i32 - middle as i32) as i8
        };
        let mut values = bytemuck::try_zeroed_vec::<i8>(outputs * inputs)
            .map_err(|()| parts::problem(file, &qweight, "does not fit into memory"))?;
        values.par_chunks_mut(inputs).enumerate().for_each(|(output, row)| {
            row.iter_mut().enumerate().for_each(|(input, value)| *value = integer(input, output));
        });
        let blocks =
            (0..outputs).flat_map(|output| (0..inputs).step_by(block).map(move |input| (input, output)));
        let at: Vec<usize> = blocks.map(|(input, output)| groups[input] * outputs + output).collect();
        let minimum = |at: &usize| of_groups[*at] * (middle as f32 - zeros[*at] as f32);
        Ok(Some(Kept {
            shape: [outputs, inputs],
            range: if self.layout.bits() == 4 { (-8, 7) } else { (-128, 127) },
            values,
            scales: at.iter().map(|at| of_groups[*at]).collect(),
            minima: if is_symmetric { vec![] } else { at.iter().map(minimum).collect() },
        }))
    }
}

impl Int8 {
    /// Each of the blocks of a row has the scale of the row.
    fn kept(&self, file: &StoredTensors) -> Result<Option<Kept>, CheckpointError> {
        let [_, inputs] = self.shape;
        let Some(block) = self.block() else { return Ok(None) };
        let blocks = inputs / block;
        let values = parts::bytes(file, &self.integers())?.into_iter().map(u8::cast_signed).collect();
        let rows = parts::floats(file, &self.scales())?;
        let scales = rows.into_iter().flat_map(|scale| vec![scale * self.program.step(); blocks]);
        let scales = scales.collect();
        Ok(Some(Kept { shape: self.shape, range: (-128, 127), values, scales, minima: vec![] }))
    }

    fn block(&self) -> Option<usize> {
        block_of(&vec![0; self.shape[1]])
    }
}
