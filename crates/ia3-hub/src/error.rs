use std::io;
use std::path::PathBuf;

use ia3_guard::{few, quote, quote_path};

/// What can go wrong between the hub, its cache and this machine.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HubError {
    /// The hub may not be asked, and the cache does not hold what is needed.
    #[error(
        "there is no folder `{id}` here, the cache `{}` does not hold all files of it, and HF_HUB_OFFLINE forbids to \
         download; check the name, or run once without HF_HUB_OFFLINE",
        quote_path(cache)
    )]
    Offline {
        /// The repository.
        id: String,
        /// The folder of the cache.
        cache: PathBuf,
    },
    /// The hub cannot be reached, and the cache does not hold what is needed.
    #[error(
        "there is no folder `{id}` here, and the hub cannot be reached to download it: {reason}; check the name of the \
         folder, the network and HF_ENDPOINT"
    )]
    Unreachable {
        /// The repository.
        id: String,
        /// What the connection says.
        reason: String,
    },
    /// 401: the hub hides whether the repository exists.
    #[error(
        "there is no folder `{id}` here, and the hub shows no such repository to {} (401); check the name; for a private \
         or gated repository put a token that may read it into HF_TOKEN or into the file `token` of HF_HOME",
        if *token { "the owner of this token" } else { "users without a token" }
    )]
    Unauthorized {
        /// The repository.
        id: String,
        /// Whether a token was sent.
        token: bool,
    },
    /// 401 or 403: the owner wants conditions accepted.
    #[error(
        "the repository `{id}` is gated ({status}); accept its conditions at {page} in a browser, and put a token of that \
         account into HF_TOKEN or into the file `token` of HF_HOME{}",
        if *token { "; the token that was sent has no access yet" } else { "" }
    )]
    Gated {
        /// The repository.
        id: String,
        /// The status.
        status: u16,
        /// The page of the repository.
        page: String,
        /// Whether a token was sent.
        token: bool,
    },
    /// An upload without a token that may write.
    #[error(
        "an upload to `{id}` needs a token with the right to write; put one into HF_TOKEN or into the file `token` of HF_HOME"
    )]
    NeedsToken {
        /// The repository.
        id: String,
    },
    /// An upload while the hub may not be asked.
    #[error("HF_HUB_OFFLINE forbids the upload to `{id}`; run the command without it")]
    NoUploadOffline {
        /// The repository.
        id: String,
    },
    /// 403: the token does not allow it.
    #[error(
        "the hub refuses access to `{id}` (403): {}; use a token with the right to {action} it",
        quote(message)
    )]
    Forbidden {
        /// The repository.
        id: String,
        /// What the hub says.
        message: String,
        /// `read` or `write`.
        action: &'static str,
    },
    /// 404: there is no such repository.
    #[error("there is neither a folder `{id}` here nor such a model on the hub (404); check the name")]
    NoRepository {
        /// The repository.
        id: String,
    },
    /// 404: there is no such branch, tag or commit.
    #[error(
        "the repository `{name}` has no revision `{revision}` (404); name a branch, a tag or a commit after the `@`"
    )]
    NoRevision {
        /// The repository.
        name: String,
        /// The revision.
        revision: String,
    },
    /// The repository has none of the files that are needed.
    #[error("the repository `{id}` is no {what}: it has no {missing}; it holds {}", held(files))]
    NotA {
        /// The repository.
        id: String,
        /// What was expected.
        what: &'static str,
        /// What is missing.
        missing: &'static str,
        /// The files of the repository.
        files: Vec<String>,
    },
    /// Any other status.
    #[error(
        "the hub answered {status} for {url}: {}; try again later, and check HF_ENDPOINT",
        quote(message)
    )]
    Status {
        /// The address.
        url: String,
        /// The status.
        status: u16,
        /// What the hub says.
        message: String,
    },
    /// The answer is not one of the hub's.
    #[error("the answer for {url} is not that of a hub: {}; check HF_ENDPOINT", quote(problem))]
    BadAnswer {
        /// The address.
        url: String,
        /// What is wrong with it.
        problem: String,
    },
    /// The transfer of a file ended before its end, several times.
    #[error(
        "the transfer of `{file}` broke after {received} of {size} bytes: {reason}; run the command again, and it goes on \
         from there"
    )]
    Broken {
        /// The file.
        file: String,
        /// How many bytes are here.
        received: u64,
        /// The bytes of the whole file.
        size: u64,
        /// What the connection says.
        reason: String,
    },
    /// What was received is not the file.
    #[error(
        "what was received for `{file}` is not that file: expected {expected}, found {found}; it was deleted; run the \
         command again, and check HF_ENDPOINT if it happens again"
    )]
    WrongContent {
        /// The file.
        file: String,
        /// The expected size or hash.
        expected: String,
        /// The size or hash that was received.
        found: String,
    },
    /// The cache cannot be written.
    #[error(
        "cannot {action} `{}` in the cache of the hub: {source}; HF_HUB_CACHE names another folder",
        quote_path(path)
    )]
    Cache {
        /// What was tried.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// A file of the cache or of an upload cannot be read.
    #[error(transparent)]
    File(#[from] ia3_guard::FileError),
}

impl HubError {
    /// Whether another try may succeed, so that the cache is good enough until then.
    pub(crate) fn is_transient(&self) -> bool {
        match self {
            Self::Unreachable { .. } => true,
            Self::Status { status, .. } => *status >= 500 || *status == 429,
            _ => false,
        }
    }

    pub(crate) fn cache(action: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::Cache { action, path, source }
    }
}

fn held(files: &[String]) -> String {
    match files.is_empty() {
        true => "nothing".into(),
        false => few(files.iter().map(|file| format!("`{}`", quote(file))), ", "),
    }
}
