//! The addresses of the hub, and the name of a repository in the cache, as the crate hf-hub has them.
//!
//! The downloads are not those of that crate. Its version 1.0 starts a broken download again from its first byte, compares
//! neither size nor hash, and brings an asynchronous runtime with 130 crates; version 0.5 has one blocking client, but
//! compares no hash either, panics on some answers, and gives up after five seconds when another process holds a lock.

use hf_hub::api::sync::{ApiBuilder, ApiRepo};
use hf_hub::{Cache, Repo, RepoType};

use crate::error::HubError;
use crate::repo_id::RepoId;
use crate::settings::Settings;

/// The addresses of one repository.
pub(crate) struct Address {
    files: ApiRepo,
    repo: Repo,
    endpoint: String,
}

impl Address {
    pub(crate) fn new(id: &RepoId, settings: &Settings) -> Result<Self, HubError> {
        let repo = Repo::with_revision(id.name().into(), RepoType::Model, id.revision().into());
        let builder = ApiBuilder::from_cache(Cache::new(settings.cache.clone())).with_token(None);
        let builder = match &settings.endpoint {
            Some(endpoint) => builder.with_endpoint(endpoint.clone()),
            None => builder,
        };
        let unreachable = |error: hf_hub::api::sync::ApiError| HubError::Unreachable {
            id: id.to_string(),
            reason: error.to_string(),
        };
        let files = builder.with_progress(false).build().map_err(unreachable)?.repo(repo.clone());
        let file = files.url("");
        let endpoint = file.split(&format!("/{}/resolve/", repo.url())).next().unwrap_or(&file).to_string();
        Ok(Self { files, repo, endpoint })
    }

    /// The address of the hub.
    pub(crate) fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// A call of the hub's API about the repository.
    pub(crate) fn api(&self, call: &str) -> String {
        format!("{}/api/models/{}/{call}", self.endpoint, self.repo.url())
    }

    /// The page of the repository, for a browser.
    pub(crate) fn page(&self) -> String {
        format!("{}/{}", self.endpoint, self.repo.url())
    }

    /// What the repository holds at the revision.
    pub(crate) fn listing(&self) -> String {
        format!("{}/api/{}", self.endpoint, self.repo.api_url())
    }

    /// A file of the repository at the revision.
    pub(crate) fn file(&self, name: &str) -> String {
        self.files.url(name)
    }
}

/// The name of the repository's folder in the cache: `models--google--flan-t5-small`.
pub(crate) fn folder_name(id: &RepoId) -> String {
    Repo::new(id.name().into(), RepoType::Model).folder_name()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_those_of_the_hub() {
        let id = RepoId::parse("me/x@refs/pr/1").unwrap();
        let settings = Settings { endpoint: Some("http://127.0.0.1:1".into()), ..Settings::new("cache") };
        let address = Address::new(&id, &settings).unwrap();
        assert_eq!(address.page(), "http://127.0.0.1:1/me/x");
        assert_eq!(address.listing(), "http://127.0.0.1:1/api/models/me/x/revision/refs%2Fpr%2F1");
        assert_eq!(
            address.file("a/config.json"),
            "http://127.0.0.1:1/me/x/resolve/refs%2Fpr%2F1/a/config.json"
        );
        assert!(Address::new(&id, &Settings::new("cache")).unwrap().page().starts_with("https://"));
        assert_eq!(folder_name(&id), "models--me--x");
    }
}
