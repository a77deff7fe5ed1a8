//! Batches whose entries have their own adapters.

use ia3_core::{ActivationSpace, Adapter, attach_rows, freeze};
use ia3_io::BASE_NAME;

use super::Ia3Model;
use crate::Error;

impl<M: ActivationSpace> Ia3Model<M> {
    /// Returns the module to run for a batch whose entry `i` has the adapter `names[i]`, or none where the name is `__base__`;
    /// see [`attach_rows`]. PEFT accepts the same list as `adapter_names`, and ignores it for (IA)³.
    ///
    /// The adapters need not be active, and this value does not change. Only the named adapters take time and memory. Frozen
    /// adapters ([`set_requires_grad`](Self::set_requires_grad)) are frozen in the result.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownAdapter`]; [`Error::Merged`] while adapters are merged; [`Error::Adapter`] for an empty list, and for
    /// an adapter that replaces a parameter which cannot differ between entries.
    pub fn rows<N: AsRef<str>>(&self, names: &[N]) -> Result<M, Error> {
        self.check_unmerged("run rows under adapters of their own")?;
        let row = |name: &N| match name.as_ref() {
            BASE_NAME => Ok(None),
            name => self.entry(name).map(|entry| Some(&entry.adapter)),
        };
        let rows = names.iter().map(row).collect::<Result<Vec<_>, Error>>()?;
        let model = attach_rows(&self.base, &rows)?;
        let entries = names.iter().filter_map(|name| self.adapters.get(name.as_ref()));
        let frozen: Vec<&Adapter> = entries.filter(|e| !e.requires_grad).map(|e| &e.adapter).collect();
        Ok(freeze(model, &frozen))
    }

    /// Reads the adapters of `names` that are not frozen back from `trained`: a result of [`rows`](Self::rows) that was
    /// trained.
    ///
    /// # Errors
    ///
    /// As [`rows`](Self::rows), and [`Error::Adapter`] for a model that does not carry one of them.
    pub fn update_rows<N: AsRef<str>>(&mut self, trained: &M, names: &[N]) -> Result<(), Error> {
        self.check_unmerged("train")?;
        let mut changed = self.clone();
        for name in names.iter().map(AsRef::as_ref).filter(|name| *name != BASE_NAME) {
            let entry = self.entry(name)?;
            if entry.requires_grad {
                let adapter = entry.adapter.extract(trained)?;
                changed.adapters.insert(name.into(), super::Entry { adapter, requires_grad: true });
            }
        }
        changed.activate(self.active.clone(), self.inference_mode)?;
        *self = changed;
        Ok(())
    }
}
