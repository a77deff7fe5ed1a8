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
            Kind::Int8(_) => Ok(block_of(&vec![0; self.shape[1]])),
            Kind::FourBit(_) => Ok(None),
        }
    }

    /// The integers of a weight that has a [`block`](Self::block).
    pub(crate) fn kept(&self, file: &StoredTensors) -> Result<Kept, CheckpointError> {
        let block = self.block(file)?;
        let [_, inputs] = self.shape;
        match (&self.kind, block) {
            (Kind::Grouped(grouped), Some(block)) => grouped.kept(file, self.shape, block),
            (Kind::Int8(int8), Some(block)) => int8.kept(file, inputs / block),
            _ => {
                let name = self.parts.first().map_or("", String::as_str);
                Err(parts::problem(file, name, "has no integers that can be kept"))
            }
        }
    }
}

impl Grouped {
    /// An integer q of b bits becomes q − 2^(b−1). Where that is not every zero point, a minimum makes up for the difference.
    fn kept(
        &self,
        file: &StoredTensors,
        [outputs, inputs]: [usize; 2],
        block: usize,
    ) -> Result<Kept, CheckpointError> {
        let qweight = self.part("qweight");
        let words = parts::words(&parts::bytes(file, &qweight)?);
        let (zeros, groups) = (self.zeros(file)?, self.groups(file)?);
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
        Ok(Kept {
            shape: [outputs, inputs],
            range: if self.layout.bits() == 4 { (-8, 7) } else { (-128, 127) },
            values,
            scales: at.iter().map(|at| of_groups[*at]).collect(),
            minima: if is_symmetric { vec![] } else { at.iter().map(minimum).collect() },
        })
    }
}

impl Int8 {
    /// Each of the blocks of a row has the scale of the row.
    fn kept(&self, file: &StoredTensors, blocks: usize) -> Result<Kept, CheckpointError> {
        let values = parts::bytes(file, &self.integers())?.into_iter().map(u8::cast_signed).collect();
        let rows = parts::floats(file, &self.scales())?;
        let scales = rows.into_iter().flat_map(|scale| vec![scale * self.program.step(); blocks]);
        Ok(Kept { shape: self.shape, range: (-128, 127), values, scales: scales.collect(), minima: vec![] })
    }
}
