//! Merging, which always computes from the base, and unmerging, which goes back to it.

use burn::module::Module;
use ia3_core::{merge, merge_safe};

use super::Ia3Model;
use crate::Error;

/// Which adapters [`Ia3Model::merge_adapter`] merges, and with which checks. The default merges the active ones.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct MergeOptions {
    /// Whether merged weights that are NaN or infinite are an error.
    pub safe_merge: bool,
    /// The adapters to merge, instead of the active ones.
    pub adapter_names: Option<Vec<String>>,
}

impl MergeOptions {
    /// Merges the active adapters.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets whether merged weights that are NaN or infinite are an error.
    pub fn with_safe_merge(mut self, safe: bool) -> Self {
        self.safe_merge = safe;
        self
    }

    /// Sets the adapters to merge.
    pub fn with_adapter_names<N: Into<String>>(mut self, names: impl IntoIterator<Item = N>) -> Self {
        self.adapter_names = Some(names.into_iter().map(Into::into).collect());
        self
    }
}

impl<M: Module> Ia3Model<M> {
    /// Folds adapters into the weights of [`model`](Self::model), in addition to those that are merged already. The result
    /// contains the merged adapters only, whichever adapters are active.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownAdapter`], [`Error::AdapterTwice`], [`Error::SavedTwice`]; [`Error::AlreadyMerged`] and
    /// [`Error::NothingToMerge`]; [`Error::Adapter`] with [`NotFinite`](ia3_core::AdapterError::NotFinite) under
    /// `safe_merge`. After an error nothing is merged.
    pub fn merge_adapter(&mut self, options: &MergeOptions) -> Result<(), Error> {
        let names = self.to_merge(options)?;
        if let Some(name) = names.iter().find(|name| self.merged.contains(name)) {
            return Err(Error::AlreadyMerged { name: name.clone() });
        }
        let merged = [self.merged.clone(), names].concat();
        self.model = self.merge(&merged, options.safe_merge)?;
        self.merged = merged;
        Ok(())
    }

    /// Returns to the base with the active adapters attached. This is exact to the bit, because the base was kept and no
    /// weight is divided.
    ///
    /// # Errors
    ///
    /// [`Error::NotMerged`] if no adapter is merged.
    pub fn unmerge_adapter(&mut self) -> Result<(), Error> {
        if self.merged.is_empty() {
            return Err(Error::NotMerged);
        }
        let mut unmerged = Self { merged: vec![], ..self.clone() };
        unmerged.activate(self.active.clone(), self.inference_mode)?;
        *self = unmerged;
        Ok(())
    }

    /// Returns the base with adapters folded into its weights, in addition to those that are merged already. This value does
    /// not change.
    ///
    /// # Errors
    ///
    /// As [`merge_adapter`](Self::merge_adapter), except that adapters may be merged already.
    pub fn merge_and_unload(&self, options: &MergeOptions) -> Result<M, Error> {
        let names = self.to_merge(options)?;
        let new = names.into_iter().filter(|name| !self.merged.contains(name));
        let all: Vec<String> = self.merged.iter().cloned().chain(new).collect();
        self.merge(&all, options.safe_merge)
    }

    /// Returns the base without adapters.
    pub fn unload(&self) -> M {
        self.base.clone()
    }

    fn to_merge(&self, options: &MergeOptions) -> Result<Vec<String>, Error> {
        let names = options.adapter_names.as_ref().unwrap_or(&self.active);
        self.check_names(names)?;
        match names.is_empty() {
            true => Err(Error::NothingToMerge),
            false => Ok(names.clone()),
        }
    }

    fn merge(&self, names: &[String], safe: bool) -> Result<M, Error> {
        let adapters = self.together(names)?;
        Ok(if safe { merge_safe(&self.base, &adapters)? } else { merge(&self.base, &adapters)? })
    }
}
