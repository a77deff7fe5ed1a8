//! Adding and deleting adapters.

use burn::module::Module;
use ia3_config::Note;
use ia3_core::{Adapter, Ia3Config, MixMethod, Plan, mix};
use ia3_io::check_adapter_name;

use super::{Entry, Ia3Model};
use crate::Error;

impl<M: Module> Ia3Model<M> {
    /// Adds a new adapter: vectors of ones, and copies of `modules_to_save`. It is not active. When it is activated, it is
    /// trained unless the configuration says `inference_mode`.
    ///
    /// # Errors
    ///
    /// [`Error::DuplicateAdapter`], [`Error::AdapterFile`] for a name that is empty or has a `.` or a path separator,
    /// [`Error::Config`] for a configuration that does not fit the model, [`Error::LooseFeedforward`] for one that PEFT
    /// would place where nobody asked for.
    pub fn add_adapter(&mut self, name: &str, config: &Ia3Config) -> Result<(), Error> {
        self.check_new(name)?;
        let plan = config.plan(&self.info)?;
        check_feedforward(&plan)?;
        let adapter = match self.low_cpu_mem_usage {
            true => Adapter::init_lazy(&self.base, &plan),
            false => Adapter::init(&self.base, &plan),
        };
        self.insert_adapter(name, adapter)
    }

    /// Adds an adapter that was made elsewhere, for example by training, by mixing, or from a file. It is not active. When it is
    /// activated, it is trained unless its configuration says `inference_mode`.
    ///
    /// # Errors
    ///
    /// As [`add_adapter`](Self::add_adapter) for the name; [`Error::Adapter`] for an adapter that does not fit the base.
    pub fn insert_adapter(&mut self, name: &str, adapter: impl Into<Adapter>) -> Result<(), Error> {
        self.check_new(name)?;
        let adapter = adapter.into();
        (self.attach)(&self.base, &[&adapter])?;
        let requires_grad = !adapter.config.inference_mode;
        self.adapters.insert(name.into(), Entry { adapter, requires_grad });
        Ok(())
    }

    /// Adds a mix of adapters, see [`mix`]. PEFT's `add_weighted_adapter` is [`MixMethod::Linear`]. The mix is not active. When
    /// it is activated, it is trained.
    ///
    /// # Errors
    ///
    /// As [`add_adapter`](Self::add_adapter) for the name; [`Error::UnknownAdapter`]; [`Error::Adapter`] for adapters that have
    /// no mix.
    pub fn add_weighted_adapter(
        &mut self,
        adapters: &[(&str, f32)],
        method: MixMethod,
        name: &str,
    ) -> Result<(), Error> {
        self.check_new(name)?;
        let pair = |(name, weight): &(&str, f32)| Ok((&self.entry(name)?.adapter, *weight));
        let pairs = adapters.iter().map(pair).collect::<Result<Vec<_>, Error>>()?;
        let mut mixed = mix(&pairs, method)?;
        mixed.config.inference_mode = false;
        self.insert_adapter(name, mixed)
    }

    /// Removes an adapter and returns it. The other adapters stay as they are; without an active adapter the model is the base.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownAdapter`], and [`Error::DeleteMerged`] for one that is merged.
    pub fn delete_adapter(&mut self, name: &str) -> Result<Adapter, Error> {
        self.entry(name)?;
        if self.merged.iter().any(|merged| merged == name) {
            return Err(Error::DeleteMerged { name: name.into() });
        }
        let active: Vec<String> = self.active.iter().filter(|active| *active != name).cloned().collect();
        self.activate(active, self.inference_mode)?;
        let removed = self.adapters.remove(name);
        removed.map(|entry| entry.adapter).ok_or_else(|| self.unknown(name))
    }

    pub(super) fn check_new(&self, name: &str) -> Result<(), Error> {
        check_adapter_name(name)?;
        match self.adapters.contains_key(name) {
            true => Err(Error::DuplicateAdapter { name: name.into() }),
            false => Ok(()),
        }
    }

    pub(super) fn entry(&self, name: &str) -> Result<&Entry, Error> {
        self.adapters.get(name).ok_or_else(|| self.unknown(name))
    }

    fn unknown(&self, name: &str) -> Error {
        Error::UnknownAdapter { name: name.into(), known: self.adapters.keys().cloned().collect() }
    }
}

/// PEFT compares feed-forward names with the ends of paths and does not look for the dot (`tuners/ia3/model.py`).
fn check_feedforward(plan: &Plan) -> Result<(), Error> {
    let loose = plan.notes.iter().find_map(|note| match note {
        Note::LooseFeedforward { name, paths } => Some((name.clone(), paths.clone())),
        _ => None,
    });
    loose.map_or(Ok(()), |(name, paths)| Err(Error::LooseFeedforward { name, paths }))
}
