//! A weight of GPTQ or AWQ in memory, to be quantised anew.

use burn::tensor::DType;
use safetensors::Dtype;

use super::super::parts;
use super::weight::Grouped;
use crate::checkpoint::CheckpointError;
use crate::checkpoint::stored_tensors::StoredTensors;
use crate::layout;

/// The scale and the zero point of an output in a group of inputs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::checkpoint::packed) struct Group {
    pub(in crate::checkpoint::packed) scale: f32,
    pub(in crate::checkpoint::packed) zero: u32,
}

/// The tensors of a weight in memory, to be changed.
pub(in crate::checkpoint::packed) struct GroupedParts<'a> {
    grouped: &'a Grouped,
    integers: Vec<u32>,
    zeros: Vec<u32>,
    scales: Vec<f32>,
    dtype: Dtype,
    /// The group of each input.
    groups: Vec<usize>,
}

impl Grouped {
    /// Reads the tensors.
    pub(in crate::checkpoint::packed) fn open(
        &self,
        file: &StoredTensors,
    ) -> Result<GroupedParts<'_>, CheckpointError> {
        let scales = self.part("scales");
        Ok(GroupedParts {
            grouped: self,
            integers: parts::words(&parts::bytes(file, &self.part("qweight"))?),
            zeros: self.zeros(file)?,
            scales: parts::floats(file, &scales)?,
            dtype: file.entry(&scales)?.1.dtype,
            groups: self.groups(file)?,
        })
    }
}

impl GroupedParts<'_> {
    /// The inputs of each group.
    pub(in crate::checkpoint::packed) fn members(&self) -> Vec<Vec<usize>> {
        let mut members = vec![vec![]; self.grouped.groups];
        self.groups.iter().enumerate().for_each(|(input, group)| members[*group].push(input));
        members
    }

    /// Whether every zero point is the one in the middle.
    pub(in crate::checkpoint::packed) fn is_symmetric(&self) -> bool {
        self.zeros.iter().all(|zero| *zero == self.largest().div_ceil(2))
    }

    /// The largest integer.
    pub(in crate::checkpoint::packed) fn largest(&self) -> u32 {
        self.grouped.layout.largest()
    }

    /// The dtype of the scales.
    pub(in crate::checkpoint::packed) fn dtype(&self) -> Dtype {
        self.dtype
    }

    pub(in crate::checkpoint::packed) fn group(&self, group: usize, output: usize) -> Group {
        let at = group * self.grouped.outputs + output;
        Group { scale: self.scales[at], zero: self.zeros[at] }
    }

    pub(in crate::checkpoint::packed) fn set_group(&mut self, group: usize, output: usize, new: Group) {
        let at = group * self.grouped.outputs + output;
        (self.scales[at], self.zeros[at]) = (new.scale, new.zero);
    }

    /// The value of an integer.
    pub(in crate::checkpoint::packed) fn value(&self, input: usize, output: usize, group: Group) -> f32 {
        let (word, shift) = self.grouped.layout.place(self.grouped.outputs, input, output);
        let q = (self.integers[word] >> shift) & self.largest();
        group.scale * (q as f32 - group.zero as f32)
    }

    pub(in crate::checkpoint::packed) fn set(&mut self, input: usize, output: usize, q: u32) {
        let (word, shift) = self.grouped.layout.place(self.grouped.outputs, input, output);
        self.integers[word] = (self.integers[word] & !(self.largest() << shift)) | (q << shift);
    }

    /// The bytes of the tensors, by their names.
    pub(in crate::checkpoint::packed) fn tensors(self) -> Vec<(String, Vec<u8>)> {
        let (grouped, largest) = (self.grouped, self.largest());
        let offset = grouped.layout.offset();
        let mut zeros = vec![0_u32; self.zeros.len() / grouped.layout.per_word()];
        for (at, zero) in self.zeros.iter().enumerate() {
            let (word, shift) =
                grouped.layout.zero_place(grouped.outputs, at / grouped.outputs, at % grouped.outputs);
            zeros[word] |= (zero.wrapping_sub(offset) & largest) << shift;
        }
        zeros.iter_mut().for_each(|word| *word = word.wrapping_sub(grouped.layout.word_offset()));
        let words = |words: &[u32]| words.iter().flat_map(|word| word.to_le_bytes()).collect();
        let shape = vec![self.scales.len()];
        let scales = layout::as_dtype(self.scales, shape, dtype_of(self.dtype)).as_bytes().to_vec();
        vec![
            (grouped.part("qweight"), words(&self.integers)),
            (grouped.part("qzeros"), words(&zeros)),
            (grouped.part("scales"), scales),
        ]
    }
}

fn dtype_of(dtype: Dtype) -> DType {
    match dtype {
        Dtype::F16 => DType::F16,
        Dtype::BF16 => DType::BF16,
        _ => DType::F32,
    }
}
