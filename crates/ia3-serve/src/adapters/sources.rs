use std::path::PathBuf;

/// Where adapters come from.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct AdapterSources {
    /// The folder whose subfolders are adapters.
    pub folder: Option<PathBuf>,
    /// The hub that adapters are downloaded from whose names are those of repositories (`OWNER/NAME`, `OWNER/NAME@REVISION`); `None`
    /// downloads nothing.
    #[cfg(feature = "hub")]
    pub hub: Option<ia3::hub::Hub>,
}

impl AdapterSources {
    /// The subfolders of a folder.
    pub fn new(folder: impl Into<Option<PathBuf>>) -> Self {
        Self {
            folder: folder.into(),
            #[cfg(feature = "hub")]
            hub: None,
        }
    }

    /// Sets [`hub`](Self::hub).
    #[cfg(feature = "hub")]
    pub fn with_hub(self, hub: impl Into<Option<ia3::hub::Hub>>) -> Self {
        Self { hub: hub.into(), ..self }
    }
}

impl From<Option<PathBuf>> for AdapterSources {
    fn from(folder: Option<PathBuf>) -> Self {
        Self::new(folder)
    }
}
