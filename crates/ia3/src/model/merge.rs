//! Adapters folded into the weights.

use std::collections::BTreeMap;

use ia3_core::{AdapterError, Requantized, merge, merge_requantizing, merge_safe, move_inputs};

use super::base::Base;
use super::{Attached, Model};
use crate::adapter::Adapter;
use crate::error::Error;

impl Model {
    /// Returns the model with the adapter folded into its weights. Inference then costs what the base costs. This model
    /// stays as it is, so nothing ever needs to be unmerged.
    ///
    /// Into quantised weights the merge is exact: vectors on the inputs of a feed-forward block's last layer are moved to the
    /// layer before where a gate or a ReLU is between them ([`move_inputs`]).
    ///
    /// # Errors
    ///
    /// [`Error::Adapter`] for an adapter that does not fit, for a model that carries adapters, and for a quantised weight
    /// whose input the adapter scales and where that is not exact; see [`merge_requantizing`](Self::merge_requantizing).
    pub fn merge(&self, adapter: &Adapter) -> Result<Self, Error> {
        merged(&self.base, &self.module, &[adapter], merge)
    }

    /// As [`merge`](Self::merge), and refuses merged weights that are NaN or infinite, as PEFT's `safe_merge` does.
    ///
    /// # Errors
    ///
    /// As [`merge`](Self::merge), and [`Error::Adapter`] with the first layer whose weights are not finite.
    pub fn merge_safe(&self, adapter: &Adapter) -> Result<Self, Error> {
        merged(&self.base, &self.module, &[adapter], merge_safe)
    }

    /// As [`merge`](Self::merge), and quantises weights anew that cannot take the adapter otherwise. The result has the
    /// relative error that this makes in each of them.
    ///
    /// # Errors
    ///
    /// [`Error::Adapter`] for an adapter that does not fit, and for a model that carries adapters.
    pub fn merge_requantizing(&self, adapter: &Adapter) -> Result<Requantized<Self>, Error> {
        let mut errors = BTreeMap::new();
        let model = merged(&self.base, &self.module, &[adapter], |base, adapters| {
            let requantized = merge_requantizing(base, adapters)?;
            errors = requantized.errors;
            Ok(requantized.model)
        })?;
        Ok(Requantized { model, errors })
    }

    /// Returns the base with the adapters that this model carries folded into its weights: PEFT's `merge_and_unload`.
    ///
    /// # Errors
    ///
    /// As [`merge`](Self::merge), and [`Error::RowAdapters`] for a model whose batch entries have their own adapters.
    pub fn merge_and_unload(&self) -> Result<Self, Error> {
        if let Attached::Rows(_) = self.adapters {
            return Err(Error::RowAdapters { action: "be merged" });
        }
        let adapters: Vec<&ia3_core::Adapter> =
            self.adapters().into_iter().map(|adapter| &**adapter).collect();
        merged(&self.base, &self.base.module, &adapters, merge)
    }
}

/// The model that `how` makes of `module` and adapters, which are rewritten for the quantised layers first.
fn merged(
    base: &Base,
    module: &ia3_models::Model,
    adapters: &[&ia3_core::Adapter],
    how: impl FnOnce(&ia3_models::Model, &[&ia3_core::Adapter]) -> Result<ia3_models::Model, AdapterError>,
) -> Result<Model, Error> {
    let moved = move_inputs(module, adapters);
    let module = how(module, &moved.iter().collect::<Vec<_>>())?;
    Ok(Model::of(Base { module, ..Base::clone(base) }))
}
