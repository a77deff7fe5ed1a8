//! Which adapters are active, and which of them are trained.

use std::collections::BTreeMap;

use burn::module::Module;
use ia3_core::{Adapter, freeze};

use super::Ia3Model;
use super::recent::Active;
use crate::Error;

impl<M: Module> Ia3Model<M> {
    /// Activates these adapters and deactivates all others. The vectors of several adapters multiply; without a name the model
    /// is the base. Frozen adapters stay frozen.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownAdapter`], [`Error::AdapterTwice`]; [`Error::SavedTwice`] for two that replace one parameter;
    /// [`Error::Merged`] while adapters are merged.
    pub fn set_adapter<N: Into<String>>(&mut self, names: impl IntoIterator<Item = N>) -> Result<(), Error> {
        self.set_active(names.into_iter().map(Into::into).collect(), false)
    }

    /// As [`set_adapter`](Self::set_adapter), and freezes all of them while they are active, as PEFT's
    /// `set_adapter(name, inference_mode=True)` does.
    ///
    /// # Errors
    ///
    /// The errors are those of [`set_adapter`](Self::set_adapter).
    pub fn set_adapter_for_inference<N: Into<String>>(
        &mut self,
        names: impl IntoIterator<Item = N>,
    ) -> Result<(), Error> {
        self.set_active(names.into_iter().map(Into::into).collect(), true)
    }

    /// Sets whether these adapters are trained while they are active.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownAdapter`], [`Error::AdapterTwice`].
    pub fn set_requires_grad<N: Into<String>>(
        &mut self,
        names: impl IntoIterator<Item = N>,
        requires_grad: bool,
    ) -> Result<(), Error> {
        let names: Vec<String> = names.into_iter().map(Into::into).collect();
        self.check_names(&names)?;
        let mut changed = self.clone();
        for (_, entry) in changed.adapters.iter_mut().filter(|(name, _)| names.contains(name)) {
            entry.requires_grad = requires_grad;
        }
        changed.activate(self.active.clone(), self.inference_mode)?;
        *self = changed;
        Ok(())
    }

    /// Reads the active adapters that are not frozen, their vectors and `modules_to_save`, back from `trained`: a clone of
    /// [`model`](Self::model) that was trained.
    ///
    /// # Errors
    ///
    /// [`Error::Merged`] while adapters are merged; [`Error::Adapter`] for a model that does not carry the vectors.
    pub fn update(&mut self, trained: &M) -> Result<(), Error> {
        self.check_unmerged("train")?;
        let mut changed = self.clone();
        for (_, entry) in changed.adapters.iter_mut().filter(|(name, _)| self.is_trained(name)) {
            entry.adapter = entry.adapter.extract(trained)?;
        }
        changed.activate(self.active.clone(), self.inference_mode)?;
        *self = changed;
        Ok(())
    }

    /// Returns whether the adapter is active and not frozen.
    pub fn is_trained(&self, name: &str) -> bool {
        let active = self.active.iter().any(|active| active == name);
        active && !self.inference_mode && self.adapters.get(name).is_some_and(|entry| entry.requires_grad)
    }

    fn set_active(&mut self, names: Vec<String>, inference_mode: bool) -> Result<(), Error> {
        self.check_names(&names)?;
        self.check_unmerged("activate others")?;
        let active = (names, inference_mode);
        let model = match self.recent.take(&active) {
            Some(model) => model,
            None => self.attached(&active)?,
        };
        let before = std::mem::replace(&mut self.model, model);
        self.recent.keep((std::mem::take(&mut self.active), self.inference_mode), before);
        (self.active, self.inference_mode) = active;
        Ok(())
    }

    /// The base with these adapters attached, frozen where they are.
    fn attached(&self, (names, inference_mode): &Active) -> Result<M, Error> {
        let adapters = self.together(names)?;
        let model = (self.attach)(&self.base, &adapters)?;
        let is_frozen = |(name, _): &(&String, &&Adapter)| {
            *inference_mode || !self.adapters.get(*name).is_some_and(|entry| entry.requires_grad)
        };
        let frozen: Vec<&Adapter> =
            names.iter().zip(&adapters).filter(is_frozen).map(|(_, adapter)| *adapter).collect();
        Ok(freeze(model, &frozen))
    }

    /// Attaches known adapters again after one of them changed. Merged weights stay in use.
    pub(super) fn activate(&mut self, names: Vec<String>, inference_mode: bool) -> Result<(), Error> {
        if self.merged.is_empty() {
            self.model = self.attached(&(names.clone(), inference_mode))?;
        }
        self.recent.clear();
        self.active = names;
        self.inference_mode = inference_mode;
        Ok(())
    }

    /// The adapters of these names, if they can work together.
    pub(super) fn together(&self, names: &[String]) -> Result<Vec<&Adapter>, Error> {
        let mut replaced = BTreeMap::new();
        let mut adapters = vec![];
        for name in names {
            let adapter = &self.entry(name)?.adapter;
            for path in adapter.saved.keys() {
                if let Some(first) = replaced.insert(path.clone(), name.clone()) {
                    return Err(Error::SavedTwice { path: path.clone(), first, second: name.clone() });
                }
            }
            adapters.push(adapter);
        }
        Ok(adapters)
    }

    pub(super) fn check_names(&self, names: &[String]) -> Result<(), Error> {
        for (i, name) in names.iter().enumerate() {
            self.entry(name)?;
            if names[..i].contains(name) {
                return Err(Error::AdapterTwice { name: name.clone() });
            }
        }
        Ok(())
    }

    pub(super) fn check_unmerged(&self, action: &'static str) -> Result<(), Error> {
        match self.merged.is_empty() {
            true => Ok(()),
            false => Err(Error::Merged { names: self.merged.clone(), action }),
        }
    }
}
