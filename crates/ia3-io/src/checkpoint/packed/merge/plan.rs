//! Which tensors of the files change, and how.

use std::collections::BTreeMap;

use ia3_config::{ModuleKind, Placement};

use super::edit::Edit;
use super::exact::Exact;
use super::factors::{Factors, LayerFactors};
use super::requantize::requantize;
use super::{PackedMergeError, PackedModel};
use crate::checkpoint::Checkpoint;
use crate::checkpoint::packed::PackedWeight;

/// The edits, by the name of the tensor in the files.
#[derive(Default)]
pub(super) struct Plan {
    pub(super) edits: BTreeMap<String, Edit>,
    /// The relative error `‖W − Wq‖ / ‖W‖` of weights that were quantised again, or whose scales were.
    pub(super) requantized: BTreeMap<String, f64>,
    /// Whether weights may be quantised again.
    requantizes: bool,
}

impl Plan {
    pub(super) fn new(
        file: &Checkpoint,
        factors: &Factors,
        model: &PackedModel,
        requantizes: bool,
    ) -> Result<Self, PackedMergeError> {
        let mut plan = Self { requantizes, ..Self::default() };
        for (module, factors) in &factors.0 {
            plan.layer(file, module, factors, model)?;
        }
        Ok(plan)
    }

    fn layer(
        &mut self,
        file: &Checkpoint,
        module: &str,
        factors: &LayerFactors,
        model: &PackedModel,
    ) -> Result<(), PackedMergeError> {
        let named = |leaf: &str| file.name_of(&format!("{module}.{leaf}"), &model.names);
        let missing = || PackedMergeError::NoWeight {
            module: module.to_string(),
            path: file.path().to_owned(),
            tensor: format!("{module}.weight"),
        };
        let weight = named("weight").ok_or_else(missing)?;
        if let (Some(outputs), Some(bias)) = (&factors.outputs, named("bias")) {
            let len = file.facts(&bias).map_or(0, |facts| facts.shape.iter().product());
            check_len(&bias, "outputs", len, outputs.len())?;
            self.edits.insert(bias, Edit::floats(Some(outputs.clone()), None));
        }
        match file.packed(&weight) {
            None => self.floats(file, module, weight, factors, model),
            Some(packed) => self.packed(file, module, &weight, packed, factors),
        }
    }

    /// Multiplies rows and columns of a weight of floats.
    fn floats(
        &mut self,
        file: &Checkpoint,
        module: &str,
        weight: String,
        factors: &LayerFactors,
        model: &PackedModel,
    ) -> Result<(), PackedMergeError> {
        let mut inputs = factors.inputs.clone();
        if let Some(flipped) = &factors.flipped {
            let inputs = inputs.get_or_insert_with(|| vec![1.0; flipped.len()]);
            inputs
                .iter_mut()
                .zip(flipped)
                .filter(|(_, flip)| **flip)
                .for_each(|(factor, _)| *factor = -*factor);
        }
        let kind = model.info.module(module).map(|module| &module.kind);
        let inputs_first = matches!(kind, Some(ModuleKind::Conv1D { .. }));
        let shape = file.facts(&weight).map(|facts| facts.shape.to_vec()).unwrap_or_default();
        let &[rows, columns] = shape.as_slice() else {
            let expected = kind.and_then(|kind| kind.vector_len(Placement::Output)).unwrap_or(0);
            return Err(PackedMergeError::Shape { tensor: weight, side: "outputs", found: 0, expected });
        };
        let [d_out, d_in] = if inputs_first { [columns, rows] } else { [rows, columns] };
        check_lens(&weight, factors, [d_out, d_in])?;
        let outputs = factors.outputs.clone();
        let edit = if inputs_first { Edit::floats(inputs, outputs) } else { Edit::floats(outputs, inputs) };
        self.edits.insert(weight, edit);
        Ok(())
    }

    /// Multiplies the scales of a quantised weight, and changes the signs of integers; or quantises it again, where that is not
    /// possible and was asked for.
    fn packed(
        &mut self,
        file: &Checkpoint,
        module: &str,
        weight: &str,
        packed: &PackedWeight,
        factors: &LayerFactors,
    ) -> Result<(), PackedMergeError> {
        check_lens(weight, factors, packed.shape)?;
        let again = match Exact::of(file, module, weight, packed, factors) {
            Ok(exact) if !self.requantizes || exact.can_flip(file)? => {
                self.requantized.extend(exact.requantized.map(|error| (weight.to_string(), error)));
                self.edits.extend(exact.edits);
                return Ok(());
            }
            Err(error) if !(self.requantizes && error.is_rounding()) => return Err(error),
            Ok(_) | Err(_) => requantize(file.stored(), weight, packed, factors)?,
        };
        self.requantized.insert(weight.to_string(), again.error);
        self.edits.extend(again.tensors.into_iter().map(|(name, bytes)| (name, Edit::Replace(bytes))));
        Ok(())
    }
}

fn check_lens(
    weight: &str,
    factors: &LayerFactors,
    [d_out, d_in]: [usize; 2],
) -> Result<(), PackedMergeError> {
    if let Some(outputs) = &factors.outputs {
        check_len(weight, "outputs", d_out, outputs.len())?;
    }
    let inputs = factors.inputs.as_ref().map(Vec::len).or(factors.flipped.as_ref().map(Vec::len));
    inputs.map_or(Ok(()), |inputs| check_len(weight, "inputs", d_in, inputs))
}

fn check_len(
    tensor: &str,
    side: &'static str,
    found: usize,
    expected: usize,
) -> Result<(), PackedMergeError> {
    match found == expected {
        true => Ok(()),
        false => Err(PackedMergeError::Shape { tensor: tensor.to_string(), side, found, expected }),
    }
}
