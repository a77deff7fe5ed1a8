//! Adapters folded into the weights.

use ia3_core::{Requantized, merge, merge_requantizing, merge_safe};

use super::base::Base;
use super::{Attached, Model};
use crate::adapter::Adapter;
use crate::error::Error;

impl Model {
    /// Returns the model with the adapter folded into its weights. Inference then costs what the base costs. This model
    /// stays as it is, so nothing ever needs to be unmerged.
    ///
    /// # Errors
    ///
    /// [`Error::Adapter`] for an adapter that does not fit, for a model that carries adapters, and for a quantised weight
    /// whose input the adapter scales; see [`merge_requantizing`](Self::merge_requantizing).
    pub fn merge(&self, adapter: &Adapter) -> Result<Self, Error> {
        Ok(self.merged(merge(&self.module, &[adapter])?))
    }

    /// As [`merge`](Self::merge), and refuses merged weights that are NaN or infinite, as PEFT's `safe_merge` does.
    ///
    /// # Errors
    ///
    /// As [`merge`](Self::merge), and [`Error::Adapter`] with the first layer whose weights are not finite.
    pub fn merge_safe(&self, adapter: &Adapter) -> Result<Self, Error> {
        Ok(self.merged(merge_safe(&self.module, &[adapter])?))
    }

    /// As [`merge`](Self::merge), and quantises weights anew that cannot take the adapter otherwise. The result has the
    /// relative error that this makes in each of them.
    ///
    /// # Errors
    ///
    /// [`Error::Adapter`] for an adapter that does not fit, and for a model that carries adapters.
    pub fn merge_requantizing(&self, adapter: &Adapter) -> Result<Requantized<Self>, Error> {
        let Requantized { model, errors, .. } = merge_requantizing(&self.module, &[adapter])?;
        Ok(Requantized { model: self.merged(model), errors })
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
        Ok(self.merged(merge(&self.base.module, &adapters)?))
    }

    fn merged(&self, module: ia3_models::Model) -> Self {
        Self::of(Base { module, ..Base::clone(&self.base) })
    }
}
