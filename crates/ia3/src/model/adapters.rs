//! Adapters on a model.

use ia3_core::{attach, attach_rows};

use super::Model;
use crate::adapter::Adapter;
use crate::error::Error;

/// The adapters that a model carries.
#[derive(Clone, Debug)]
pub(super) enum Attached {
    None,
    /// Their vectors multiply, for every batch entry.
    All(Vec<Adapter>),
    /// The adapter of each batch entry.
    Rows(Vec<Option<Adapter>>),
}

impl Attached {
    /// Each adapter once, in the order in which they were given.
    pub(super) fn distinct(&self) -> Vec<&Adapter> {
        let all: Vec<&Adapter> = match self {
            Self::None => vec![],
            Self::All(adapters) => adapters.iter().collect(),
            Self::Rows(rows) => rows.iter().flatten().collect(),
        };
        let mut distinct: Vec<&Adapter> = vec![];
        for adapter in all {
            if !distinct.iter().any(|known| known.param_ids() == adapter.param_ids()) {
                distinct.push(adapter);
            }
        }
        distinct
    }

    /// The same adapters with the values that `module` has.
    fn extract(&self, module: &ia3_models::Model) -> Result<Self, Error> {
        let extract = |adapter: &Adapter| adapter.extract(module);
        Ok(match self {
            Self::None => Self::None,
            Self::All(adapters) => Self::All(adapters.iter().map(extract).collect::<Result<_, _>>()?),
            Self::Rows(rows) => {
                let extract = |row: &Option<Adapter>| row.as_ref().map(extract).transpose();
                Self::Rows(rows.iter().map(extract).collect::<Result<_, _>>()?)
            }
        })
    }
}

impl Model {
    /// Returns the model with an adapter attached. It shares every weight with this one.
    ///
    /// # Errors
    ///
    /// [`Error::Adapter`] for an adapter that does not fit, or a model that carries adapters already; start from
    /// [`without_adapters`](Self::without_adapters) then.
    pub fn with_adapter(&self, adapter: &Adapter) -> Result<Self, Error> {
        self.with_adapters([adapter])
    }

    /// Returns the model with several adapters attached, whose vectors multiply. It shares every weight with this one.
    ///
    /// # Errors
    ///
    /// As [`with_adapter`](Self::with_adapter), and for two adapters that replace the same parameter (`modules_to_save`).
    pub fn with_adapters<'a>(&self, adapters: impl IntoIterator<Item = &'a Adapter>) -> Result<Self, Error> {
        let adapters: Vec<Adapter> = adapters.into_iter().cloned().collect();
        let values: Vec<&ia3_core::Adapter> = adapters.iter().map(|adapter| &**adapter).collect();
        let module = attach(&self.module, &values)?;
        Ok(Self { module, adapters: Attached::All(adapters), base: self.base.clone() })
    }

    /// Returns the model for batches of `rows.len()` entries, where entry `i` has the adapter `rows[i]`, or none where that
    /// is `None`. The weights are multiplied once for the whole batch; see [`attach_rows`].
    ///
    /// ```no_run
    /// # let (base, formal, brief): (ia3::Model, ia3::Adapter, ia3::Adapter) = todo!();
    /// let model = base.with_rows(&[Some(&formal), Some(&brief), None])?;
    /// println!("{}", model.generate(["date: 2009-05-31"; 3]).run()?);
    /// # Ok::<(), ia3::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`with_adapter`](Self::with_adapter), for no rows at all, and for an adapter that replaces a parameter which cannot
    /// differ between entries.
    pub fn with_rows(&self, rows: &[Option<&Adapter>]) -> Result<Self, Error> {
        let values: Vec<Option<&ia3_core::Adapter>> =
            rows.iter().map(|row| row.map(|adapter| &**adapter)).collect();
        let module = attach_rows(&self.module, &values)?;
        let rows = rows.iter().map(|row| row.cloned()).collect();
        Ok(Self { module, adapters: Attached::Rows(rows), base: self.base.clone() })
    }

    /// Returns the base, without the adapters that this model carries.
    pub fn without_adapters(&self) -> Self {
        let module = self.base.module.clone();
        Self { module, adapters: Attached::None, base: self.base.clone() }
    }

    /// Returns the adapter that the model carries, with its trained values.
    ///
    /// # Errors
    ///
    /// [`Error::NotOneAdapter`] for a model that carries none or several; see [`adapters`](Self::adapters).
    pub fn adapter(&self) -> Result<&Adapter, Error> {
        match self.adapters.distinct().as_slice() {
            [adapter] => Ok(adapter),
            adapters => Err(Error::NotOneAdapter { found: adapters.len() }),
        }
    }

    /// Returns the adapters that the model carries, each once, in the order in which they were attached.
    pub fn adapters(&self) -> Vec<&Adapter> {
        self.adapters.distinct()
    }

    /// Whether every batch entry has an adapter of its own.
    #[cfg(feature = "train")]
    pub(crate) fn has_rows(&self) -> bool {
        matches!(self.adapters, Attached::Rows(_))
    }

    /// Takes back the burn module of this model after it was trained with burn directly.
    ///
    /// # Errors
    ///
    /// [`Error::Adapter`] for a module that does not carry the adapters of this model.
    pub fn with_module(&self, module: ia3_models::Model) -> Result<Self, Error> {
        let adapters = self.adapters.extract(&module)?;
        match adapters {
            Attached::None => Ok(Self::of(super::Base { module, ..super::Base::clone(&self.base) })),
            adapters => Ok(Self { module, adapters, base: self.base.clone() }),
        }
    }
}
