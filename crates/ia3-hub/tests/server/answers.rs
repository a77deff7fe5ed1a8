//! What the hub and its store answer.

use serde_json::json;
use sha1::Sha1;
use sha2::{Digest, Sha256};

use super::http::{Answer, Request};
use super::{Access, Repo, SendFault, State, uploads};

pub(crate) fn of_hub(request: &Request, state: &mut State) -> Answer {
    log("hub", request, state);
    if let Some((from, to)) = state.moved.iter().find(|(from, _)| request.path.contains(from.as_str())) {
        return Answer::new(307, "").with("location", request.path.replacen(from, to, 1));
    }
    if let Some(answer) = uploads::answer(request, state) {
        return answer;
    }
    let Some((id, rest)) = repository(&request.path) else { return missing("RepoNotFound") };
    let Some(repo) = state.repos.get(&id).cloned() else {
        // The hub does not tell strangers whether a repository is there.
        return if request.token().is_some() {
            missing("RepoNotFound")
        } else {
            Answer::new(401, "Invalid username")
        };
    };
    if let Some(refused) = refused(&repo, request) {
        return refused;
    }
    match rest.split_once('/') {
        Some(("revision", revision)) if is_known(&repo, revision) => listing(&repo),
        Some(("resolve", place)) => match place.split_once('/') {
            Some((revision, file)) if is_known(&repo, revision) => resolved(&repo, file, request, state),
            _ => missing("RevisionNotFound"),
        },
        _ => missing("RevisionNotFound"),
    }
}

/// The store knows files by their hash, and answers only requests without a token.
pub(crate) fn of_store(request: &Request, state: &mut State) -> Answer {
    log("store", request, state);
    let hash = request.path.trim_start_matches("/store/").to_string();
    if request.token().is_some() {
        return Answer::new(400, "a token belongs to the hub alone");
    }
    if request.method == "PUT" {
        state.store_files.insert(hash, request.body.clone());
        return Answer::new(200, "");
    }
    let files = state.repos.values().flat_map(|repo| &repo.files);
    let mut found =
        files.filter(|(_, bytes)| sha256(bytes) == hash).map(|(name, bytes)| (name.clone(), bytes.clone()));
    match found.next() {
        Some((name, bytes)) => sent(&name, bytes, request, state),
        None => Answer::new(404, "no such object"),
    }
}

fn log(place: &str, request: &Request, state: &mut State) {
    let mut line = format!("{place} {} {}", request.method, request.path);
    if request.from() > 0 {
        line += &format!(" from {}", request.from());
    }
    if request.token().is_some() {
        line += " with token";
    }
    state.log.push(line);
}

/// `OWNER/NAME` and what follows it, of a page or of the API.
fn repository(path: &str) -> Option<(String, String)> {
    let path = path.trim_start_matches("/api/models").trim_start_matches('/');
    let parts: Vec<&str> = path.split('/').collect();
    let verb = parts.iter().position(|part| ["revision", "resolve"].contains(part))?;
    Some((parts[..verb].join("/"), parts[verb..].join("/")))
}

fn is_known(repo: &Repo, revision: &str) -> bool {
    revision == "main" || revision == repo.commit
}

fn refused(repo: &Repo, request: &Request) -> Option<Answer> {
    match repo.access {
        Access::Private(token) if request.token() != Some(token) => {
            Some(Answer::new(401, "Invalid username"))
        }
        Access::Gated(token) if request.token() != Some(token) => {
            let status = if request.token().is_some() { 403 } else { 401 };
            Some(Answer::new(status, "Access to it is restricted").with("x-error-code", "GatedRepo"))
        }
        _ => None,
    }
}

fn missing(code: &str) -> Answer {
    Answer::new(404, "not found").with("x-error-code", code)
}

fn listing(repo: &Repo) -> Answer {
    let files: Vec<_> = repo.files.keys().map(|name| json!({"rfilename": name})).collect();
    Answer::new(200, json!({"id": "x", "sha": repo.commit, "siblings": files}).to_string())
}

/// Large files are in the store.
fn resolved(repo: &Repo, file: &str, request: &Request, state: &mut State) -> Answer {
    let Some(bytes) = repo.files.get(file) else { return missing("EntryNotFound") };
    if file.ends_with(".safetensors") || file.ends_with(".bin") {
        let hash = sha256(bytes);
        return Answer::new(302, "")
            .with("location", format!("http://{}/store/{hash}", state.store))
            .with("x-repo-commit", &repo.commit)
            .with("x-linked-etag", format!("\"{hash}\""))
            .with("x-linked-size", bytes.len());
    }
    let answer = sent(file, bytes.clone(), request, state);
    answer.with("x-repo-commit", &repo.commit).with("etag", format!("\"{}\"", git_hash(bytes)))
}

/// The bytes of a file, with the fault that is set for it.
fn sent(name: &str, mut bytes: Vec<u8>, request: &Request, state: &mut State) -> Answer {
    let fault = if request.method == "HEAD" { None } else { state.faults.get(name).copied() };
    let mut again = |fault: Option<SendFault>| match fault {
        Some(fault) => state.faults.insert(name.into(), fault),
        None => state.faults.remove(name),
    };
    let more = |times: usize| times.checked_sub(1).filter(|&times| times > 0);
    let mut from = request.from().min(bytes.len());
    let mut sent = usize::MAX;
    match fault {
        Some(SendFault::Busy(times)) => {
            again(more(times).map(SendFault::Busy));
            return Answer::new(503, "busy");
        }
        Some(SendFault::Break(after, times)) => {
            again(more(times).map(|times| SendFault::Break(after, times)));
            sent = after;
        }
        Some(SendFault::Change(times)) => {
            again(more(times).map(SendFault::Change));
            if let Some(last) = bytes.last_mut() {
                *last ^= 1;
            }
        }
        Some(SendFault::NoRange) => from = 0,
        None => (),
    }
    let status = if from > 0 { 206 } else { 200 };
    Answer::new(status, bytes.split_off(from)).broken_after(sent)
}

pub(crate) fn sha256(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

pub(crate) fn git_hash(bytes: &[u8]) -> String {
    hex(&Sha1::new_with_prefix(format!("blob {}\0", bytes.len())).chain_update(bytes).finalize())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
