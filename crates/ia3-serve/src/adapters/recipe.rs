//! What an adapter is made of, and how it is read.

use ia3::core::{AdapterTable, MixMethod, describe_non_finite};
use ia3::{Adapter, Model};

use super::catalog::Catalog;
use super::mix_name::Named;
use super::origin::Origin;
use crate::error::ServeError;

/// What an adapter is made of, as it was when a request asked for it.
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
    origin: Origin,
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
            let origin = Origin::of(name, catalog)?;
            Ok(Part { name: name.into(), weight, origin })
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

    /// Reads the adapter, and checks that the table can take it. It takes as long as the disk or the hub needs.
    pub(super) fn read(
        &self,
        base: &Model,
        table: &AdapterTable,
        catalog: &Catalog,
    ) -> Result<Adapter, Refusal> {
        let read = self.parts.iter().map(|part| part.read(base, catalog)).collect::<Result<Vec<_>, _>>();
        // What was read in vain may be half of an old folder and half of a new one too.
        if self.parts.iter().any(|part| part.origin.has_changed()) {
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
    fn read(&self, base: &Model, catalog: &Catalog) -> Result<Adapter, ServeError> {
        let folder = self.origin.folder(catalog).map_err(|reason| refused(&self.name, reason))?;
        let adapter = Adapter::load(&folder, base).map_err(|error| refused(&self.name, error.to_string()))?;
        match adapter.non_finite() {
            broken if broken.is_empty() => Ok(adapter),
            broken => Err(refused(&self.name, describe_non_finite(&broken))),
        }
    }
}

pub(super) fn refused(name: &str, reason: String) -> ServeError {
    ServeError::Adapter { name: name.into(), reason }
}
