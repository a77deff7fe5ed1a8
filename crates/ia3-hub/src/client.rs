//! Requests, and what the statuses of the hub mean.

use std::fs::File;
use std::time::Duration;

use ureq::http::{HeaderMap, Response, StatusCode, Uri};
use ureq::{Agent, Body};

use crate::address::Address;
use crate::error::HubError;
use crate::repo_id::RepoId;

/// The most redirects in a row.
const REDIRECTS: usize = 8;
/// How long a connection may take, and how long it may be silent.
const CONNECT: Duration = Duration::from_secs(20);
const SILENCE: Duration = Duration::from_secs(60);
/// The most characters of an error page that are read.
const MESSAGE: u64 = 4096;

/// Asks the hub about one repository.
pub(crate) struct Client {
    agent: Agent,
    token: Option<String>,
    id: RepoId,
    page: String,
}

/// Which redirects a request follows.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Follow {
    All,
    /// Those within the hub. A file that is in a store is described by the hub's redirect to it.
    Relative,
}

impl Client {
    pub(crate) fn new(id: &RepoId, address: &Address, token: Option<String>) -> Self {
        let agent = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .accept_encoding("identity")
            .user_agent(concat!("ia3/", env!("CARGO_PKG_VERSION")))
            .timeout_connect(Some(CONNECT))
            .timeout_recv_response(Some(SILENCE))
            .timeout_per_read(Some(SILENCE))
            .build()
            .new_agent();
        Self { agent, token, id: id.clone(), page: address.page() }
    }

    /// The answer to `GET`, from byte `from` on.
    pub(crate) fn get(&self, url: &str, from: u64) -> Result<Response<Body>, HubError> {
        self.checked(url, self.send("GET", url, from, Follow::All)?, "read")
    }

    /// The headers of the answer to `HEAD`, which may be a redirect to a store.
    pub(crate) fn head(&self, url: &str) -> Result<HeaderMap, HubError> {
        let response = self.send("HEAD", url, 0, Follow::Relative)?;
        match response.status().is_redirection() {
            true => Ok(response.headers().clone()),
            false => Ok(self.checked(url, response, "read")?.headers().clone()),
        }
    }

    /// Sends a request and follows redirects. The token goes to the hub only, never to a store.
    fn send(&self, method: &str, url: &str, from: u64, follow: Follow) -> Result<Response<Body>, HubError> {
        let mut url = url.to_string();
        let hub = authority(&url);
        for _ in 0..REDIRECTS {
            let token = self.token.as_ref().filter(|_| authority(&url) == hub);
            let mut request = ureq::http::Request::builder().method(method).uri(&url);
            if let Some(token) = token {
                request = request.header("authorization", format!("Bearer {token}"));
            }
            if from > 0 {
                request = request.header("range", format!("bytes={from}-"));
            }
            let request = request.body(()).map_err(|error| bad(&url, error))?;
            let response = self.agent.run(request).map_err(|error| self.unreachable(error))?;
            let next = response.headers().get("location").and_then(|place| place.to_str().ok());
            let Some(next) = next.filter(|_| response.status().is_redirection()) else { return Ok(response) };
            match absolute(&url, next) {
                next if follow == Follow::Relative && authority(&next) != authority(&url) => {
                    return Ok(response);
                }
                next => url = next,
            }
        }
        Err(bad(&url, "too many redirects"))
    }

    /// The answer to `POST` of the hub, whatever its status is.
    pub(crate) fn post(&self, url: &str, kind: &str, body: &[u8]) -> Result<Response<Body>, HubError> {
        let mut request = ureq::http::Request::post(url)
            .header("content-type", kind)
            .header("accept", kind_of_answer(kind));
        if let Some(token) = self.token.as_ref().filter(|_| authority(url) == authority(&self.page)) {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        let request = request.body(body).map_err(|error| bad(url, error))?;
        self.agent.run(request).map_err(|error| self.unreachable(error))
    }

    /// The answer to `PUT` of a store, which gets the headers that the hub names and no token.
    pub(crate) fn put<'a>(
        &self,
        url: &str,
        headers: impl Iterator<Item = (&'a str, &'a str)>,
        content: &File,
    ) -> Result<Response<Body>, HubError> {
        let request =
            headers.fold(ureq::http::Request::put(url), |request, (name, value)| request.header(name, value));
        let request = request.body(content).map_err(|error| bad(url, error))?;
        self.agent.run(request).map_err(|error| self.unreachable(error))
    }

    fn unreachable(&self, error: impl ToString) -> HubError {
        HubError::Unreachable { id: self.id.to_string(), reason: error.to_string() }
    }

    /// The answer if its status is one of success.
    pub(crate) fn checked(
        &self,
        url: &str,
        response: Response<Body>,
        action: &'static str,
    ) -> Result<Response<Body>, HubError> {
        let status = response.status();
        if status.is_success() {
            return Ok(response);
        }
        let header = |name: &str| {
            response.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_string()
        };
        let (code, said) = (header("x-error-code"), header("x-error-message"));
        let said = if said.is_empty() { message(response) } else { said };
        Err(self.refused(url, status, &code, said, action))
    }

    fn refused(
        &self,
        url: &str,
        status: StatusCode,
        code: &str,
        message: String,
        action: &'static str,
    ) -> HubError {
        let (id, token) = (self.id.to_string(), self.token.is_some());
        match (status, code) {
            (_, "GatedRepo") => {
                HubError::Gated { id, status: status.as_u16(), page: self.page.clone(), token }
            }
            (StatusCode::UNAUTHORIZED, _) if action == "write" => HubError::NeedsToken { id },
            (StatusCode::UNAUTHORIZED, _) => HubError::Unauthorized { id, token },
            (StatusCode::FORBIDDEN, _) => HubError::Forbidden { id, message, action },
            (StatusCode::NOT_FOUND, "RevisionNotFound") => {
                HubError::NoRevision { name: self.id.name().into(), revision: self.id.revision().into() }
            }
            (StatusCode::NOT_FOUND, _) => HubError::NoRepository { id },
            _ => HubError::Status { url: url.into(), status: status.as_u16(), message },
        }
    }
}

/// An answer that no hub gives.
pub(crate) fn bad(url: &str, problem: impl ToString) -> HubError {
    HubError::BadAnswer { url: url.into(), problem: problem.to_string() }
}

/// The beginning of an error page.
fn message(mut response: Response<Body>) -> String {
    let text = response.body_mut().with_config().limit(MESSAGE).read_to_string().unwrap_or_default();
    if text.trim().is_empty() { "no message".into() } else { text }
}

/// The answers about large files have the type of the question, all others are JSON.
fn kind_of_answer(kind: &str) -> &str {
    if kind.contains("git-lfs") { kind } else { "application/json" }
}

/// `host:port` with the scheme: where a token may go.
fn authority(url: &str) -> Option<(String, String)> {
    let uri: Uri = url.parse().ok()?;
    Some((uri.scheme_str()?.to_string(), uri.authority()?.to_string()))
}

/// The address that a redirect names, relative to where it came from.
fn absolute(from: &str, next: &str) -> String {
    if next.contains("://") {
        return next.into();
    }
    let (scheme, host) = authority(from).unwrap_or_default();
    format!("{scheme}://{host}/{}", next.trim_start_matches('/'))
}
