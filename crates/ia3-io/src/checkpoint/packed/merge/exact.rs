//! The edits of a quantised weight that keep its integers, or change only their signs.

use super::PackedMergeError;
use super::edit::{Edit, flip};
use super::factors::LayerFactors;
use super::nested::{self, Requantized};
use crate::checkpoint::Checkpoint;
use crate::checkpoint::packed::four_bit::FourBit;
use crate::checkpoint::packed::{Kind, PackedWeight, parts};

/// The edits, by the name of the tensor.
#[derive(Default)]
pub(super) struct Exact {
    pub(super) edits: Vec<(String, Edit)>,
    /// The relative error of the weight, if its scales were quantised again.
    pub(super) requantized: Option<f64>,
}

impl Exact {
    pub(super) fn of(
        file: &Checkpoint,
        module: &str,
        weight: &str,
        packed: &PackedWeight,
        factors: &LayerFactors,
    ) -> Result<Self, PackedMergeError> {
        if factors.inputs.is_some() {
            return Err(PackedMergeError::InputVector { module: module.to_string() });
        }
        let mut exact = Self::default();
        if let Some(outputs) = factors.outputs.clone() {
            match &packed.kind {
                Kind::Grouped(grouped) => {
                    exact.edits.push((grouped.part("scales"), Edit::floats(None, Some(outputs))));
                }
                Kind::Int8(int8) => exact.edits.push((int8.scales(), Edit::floats(Some(outputs), None))),
                Kind::FourBit(four_bit) => exact.four_bit(file, weight, four_bit, &outputs)?,
            }
        }
        if let Some(flipped) = factors.flipped.clone() {
            let (weight, module) = (weight.to_string(), module.to_string());
            exact.edits.push((integers(&packed.kind), Edit::Flip { weight, flipped, module }));
        }
        Ok(exact)
    }

    fn four_bit(
        &mut self,
        file: &Checkpoint,
        weight: &str,
        four_bit: &FourBit,
        outputs: &[f32],
    ) -> Result<(), PackedMergeError> {
        let blocks = four_bit.block_factors(outputs).ok_or_else(|| PackedMergeError::SharedScale {
            tensor: weight.to_string(),
            block: four_bit.block,
            inputs: four_bit.shape[1],
        })?;
        if four_bit.nested.is_none() {
            self.edits.push((four_bit.part("absmax"), Edit::floats(Some(blocks), None)));
            return Ok(());
        }
        let Requantized { error, tensors } = nested::requantize(file.stored(), four_bit, &blocks)?;
        self.requantized = Some(error);
        self.edits.extend(tensors.into_iter().map(|(name, bytes)| (name, Edit::Replace(bytes))));
        Ok(())
    }

    /// Whether every integer whose sign changes has an opposite.
    pub(super) fn can_flip(&self, file: &Checkpoint) -> Result<bool, PackedMergeError> {
        for (name, edit) in &self.edits {
            if let Edit::Flip { weight, flipped, .. } = edit
                && flip(file, weight, flipped, &mut parts::bytes(file.stored(), name)?)?.is_some()
            {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

/// The name of the tensor of the integers.
fn integers(kind: &Kind) -> String {
    match kind {
        Kind::Grouped(grouped) => grouped.part("qweight"),
        Kind::Int8(int8) => int8.integers(),
        Kind::FourBit(four_bit) => four_bit.name().to_string(),
    }
}
