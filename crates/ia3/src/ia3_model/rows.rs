//! Every row of a batch under its own adapter.

use ia3_core::{ActivationSpace, Adapter, attach_rows, freeze};
use ia3_io::BASE_NAME;

use super::Ia3Model;
use crate::Error;

impl<M: ActivationSpace> Ia3Model<M> {
    /// What to run for a batch whose row `i` is under the adapter `names[i]`, or under none where that is `__base__`;
    /// see [`attach_rows`]. PEFT's `adapter_names`, which it accepts for (IA)³ and does not follow.
    ///
    /// The names need not be active, and nothing changes here. Only the adapters that are named cost anything. Those
    /// that are frozen ([`set_requires_grad`](Self::set_requires_grad)) are frozen in the result.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownAdapter`]; [`Error::Merged`] while adapters are merged; [`Error::Adapter`] without a row, or where
    /// an adapter replaces a parameter that cannot differ by row.
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

    /// Takes back what was trained by rows: the adapters of `names` that are not frozen, from a model that
    /// [`rows`](Self::rows) became by training.
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
