//! A repository as a folder: from the cache, or downloaded into it.

use std::path::{Path, PathBuf};

use crate::address::Address;
use crate::cache::RepoCache;
use crate::client::Client;
use crate::error::HubError;
use crate::files::{Kind, selected};
use crate::listing::{list, shards};
use crate::progress::{Downloaded, Progress};
use crate::repo_id::RepoId;
use crate::settings::Settings;
use crate::transfer::RemoteFile;

/// The end of the name of an index of shards.
const INDEX: &str = ".index.json";

/// The hub and its cache.
#[derive(Clone, Debug)]
pub struct Hub {
    settings: Settings,
}

/// A repository in the cache.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Fetched {
    /// The folder with its files, a snapshot of the cache.
    pub folder: PathBuf,
    /// The commit of the files.
    pub commit: String,
    /// Why the hub was not asked for a newer commit, where it could not be.
    pub unreachable: Option<String>,
}

impl Hub {
    /// The hub with these settings.
    pub fn new(settings: Settings) -> Self {
        Self { settings }
    }

    /// The hub with the settings of the environment ([`Settings::from_env`]).
    pub fn from_env() -> Self {
        Self::new(Settings::from_env())
    }

    /// The settings.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The folder of a repository with the files that a base or an adapter needs. What is not in the cache is downloaded.
    ///
    /// Every file is compared with the size and the hash that the hub names. A transfer that breaks goes on from where it
    /// broke, also in a later run; other processes that want the same file wait for it. If the hub cannot be reached, what an
    /// earlier run has downloaded is used.
    ///
    /// # Errors
    ///
    /// [`HubError`] for a repository that is not there or may not be read, for a transfer that breaks again and again, and for
    /// content that is not what the hub names. The cache then holds no half of a file under its name.
    pub fn fetch(&self, id: &RepoId, kind: Kind, progress: &mut Progress) -> Result<Fetched, HubError> {
        let cache = RepoCache::new(&self.settings.cache, id);
        let cached = cached(&cache, id, kind);
        match cached {
            Some(cached) if self.settings.offline || id.is_commit() => Ok(cached),
            None if self.settings.offline => {
                Err(HubError::Offline { id: id.to_string(), cache: self.settings.cache.clone() })
            }
            cached => match (self.download(id, kind, &cache, progress), cached) {
                (Err(error), Some(cached)) if error.is_transient() => {
                    Ok(Fetched { unreachable: Some(error.to_string()), ..cached })
                }
                (fetched, _) => fetched,
            },
        }
    }

    fn download(
        &self,
        id: &RepoId,
        kind: Kind,
        cache: &RepoCache,
        progress: &mut Progress,
    ) -> Result<Fetched, HubError> {
        let token = self.settings.token.clone().filter(|_| self.settings.implicit_token);
        let address = Address::new(id, &self.settings)?;
        let client = Client::new(id, &address, token);
        let listing = list(&client, &address.listing())?;
        let commit = listing.commit;
        let pinned = RepoId::parse(&format!("{}@{commit}", id.name())).unwrap_or_else(|| id.clone());
        let download =
            Download { client, address: Address::new(&pinned, &self.settings)?, cache, commit: &commit };
        let files = selected(kind, id, &listing.files)?;
        let index = files.last().filter(|file| file.ends_with(INDEX)).cloned();
        download.all(&files, progress)?;
        let folder = cache.snapshot(&commit);
        if let Some(index) = index {
            let shards: Vec<String> = shards(&folder.join(index))?.into_iter().collect();
            download.all(&shards, progress)?;
        }
        cache.set_commit(id, &commit)?;
        Ok(Fetched { folder, commit, unreachable: None })
    }
}

/// The download of files of one commit.
struct Download<'a> {
    client: Client,
    address: Address,
    cache: &'a RepoCache,
    commit: &'a str,
}

impl Download<'_> {
    /// Downloads those of the files that the snapshot lacks.
    fn all(&self, names: &[String], progress: &mut Progress) -> Result<(), HubError> {
        let folder = self.cache.snapshot(self.commit);
        let missing = names.iter().filter(|name| !folder.join(name).exists());
        let ask = |name: &String| RemoteFile::ask(&self.client, name, self.address.file(name));
        let files = missing.map(ask).collect::<Result<Vec<_>, _>>()?;
        let total = files.iter().map(|file| file.size).sum();
        let mut before = 0;
        for file in &files {
            let mut told = |here| progress(Downloaded { file: &file.name, done: before + here, total });
            file.transfer(&self.client, self.cache, &mut told)?;
            self.cache.link(self.commit, &file.name, &file.hash)?;
            before += file.size;
        }
        Ok(())
    }
}

/// What the cache holds of a repository, if that is enough.
fn cached(cache: &RepoCache, id: &RepoId, kind: Kind) -> Option<Fetched> {
    let commit = cache.commit(id)?;
    let folder = cache.snapshot(&commit);
    is_whole(&folder, kind).then_some(Fetched { folder, commit, unreachable: None })
}

/// Whether a folder has a configuration and weights with all their shards.
fn is_whole(folder: &Path, kind: Kind) -> bool {
    let has = |name: &str| folder.join(name).exists();
    let Some(weights) = kind.weights_among(has) else { return false };
    let shards_there =
        || shards(&folder.join(weights)).is_ok_and(|shards| shards.iter().all(|shard| has(shard)));
    has(kind.config()) && (!weights.ends_with(INDEX) || shards_there())
}
