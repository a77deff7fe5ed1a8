//! Where a base or an adapter is: in a folder, or on the hub under a name for which there is no folder here.

use std::borrow::Cow;
use std::path::Path;

use crate::error::Error;

/// The folder of a base.
#[cfg(feature = "hub")]
pub(crate) fn base(path: &Path) -> Result<Cow<'_, Path>, Error> {
    fetched(path, ia3_hub::Kind::Base)
}

/// The folder of an adapter.
#[cfg(feature = "hub")]
pub(crate) fn adapter(path: &Path) -> Result<Cow<'_, Path>, Error> {
    fetched(path, ia3_hub::Kind::Adapter)
}

#[cfg(feature = "hub")]
fn fetched(path: &Path, kind: ia3_hub::Kind) -> Result<Cow<'_, Path>, Error> {
    match ia3_hub::RepoId::of_path(path) {
        Some(id) => Ok(ia3_hub::Hub::from_env().fetch(&id, kind, &mut |_| ())?.folder.into()),
        None => Ok(path.into()),
    }
}

/// The folder of a base.
#[cfg(not(feature = "hub"))]
pub(crate) fn base(path: &Path) -> Result<Cow<'_, Path>, Error> {
    Ok(path.into())
}

/// The folder of an adapter.
#[cfg(not(feature = "hub"))]
pub(crate) fn adapter(path: &Path) -> Result<Cow<'_, Path>, Error> {
    Ok(path.into())
}
