//! Where the files of an adapter are.

use std::path::PathBuf;

use super::catalog::{Catalog, Version};
use crate::error::ServeError;

/// Where the files of an adapter are.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Origin {
    /// In a folder, which had this version.
    Folder(PathBuf, Version),
    /// In a repository of the hub.
    #[cfg(feature = "hub")]
    Hub(ia3::hub::RepoId),
}

impl Origin {
    /// Where the adapter of this name is.
    pub(super) fn of(name: &str, catalog: &Catalog) -> Result<Self, ServeError> {
        if let Some((folder, version)) = catalog.find(name) {
            return Ok(Self::Folder(folder, version));
        }
        #[cfg(feature = "hub")]
        if let Some(id) = ia3::hub::RepoId::parse(name).filter(|id| id.name().contains('/')) {
            return match catalog.hub() {
                Some(_) => Ok(Self::Hub(id)),
                None => Err(ServeError::NoHub { name: name.into() }),
            };
        }
        Err(ServeError::NoModel { name: name.into() })
    }

    /// The folder with the files, which are downloaded if they are on the hub and not in its cache.
    pub(super) fn folder(&self, #[allow(unused)] catalog: &Catalog) -> Result<PathBuf, String> {
        match self {
            Self::Folder(folder, _) => Ok(folder.clone()),
            #[cfg(feature = "hub")]
            Self::Hub(id) => {
                let hub = catalog.hub().ok_or("no hub is known")?;
                let fetched = hub.fetch(id, ia3::hub::Kind::Adapter, &mut |_| ());
                Ok(fetched.map_err(|error| error.to_string())?.folder)
            }
        }
    }

    /// Whether the files are others now.
    pub(super) fn has_changed(&self) -> bool {
        match self {
            Self::Folder(folder, version) => Catalog::version(folder).as_ref() != Some(version),
            // A snapshot of a commit stays as it is.
            #[cfg(feature = "hub")]
            Self::Hub(_) => false,
        }
    }
}
