//! Weights of GPTQ and AWQ: reading them, and changing signs in place. The layout is that of [`Layout`].

use rayon::prelude::*;
use safetensors::Dtype;

use super::super::parts::{self, Kind};
use super::layout::Layout;
use crate::checkpoint::CheckpointError;
use crate::checkpoint::stored_tensors::StoredTensors;

/// A weight of GPTQ or AWQ, whose tensors have been checked.
#[derive(Clone, Debug)]
pub(crate) struct Grouped {
    /// The path of the layer.
    stem: String,
    pub(in crate::checkpoint::packed) layout: Layout,
    inputs: usize,
    pub(in crate::checkpoint::packed) outputs: usize,
    pub(in crate::checkpoint::packed) groups: usize,
    /// The number of inputs of a group, where groups follow each other.
    group_size: usize,
    has_index: bool,
}

impl Grouped {
    /// The weight of the layer at `stem`. `group_size` is that of the configuration; `None` is one group.
    pub(in crate::checkpoint::packed) fn of(
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

    pub(in crate::checkpoint::packed) fn program(&self) -> &'static str {
        match self.layout {
            Layout::Gptq { .. } => "GPTQ",
            Layout::Awq => "AWQ",
        }
    }

    /// `[d_out, d_in]`
    pub(in crate::checkpoint::packed) fn shape(&self) -> [usize; 2] {
        [self.outputs, self.inputs]
    }

    /// The names of its tensors.
    pub(in crate::checkpoint::packed) fn parts(&self) -> Vec<String> {
        let names = ["qweight", "qzeros", "scales"].into_iter().chain(self.has_index.then_some("g_idx"));
        names.map(|name| self.part(name)).collect()
    }

    pub(in crate::checkpoint::packed) fn part(&self, name: &str) -> String {
        format!("{}.{name}", self.stem)
    }

    /// The values, `[d_in, d_out]`.
    pub(in crate::checkpoint::packed) fn decode(
        &self,
        file: &StoredTensors,
    ) -> Result<Vec<f32>, CheckpointError> {
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
    pub(in crate::checkpoint::packed) fn zeros(
        &self,
        file: &StoredTensors,
    ) -> Result<Vec<u32>, CheckpointError> {
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
    pub(in crate::checkpoint::packed) fn groups(
        &self,
        file: &StoredTensors,
    ) -> Result<Vec<usize>, CheckpointError> {
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
    pub(in crate::checkpoint::packed) fn flip(
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
