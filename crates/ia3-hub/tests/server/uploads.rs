//! Uploads: a repository is made, large files go to the store, and a commit names them all.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::answers::{git_hash, sha256};
use super::http::{Answer, Request};
use super::{Access, Repo, State};

/// The token that may write.
pub(crate) const WRITE_TOKEN: &str = "hf_write";

pub(crate) fn answer(request: &Request, state: &mut State) -> Option<Answer> {
    if request.method != "POST" {
        return None;
    }
    match request.token() {
        Some(WRITE_TOKEN) => (),
        Some(_) => return Some(Answer::new(403, "this token may not write")),
        None => return Some(Answer::new(401, "log in")),
    }
    let path = request.path.clone();
    let body = || serde_json::from_slice::<Value>(&request.body).ok();
    if path == "/api/repos/create" {
        return Some(create(&body()?, state));
    }
    if let Some(id) = path.strip_suffix(".git/info/lfs/objects/batch") {
        return Some(batch(id, &body()?, state));
    }
    let api = path.strip_prefix("/api/models/")?;
    if let Some(id) = api.strip_suffix("/preupload/main") {
        return state.repos.contains_key(id).then(|| modes(&body().unwrap_or_default()));
    }
    let id = api.strip_suffix("/commit/main")?;
    Some(commit(id, &String::from_utf8_lossy(&request.body), state))
}

fn create(body: &Value, state: &mut State) -> Answer {
    let name = |key: &str| body[key].as_str().unwrap_or_default().to_string();
    let id = format!("{}/{}", name("organization"), name("name"));
    if state.repos.contains_key(&id) {
        return Answer::new(409, "You already created this model repo");
    }
    let access = if body["private"] == true { Access::Private(WRITE_TOKEN) } else { Access::Open };
    let repo = Repo { commit: git_hash(id.as_bytes()), files: BTreeMap::new(), access };
    state.repos.insert(id, repo);
    Answer::new(200, "{}")
}

/// Which files are large: the hub's `.gitattributes` says so of every new repository.
fn modes(body: &Value) -> Answer {
    let mode = |file: &Value| {
        let path = file["path"].as_str().unwrap_or_default();
        let mode = if path.ends_with(".safetensors") { "lfs" } else { "regular" };
        json!({"path": path, "uploadMode": mode, "shouldIgnore": false})
    };
    let files: Vec<Value> = body["files"].as_array().into_iter().flatten().map(mode).collect();
    Answer::new(200, json!({ "files": files }).to_string())
}

fn batch(id: &str, body: &Value, state: &State) -> Answer {
    assert!(state.repos.contains_key(id.trim_start_matches('/')), "{id}");
    let object = |object: &Value| {
        let hash = object["oid"].as_str().unwrap_or_default();
        let mut answer = json!({"oid": hash, "size": object["size"]});
        if !state.store_files.contains_key(hash) {
            answer["actions"] = json!({"upload": {"href": format!("http://{}/store/{hash}", state.store)}});
        }
        answer
    };
    let objects: Vec<Value> = body["objects"].as_array().into_iter().flatten().map(object).collect();
    Answer::new(200, json!({ "objects": objects }).to_string())
}

/// The lines of a commit: a header, and a file in each other line.
fn commit(id: &str, lines: &str, state: &mut State) -> Answer {
    let lines: Vec<Value> = lines.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    let mut files = vec![];
    for line in &lines {
        let value = &line["value"];
        let path = value["path"].as_str().unwrap_or_default().to_string();
        match line["key"].as_str() {
            Some("header") => (),
            Some("file") => files.push((path, decoded(value["content"].as_str().unwrap_or_default()))),
            Some("lfsFile") => {
                let hash = value["oid"].as_str().unwrap_or_default();
                match state.store_files.get(hash) {
                    Some(bytes) if sha256(bytes) == hash => files.push((path, bytes.clone())),
                    _ => return Answer::new(400, "an object is missing in the store"),
                }
            }
            _ => return Answer::new(400, "what is this line?"),
        }
    }
    let Some(repo) = state.repos.get_mut(id) else { return Answer::new(404, "no such repository") };
    repo.files.extend(files);
    repo.commit = git_hash(repo.commit.as_bytes());
    Answer::new(200, json!({"commitUrl": "x", "commitOid": repo.commit}).to_string())
}

/// The bytes of base64.
fn decoded(text: &str) -> Vec<u8> {
    const DIGITS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let digits = text.bytes().filter_map(|byte| DIGITS.iter().position(|digit| *digit == byte));
    let (mut bits, mut held, mut bytes) = (0, 0_u32, vec![]);
    for digit in digits {
        (held, bits) = ((held << 6) | digit as u32, bits + 6);
        if bits >= 8 {
            bits -= 8;
            bytes.push((held >> bits) as u8);
            held &= (1 << bits) - 1;
        }
    }
    bytes
}
