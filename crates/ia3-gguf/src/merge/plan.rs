//! Which tensors a merge changes, and how.

use std::collections::BTreeMap;

use ia3_config::Placement;

use super::edit::Edit;
use super::record::MergedRecord;
use super::{MergeOptions, ModuleVector};
use crate::error::{GgufError, MergeError};
use crate::file::{GgufFile, TensorInfo};
use crate::names::{Architecture, Before, Layer};

/// The edits of a merge, by tensor.
///
/// [`new`](Self::new) checks names, shapes and types without reading a tensor; [`prepare`](Self::prepare) tries the
/// edits on every tensor.
#[derive(Clone, Debug)]
pub struct MergePlan {
    pub(crate) edits: BTreeMap<String, Edit>,
    pub(crate) options: MergeOptions,
}

impl MergePlan {
    /// Plans to merge vectors into a file. Several vectors of one layer are multiplied.
    ///
    /// # Errors
    ///
    /// [`MergeError`] in [`GgufError::Merge`], naming the layer and the tensor; [`GgufError::Architecture`] and
    /// [`GgufError::TensorType`].
    pub fn new(file: &GgufFile, vectors: &[ModuleVector], options: MergeOptions) -> Result<Self, GgufError> {
        if let Some(MergedRecord { base_sha256: base, adapters }) = MergedRecord::of(file)? {
            return Err(MergeError::AlreadyMerged { path: file.path().to_owned(), adapters, base }.into());
        }
        let mut planner = Planner {
            file,
            architecture: Architecture::of(file)?,
            options: &options,
            edits: BTreeMap::new(),
        };
        vectors.iter().try_for_each(|vector| planner.add(vector))?;
        let edits = planner.edits;
        Ok(Self { edits, options })
    }
}

struct Planner<'a> {
    file: &'a GgufFile,
    architecture: Architecture,
    options: &'a MergeOptions,
    edits: BTreeMap<String, Edit>,
}

impl Planner<'_> {
    fn add(&mut self, vector: &ModuleVector) -> Result<(), GgufError> {
        let module = &vector.module;
        if let Some((at, value)) = vector.values.iter().enumerate().find(|(_, value)| !value.is_finite()) {
            return Err(MergeError::NotFinite { module: module.clone(), at, value: *value }.into());
        }
        let layer = self.architecture.layer(module).ok_or_else(|| MergeError::NoModule {
            module: module.clone(),
            architecture: self.architecture.name().to_owned(),
        })?;
        match vector.placement {
            Placement::Output => self.output(module, &layer, &vector.values),
            Placement::Input => self.input(module, layer, &vector.values),
        }
    }

    fn tensor(&self, module: &str, name: &str) -> Result<&TensorInfo, GgufError> {
        let missing = || MergeError::NoTensor { module: module.to_owned(), tensor: name.to_owned() };
        let tensor = self.file.tensor(name).ok_or_else(missing)?;
        tensor.kind.format.ok_or_else(|| tensor.not("merged into"))?;
        Ok(tensor)
    }

    fn output(&mut self, module: &str, layer: &Layer, values: &[f32]) -> Result<(), GgufError> {
        let tensor = self.tensor(module, &format!("{}.weight", layer.tensor))?;
        let rows = tensor.rows();
        check_len(module, tensor, "rows", values.len(), rows)?;
        if !rows.is_multiple_of(layer.order.divisor()) {
            let (tensor, heads) = (tensor.name.clone(), layer.order.divisor());
            return Err(MergeError::Heads { tensor, rows, heads }.into());
        }
        let factors = (0..rows).map(|row| values[layer.order.source(row, rows) as usize]).collect();
        self.rows(module, &layer.tensor, factors)
    }

    /// Scales the rows of a weight, and the values of its bias if there is one.
    fn rows(&mut self, module: &str, stem: &str, factors: Vec<f32>) -> Result<(), GgufError> {
        let bias = format!("{stem}.bias");
        if self.file.tensor(&bias).is_some() {
            let tensor = self.tensor(module, &bias)?;
            check_len(module, tensor, "values", factors.len(), tensor.len())?;
            self.check_columns(module, tensor)?;
            self.edits.entry(bias).or_default().scale_columns(&factors, module);
        }
        self.edits.entry(format!("{stem}.weight")).or_default().scale_rows(factors);
        Ok(())
    }

    fn input(&mut self, module: &str, layer: Layer, values: &[f32]) -> Result<(), GgufError> {
        let tensor = self.tensor(module, &format!("{}.weight", layer.tensor))?;
        check_len(module, tensor, "columns", values.len(), tensor.columns())?;
        let columns = tensor.name.clone();
        match layer.before {
            Before::Gated { up, second_half } => self.gated(module, &up, second_half, values),
            Before::GatedOrRelu { first, gate } if self.file.tensor(&gate).is_some() => {
                self.gated(module, &first, false, values)
            }
            Before::GatedOrRelu { first, .. } => {
                self.gated(module, &first, false, &values.iter().map(|v| v.abs()).collect::<Vec<_>>())?;
                self.signs(module, &columns, values)
            }
            Before::Other => {
                self.check_columns(module, self.tensor(module, &columns)?)?;
                self.edits.entry(columns).or_default().scale_columns(values, module);
                Ok(())
            }
        }
    }

    /// Moves factors of the inputs of a block's last layer to the rows that compute them.
    fn gated(&mut self, module: &str, up: &str, second_half: bool, values: &[f32]) -> Result<(), GgufError> {
        let tensor = self.tensor(module, &format!("{up}.weight"))?;
        let before = if second_half { values.len() } else { 0 };
        check_len(module, tensor, "rows", values.len() + before, tensor.rows())?;
        self.rows(module, up, std::iter::repeat_n(1.0, before).chain(values.iter().copied()).collect())
    }

    fn signs(&mut self, module: &str, columns: &str, values: &[f32]) -> Result<(), GgufError> {
        let flipped: Vec<bool> = values.iter().map(|value| *value < 0.0).collect();
        if flipped.contains(&true) {
            self.edits.entry(columns.to_owned()).or_default().flip(flipped, module);
        }
        Ok(())
    }

    /// Refuses factors of columns of a tensor whose columns share scales, unless it may be quantised again.
    fn check_columns(&self, module: &str, tensor: &TensorInfo) -> Result<(), GgufError> {
        let good = tensor
            .kind
            .format
            .is_some_and(|format| format.is_float() || self.options.requantize && format.can_encode());
        match good {
            true => Ok(()),
            false => Err(MergeError::InputVector {
                module: module.to_owned(),
                tensor: tensor.name.clone(),
                kind: tensor.kind.name,
                block: tensor.kind.block,
            }
            .into()),
        }
    }
}

fn check_len(
    module: &str,
    tensor: &TensorInfo,
    side: &'static str,
    found: usize,
    expected: u64,
) -> Result<(), MergeError> {
    match found as u64 == expected {
        true => Ok(()),
        false => Err(MergeError::Length {
            module: module.to_owned(),
            tensor: tensor.name.clone(),
            side,
            found: found as u64,
            expected,
        }),
    }
}
