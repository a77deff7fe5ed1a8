//! Downloads from and uploads to a server of the hub's API on loopback.

#[path = "../server/mod.rs"]
mod server;

mod downloads;
mod refusals;
mod transfers;
mod uploads;

use std::path::Path;

use crate::server::HubServer;
use ia3_hub::{Fetched, Hub, HubError, Kind, RepoId, Settings};

/// The weights of the base in these tests.
const WEIGHTS: &[u8] = &[7; 50_000];

/// A hub whose repository `me/base` is a base.
fn base_server() -> HubServer {
    let server = HubServer::start();
    let files: [(&str, &[u8]); 4] = [
        ("README.md", b"# a model"),
        ("config.json", b"{\"model_type\": \"t5\"}"),
        ("model.safetensors", WEIGHTS),
        ("tokenizer.json", b"{}"),
    ];
    server.add("me/base", &files);
    server
}

fn settings(server: &HubServer, cache: &Path) -> Settings {
    let mut settings = Settings::new(cache);
    settings.endpoint = Some(server.endpoint());
    settings
}

fn id(text: &str) -> RepoId {
    RepoId::parse(text).unwrap()
}

fn fetch(settings: &Settings, name: &str) -> Result<Fetched, HubError> {
    Hub::new(settings.clone()).fetch(&id(name), Kind::Base, &mut |_| ())
}

/// Where the bytes of the weights are until all of them are here.
fn incomplete(cache: &Path) -> Vec<std::path::PathBuf> {
    let blobs = std::fs::read_dir(cache.join("models--me--base/blobs")).unwrap();
    let blobs = blobs.map(|entry| entry.unwrap().path());
    blobs.filter(|path| path.extension().is_some_and(|end| end == "incomplete")).collect()
}
