//! What a repository holds, and which files an index of shards names.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use ia3_guard::Limit;
use serde::Deserialize;

use crate::client::{Client, bad};
use crate::error::HubError;
use crate::files::is_plain;
use crate::repo_id::is_commit;

/// The files of a repository at a commit.
pub(crate) struct Listing {
    pub(crate) commit: String,
    pub(crate) files: Vec<String>,
}

#[derive(Deserialize)]
struct Info {
    sha: String,
    #[serde(default)]
    siblings: Vec<Sibling>,
}

#[derive(Deserialize)]
struct Sibling {
    rfilename: String,
}

/// Asks for the files of a repository.
pub(crate) fn list(client: &Client, url: &str) -> Result<Listing, HubError> {
    let mut response = client.get(url, 0)?;
    let text = response.body_mut().with_config().limit(Limit::CONFIG.bytes).read_to_string();
    let text = text.map_err(|error| bad(url, error))?;
    let info: Info = serde_json::from_str(&text).map_err(|error| bad(url, error))?;
    match is_commit(&info.sha) {
        true => Ok(Listing {
            commit: info.sha,
            files: info.siblings.into_iter().map(|file| file.rfilename).collect(),
        }),
        false => Err(bad(url, format!("`{}` is no commit", info.sha))),
    }
}

/// The files that an index of shards names.
pub(crate) fn shards(index: &Path) -> Result<BTreeSet<String>, HubError> {
    #[derive(Deserialize)]
    struct Index {
        weight_map: BTreeMap<String, String>,
    }
    let text = ia3_guard::read_text(index, Limit::CONFIG)?;
    let place = index.display().to_string();
    let index: Index = serde_json::from_str(&text).map_err(|error| bad(&place, error))?;
    let files: BTreeSet<String> = index.weight_map.into_values().collect();
    match files.iter().find(|file| !is_plain(file)) {
        Some(file) => Err(bad(&place, format!("`{file}` is no name of a shard"))),
        None => Ok(files),
    }
}
