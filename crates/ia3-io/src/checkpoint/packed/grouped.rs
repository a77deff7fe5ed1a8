//! GPTQ and AWQ: integers with a scale and a zero point for each output of each group of inputs.
//!
//! `w[i, o] = scales[g(i), o] · (q[i, o] − z[g(i), o])`. Several integers lie in a word of 32 bits:
//!
//! | | GPTQ | AWQ |
//! |---|---|---|
//! | `qweight` | I32 `[d_in / n, d_out]`: n inputs in a word, the first in the lowest bits | I32 `[d_in, d_out / 8]`: eight outputs in a word, in the order 0, 2, 4, 6, 1, 3, 5, 7 |
//! | `qzeros` | I32 `[groups, d_out / n]`: n outputs in a word, the first in the lowest bits | I32 `[groups, d_out / 8]`, as `qweight` |
//! | `scales` | `[groups, d_out]` | the same |
//! | `g_idx` | I32 `[d_in]`: the group of each input | absent: groups follow each other |
//!
//! Version 1 of GPTQ's format stores `z − 1` in the bits of an integer, or what is left of a word if 1 is subtracted in all its integers
//! as in one number ([`Zeros`]); version 2 and AWQ store `z`.

use burn::tensor::DType;
use rayon::prelude::*;
use safetensors::Dtype;

use super::config::Zeros;
use super::parts::{self, Kind};
use crate::checkpoint::CheckpointError;
use crate::checkpoint::stored_tensors::StoredTensors;
use crate::layout;

/// How integers lie in words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Layout {
    Gptq {
        /// 4 or 8.
        bits: u32,
        /// What is stored for a zero point.
        zeros: Zeros,
    },
    Awq,
}

/// A weight of GPTQ or AWQ, whose tensors have been checked.
#[derive(Clone, Debug)]
pub(crate) struct Grouped {
    /// The path of the layer.
    stem: String,
    layout: Layout,
    inputs: usize,
    outputs: usize,
    groups: usize,
    /// The number of inputs of a group, where groups follow each other.
    group_size: usize,
    has_index: bool,
}

/// Where the eight outputs of a word of AWQ lie, in four bits each.
const AWQ_PLACES: [u32; 8] = [0, 4, 1, 5, 2, 6, 3, 7];

impl Layout {
    pub(super) fn bits(self) -> u32 {
        match self {
            Self::Gptq { bits, .. } => bits,
            Self::Awq => 4,
        }
    }

    /// What is added to a stored zero point.
    fn offset(self) -> u32 {
        u32::from(matches!(self, Self::Gptq { zeros: Zeros::LessOne, .. }))
    }

    /// What is added to a stored word of zero points.
    fn word_offset(self) -> u32 {
        match self {
            // One in each integer of the word.
            Self::Gptq { zeros: Zeros::LessOneByWord, .. } => u32::MAX / self.largest(),
            _ => 0,
        }
    }

    fn per_word(self) -> usize {
        (32 / self.bits()) as usize
    }

    fn largest(self) -> u32 {
        u32::MAX >> (32 - self.bits())
    }

    /// The word and the shift of the integer of an input and an output.
    fn place(self, outputs: usize, input: usize, output: usize) -> (usize, u32) {
        let n = self.per_word();
        match self {
            Self::Gptq { bits, .. } => (input / n * outputs + output, (input % n) as u32 * bits),
            Self::Awq => (input * (outputs / n) + output / n, AWQ_PLACES[output % n] * 4),
        }
    }

    /// The word and the shift of the zero point of a group and an output.
    fn zero_place(self, outputs: usize, group: usize, output: usize) -> (usize, u32) {
        let n = self.per_word();
        let shift = match self {
            Self::Gptq { bits, .. } => (output % n) as u32 * bits,
            Self::Awq => AWQ_PLACES[output % n] * 4,
        };
        (group * (outputs / n) + output / n, shift)
    }
}

impl Grouped {
    /// The weight of the layer at `stem`. `group_size` is that of the configuration; `None` is one group.
    pub(super) fn of(
        file: &StoredTensors,
        stem: &str,
        layout: Layout,
        group_size: Option<usize>,
    ) -> Result<Self, CheckpointError> {
        let n = layout.per_word();
        let [rows, columns] = parts::matrix(file, &format!("{stem}.qweight"), Dtype::I32)?;
        let (inputs, outputs) = match layout {
            Layout::Gptq { .. } => (rows.checked_mul(n), Some(columns)),
            Layout::Awq => (Some(rows), columns.checked_mul(n)),
        };
        let (Some(inputs), Some(outputs)) = (inputs, outputs) else {
            return Err(parts::problem(file, &format!("{stem}.qweight"), "is too large"));
        };
        let index = format!("{stem}.g_idx");
        let has_index = matches!(layout, Layout::Gptq { .. }) && file.holds(&index);
        let group_size = group_size.unwrap_or(inputs);
        let groups = match has_index {
            // The index decides which groups there are.
            true => parts::rows(file, &format!("{stem}.scales"))?,
            false => inputs.div_ceil(group_size),
        };
        if !outputs.is_multiple_of(n) {
            let why = format!("has {outputs} outputs, which do not fill whole words of zero points");
            return Err(parts::problem(file, &format!("{stem}.qweight"), why));
        }
        parts::check(file, &format!("{stem}.scales"), Kind::Float, &[groups, outputs])?;
        parts::check(file, &format!("{stem}.qzeros"), Kind::Exactly(Dtype::I32), &[groups, outputs / n])?;
        if has_index {
            parts::check(file, &index, Kind::Exactly(Dtype::I32), &[inputs])?;
        }
        Ok(Self { stem: stem.into(), layout, inputs, outputs, groups, group_size, has_index })
    }

    pub(super) fn program(&self) -> &'static str {
        match self.layout {
            Layout::Gptq { .. } => "GPTQ",
            Layout::Awq => "AWQ",
        }
    }

    /// `[d_out, d_in]`
    pub(super) fn shape(&self) -> [usize; 2] {
        [self.outputs, self.inputs]
    }

    /// The names of its tensors.
    pub(super) fn parts(&self) -> Vec<String> {
        let names = ["qweight", "qzeros", "scales"].into_iter().chain(self.has_index.then_some("g_idx"));
        names.map(|name| self.part(name)).collect()
    }

    pub(super) fn part(&self, name: &str) -> String {
        format!("{}.{name}", self.stem)
    }

    /// The values, `[d_in, d_out]`.
    pub(super) fn decode(&self, file: &StoredTensors) -> Result<Vec<f32>, CheckpointError> {
        let words = parts::words(&parts::bytes(file, &self.part("qweight"))?);
        let (zeros, groups) = (self.zeros(file)?, self.groups(file)?);
        let scales = parts::floats(file, &self.part("scales"))?;
        let (outputs, mask) = (self.outputs, self.layout.largest());
        let mut values = bytemuck::try_zeroed_vec::<f32>(self.inputs * outputs)
            .map_err(|()| parts::problem(file, &self.part("qweight"), "does not fit into memory"))?;
        values.par_chunks_mut(outputs).enumerate().for_each(|(input, row)| {
            let group = groups[input] * outputs;
            for (output, value) in row.iter_mut().enumerate() {
                let (word, shift) = self.layout.place(outputs, input, output);
                let q = (words[word] >> shift) & mask;
                *value = scales[group + output] * (q as f32 - zeros[group + output] as f32);
            }
        });
        Ok(values)
    }

    /// The zero points, `[groups, d_out]`.
    fn zeros(&self, file: &StoredTensors) -> Result<Vec<u32>, CheckpointError> {
        let mut words = parts::words(&parts::bytes(file, &self.part("qzeros"))?);
        let (offset, word_offset) = (self.layout.offset(), self.layout.word_offset());
        words.iter_mut().for_each(|word| *word = word.wrapping_add(word_offset));
        let zero = |at: usize| {
            let (word, shift) = self.layout.zero_place(self.outputs, at / self.outputs, at % self.outputs);
            // A zero point of 0 is stored as the largest integer where 1 is subtracted.
            (words[word] >> shift).wrapping_add(offset) & self.layout.largest()
        };
        Ok((0..self.groups * self.outputs).map(zero).collect())
    }

    /// The group of each input.
    fn groups(&self, file: &StoredTensors) -> Result<Vec<usize>, CheckpointError> {
        if !self.has_index {
            return Ok((0..self.inputs).map(|input| input / self.group_size).collect());
        }
        let tensor = self.part("g_idx");
        let groups: Vec<usize> =
            parts::words(&parts::bytes(file, &tensor)?).into_iter().map(|group| group as usize).collect();
        match groups.iter().position(|group| *group >= self.groups) {
            None => Ok(groups),
            Some(at) => {
                let (found, groups) = (groups[at] as u32 as i32, self.groups);
                let why = format!("says group {found} for input {at}, expected one of {groups} groups");
                Err(parts::problem(file, &tensor, why))
            }
        }
    }

    /// Changes the signs of the weights of some inputs in the bytes of `qweight`. Returns the first input that has an integer
    /// without an opposite.
    pub(super) fn flip(
        &self,
        file: &StoredTensors,
        flipped: &[bool],
        qweight: &mut [u8],
    ) -> Result<Option<usize>, CheckpointError> {
        let (zeros, groups) = (self.zeros(file)?, self.groups(file)?);
        let largest = self.layout.largest();
        for (input, _) in flipped.iter().enumerate().filter(|(_, flip)| **flip) {
            for output in 0..self.outputs {
                let (word, shift) = self.layout.place(self.outputs, input, output);
                let Some(bytes) = qweight.as_chunks_mut::<4>().0.get_mut(word) else { continue };
                let bits = u32::from_le_bytes(*bytes);
                let (q, zero) = ((bits >> shift) & largest, zeros[groups[input] * self.outputs + output]);
                let Some(opposite) = (2 * zero).checked_sub(q).filter(|opposite| *opposite <= largest) else {
                    return Ok(Some(input));
                };
                *bytes = ((bits & !(largest << shift)) | (opposite << shift)).to_le_bytes();
            }
        }
        Ok(None)
    }
}

/// The scale and the zero point of an output in a group of inputs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Group {
    pub(super) scale: f32,
    pub(super) zero: u32,
}

/// The tensors of a weight in memory, to be changed.
pub(super) struct Parts<'a> {
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
    pub(super) fn open(&self, file: &StoredTensors) -> Result<Parts<'_>, CheckpointError> {
        let scales = self.part("scales");
        Ok(Parts {
            grouped: self,
            integers: parts::words(&parts::bytes(file, &self.part("qweight"))?),
            zeros: self.zeros(file)?,
            scales: parts::floats(file, &scales)?,
            dtype: file.entry(&scales)?.1.dtype,
            groups: self.groups(file)?,
        })
    }
}

impl Parts<'_> {
    /// The inputs of each group.
    pub(super) fn members(&self) -> Vec<Vec<usize>> {
        let mut members = vec![vec![]; self.grouped.groups];
        self.groups.iter().enumerate().for_each(|(input, group)| members[*group].push(input));
        members
    }

    /// Whether every zero point is the one in the middle.
    pub(super) fn is_symmetric(&self) -> bool {
        self.zeros.iter().all(|zero| *zero == self.largest().div_ceil(2))
    }

    /// The largest integer.
    pub(super) fn largest(&self) -> u32 {
        self.grouped.layout.largest()
    }

    /// The dtype of the scales.
    pub(super) fn dtype(&self) -> Dtype {
        self.dtype
    }

    pub(super) fn group(&self, group: usize, output: usize) -> Group {
        let at = group * self.grouped.outputs + output;
        Group { scale: self.scales[at], zero: self.zeros[at] }
    }

    pub(super) fn set_group(&mut self, group: usize, output: usize, new: Group) {
        let at = group * self.grouped.outputs + output;
        (self.scales[at], self.zeros[at]) = (new.scale, new.zero);
    }

    /// The value of an integer.
    pub(super) fn value(&self, input: usize, output: usize, group: Group) -> f32 {
        let (word, shift) = self.grouped.layout.place(self.grouped.outputs, input, output);
        let q = (self.integers[word] >> shift) & self.largest();
        group.scale * (q as f32 - group.zero as f32)
    }

    pub(super) fn set(&mut self, input: usize, output: usize, q: u32) {
        let (word, shift) = self.grouped.layout.place(self.grouped.outputs, input, output);
        self.integers[word] = (self.integers[word] & !(self.largest() << shift)) | (q << shift);
    }

    /// The bytes of the tensors, by their names.
    pub(super) fn tensors(self) -> Vec<(String, Vec<u8>)> {
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
