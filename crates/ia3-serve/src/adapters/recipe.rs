//! What an adapter is made of, and how it is read.

use std::path::PathBuf;

use ia3::core::{AdapterTable, MixMethod, describe_non_finite};
use ia3::{Adapter, Model};

use super::catalog::{Catalog, Version};
use super::mix_name::Named;
use crate::error::ServeError;

/// The folders that an adapter is made of, as they were when a request asked for it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Recipe {
    pub(super) name: String,
    parts: Vec<Part>,
    /// How the parts become one; `None` for one adapter as it is.
    method: Option<MixMethod>,
}

#[derive(Clone, Debug, PartialEq)]
struct Part {
    name: String,
    weight: f32,
    folder: PathBuf,
    version: Version,
}

/// Why an adapter was not read.
#[derive(Debug)]
pub(super) enum Refusal {
    /// A folder changed while it was read, so what was read may be half old and half new.
    Changed,
    Broken(ServeError),
}

impl Recipe {
    /// The recipe of the adapter or the mix of this name, from a look at each of its folders.
    pub(super) fn of(name: &str, catalog: &Catalog) -> Result<Self, ServeError> {
        let part = |name: &str, weight| {
            let missing = || ServeError::NoModel { name: name.into() };
            let (folder, version) = catalog.find(name).ok_or_else(missing)?;
            Ok(Part { name: name.into(), weight, folder, version })
        };
        let (parts, method) = match Named::parse(name)? {
            Named::One(name) => (vec![part(name, 1.0)?], None),
            Named::Mix(parts, method) => {
                let parts = parts.into_iter().map(|(name, weight)| part(name, weight));
                (parts.collect::<Result<_, ServeError>>()?, Some(method))
            }
        };
        Ok(Self { name: name.into(), parts, method })
    }

    /// Reads the adapter, and checks that the table can take it. It takes as long as the disk needs.
    pub(super) fn read(&self, base: &Model, table: &AdapterTable) -> Result<Adapter, Refusal> {
        let read = self.parts.iter().map(|part| part.read(base)).collect::<Result<Vec<_>, _>>();
        // What was read in vain may be half of an old folder and half of a new one too.
        if self.parts.iter().any(Part::has_changed) {
            return Err(Refusal::Changed);
        }
        let adapters = read.map_err(Refusal::Broken)?;
        let broken = |error: ia3::AdapterError| Refusal::Broken(refused(&self.name, error.to_string()));
        let adapter = match self.method {
            None => adapters.into_iter().next().ok_or(Refusal::Changed)?,
            Some(method) => {
                let weighted = adapters.iter().zip(&self.parts).map(|(adapter, part)| (adapter, part.weight));
                Adapter::mix(&weighted.collect::<Vec<_>>(), method)
                    .map_err(|error| Refusal::Broken(refused(&self.name, error.to_string())))?
            }
        };
        table.check(&adapter).map_err(broken)?;
        Ok(adapter)
    }
}

impl Part {
    fn read(&self, base: &Model) -> Result<Adapter, ServeError> {
        let adapter =
            Adapter::load(&self.folder, base).map_err(|error| refused(&self.name, error.to_string()))?;
        match adapter.non_finite() {
            broken if broken.is_empty() => Ok(adapter),
            broken => Err(refused(&self.name, describe_non_finite(&broken))),
        }
    }

    fn has_changed(&self) -> bool {
        Catalog::version(&self.folder).as_ref() != Some(&self.version)
    }
}

pub(super) fn refused(name: &str, reason: String) -> ServeError {
    ServeError::Adapter { name: name.into(), reason }
}
