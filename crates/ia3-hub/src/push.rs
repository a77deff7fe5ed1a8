//! Uploads of adapters: small files in the commit itself, large ones through the store.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ia3_guard::{Limit, sha256};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use ureq::Body;
use ureq::http::Response;

use crate::address::Address;
use crate::client::{Client, bad};
use crate::error::HubError;
use crate::hub::Hub;
use crate::repo_id::RepoId;

/// The type of the requests about large files.
const LFS: &str = "application/vnd.git-lfs+json";
const JSON: &str = "application/json";
const LINES: &str = "application/x-ndjson";
/// The bytes of a file by which the hub decides how it is stored.
const SAMPLE: usize = 512;
/// The largest file that is a part of the commit itself.
const SMALL: Limit = Limit { bytes: 10 << 20, what: "a file that is uploaded in a commit" };

/// What to upload.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Upload {
    /// The files, all of which have names.
    pub files: Vec<PathBuf>,
    /// The message of the commit.
    pub message: String,
    /// Whether only its owner sees the repository. This is said of a new repository; one that is there stays as it is.
    pub private: bool,
}

impl Upload {
    /// An upload of these files into a public repository.
    pub fn new(files: Vec<PathBuf>) -> Self {
        Self { files, message: "Upload adapter".into(), private: false }
    }
}

/// What was uploaded.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Pushed {
    /// The page of the repository.
    pub page: String,
    /// The new commit.
    pub commit: String,
}

/// A file that is uploaded.
struct Local<'a> {
    path: &'a Path,
    name: String,
    size: u64,
    sample: String,
}

impl Hub {
    /// Uploads files in one commit to the branch `main` of a repository, which is made if it does not exist.
    ///
    /// # Errors
    ///
    /// [`HubError::NeedsToken`] and [`HubError::Forbidden`] without the right to write, [`HubError::Offline`], and what the
    /// network and the files say. The commit is the last request, so a repository has all of the files or none.
    pub fn push(&self, id: &RepoId, upload: &Upload) -> Result<Pushed, HubError> {
        let settings = self.settings();
        if settings.offline {
            return Err(HubError::NoUploadOffline { id: id.to_string() });
        }
        let Some(token) = settings.token.clone() else {
            return Err(HubError::NeedsToken { id: id.to_string() });
        };
        let address = Address::new(id, settings)?;
        let push = Push { client: Client::new(id, &address, Some(token)), address: &address, id };
        let files = upload.files.iter().map(|path| Local::of(path)).collect::<Result<Vec<_>, _>>()?;
        push.create(upload.private)?;
        let large = push.large(&files)?;
        let mut lines =
            vec![json!({"key": "header", "value": {"summary": upload.message, "description": ""}})];
        for file in &files {
            lines.push(match large.get(&file.name) {
                Some(true) => push.stored(file)?,
                _ => file.line()?,
            });
        }
        Ok(Pushed { page: address.page(), commit: push.commit(&lines)? })
    }
}

struct Push<'a> {
    client: Client,
    address: &'a Address,
    id: &'a RepoId,
}

impl Push<'_> {
    fn create(&self, private: bool) -> Result<(), HubError> {
        let (owner, name) = self.id.name().split_once('/').unwrap_or(("", self.id.name()));
        let body = json!({"type": "model", "name": name, "organization": owner, "private": private});
        let url = format!("{}/api/repos/create", self.address.endpoint());
        let response = self.client.post(&url, JSON, body.to_string().as_bytes())?;
        match response.status().as_u16() {
            // It is there already.
            409 => Ok(()),
            _ => self.client.checked(&url, response, "write").map(|_| ()),
        }
    }

    /// Which files go through the store.
    fn large(&self, files: &[Local]) -> Result<BTreeMap<String, bool>, HubError> {
        #[derive(Deserialize)]
        struct Modes {
            files: Vec<Mode>,
        }
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Mode {
            path: String,
            upload_mode: String,
        }
        let entry = |file: &Local| json!({"path": file.name, "size": file.size, "sample": file.sample});
        let body = json!({"files": files.iter().map(entry).collect::<Vec<_>>()});
        let modes: Modes =
            self.ask(&self.address.api("preupload/main"), JSON, body.to_string().as_bytes())?;
        Ok(modes.files.into_iter().map(|mode| (mode.path, mode.upload_mode == "lfs")).collect())
    }

    /// Uploads a large file to the store, unless it is there, and returns its line of the commit.
    fn stored(&self, file: &Local) -> Result<Value, HubError> {
        let hash = sha256::of_file(file.path)
            .map_err(|source| ia3_guard::FileError::io("read", file.path, source))?;
        let object = json!({"oid": hash, "size": file.size});
        let body = json!({"operation": "upload", "transfers": ["basic"], "objects": [object], "hash_algo": "sha256"});
        let url = format!("{}.git/info/lfs/objects/batch", self.address.page());
        let answer: Value = self.ask(&url, LFS, body.to_string().as_bytes())?;
        let answered = &answer["objects"][0];
        if let Some(message) = answered["error"]["message"].as_str() {
            return Err(bad(&url, message));
        }
        let actions = &answered["actions"];
        if let Some(place) = actions["upload"]["href"].as_str() {
            let headers = actions["upload"]["header"].as_object().into_iter().flatten();
            let headers = headers.filter_map(|(name, value)| Some((name.as_str(), value.as_str()?)));
            let content = ia3_guard::open(file.path)?;
            let response = self.client.put(place, headers, &content)?;
            self.client.checked(place, response, "write")?;
        }
        if let Some(place) = actions["verify"]["href"].as_str() {
            let response = self.client.post(place, LFS, object.to_string().as_bytes())?;
            self.client.checked(place, response, "write")?;
        }
        let value = json!({"path": file.name, "algo": "sha256", "oid": hash, "size": file.size});
        Ok(json!({"key": "lfsFile", "value": value}))
    }

    fn commit(&self, lines: &[Value]) -> Result<String, HubError> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Commit {
            commit_oid: String,
        }
        let body: String = lines.iter().map(|line| format!("{line}\n")).collect();
        let commit: Commit = self.ask(&self.address.api("commit/main"), LINES, body.as_bytes())?;
        Ok(commit.commit_oid)
    }

    fn ask<T: DeserializeOwned>(&self, url: &str, kind: &str, body: &[u8]) -> Result<T, HubError> {
        let response = self.client.post(url, kind, body)?;
        read(url, self.client.checked(url, response, "write")?)
    }
}

fn read<T: DeserializeOwned>(url: &str, mut response: Response<Body>) -> Result<T, HubError> {
    let text = response.body_mut().with_config().limit(Limit::CONFIG.bytes).read_to_string();
    serde_json::from_str(&text.map_err(|error| bad(url, error))?).map_err(|error| bad(url, error))
}

impl<'a> Local<'a> {
    fn of(path: &'a Path) -> Result<Self, HubError> {
        use std::io::Read;
        let failed = |source| ia3_guard::FileError::io("read", path, source);
        let file = ia3_guard::open(path)?;
        let size = file.metadata().map_err(failed)?.len();
        let mut sample = vec![];
        file.take(SAMPLE as u64).read_to_end(&mut sample).map_err(failed)?;
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        Ok(Self { path, name, size, sample: STANDARD.encode(sample) })
    }

    /// The file as a line of the commit.
    fn line(&self) -> Result<Value, HubError> {
        let content = STANDARD.encode(ia3_guard::read_bytes(self.path, SMALL)?);
        Ok(json!({"key": "file", "value": {"path": self.name, "encoding": "base64", "content": content}}))
    }
}
