//! A small server of the hub's API on loopback, with a store of large files on a second port, and with faults on demand.
#![allow(dead_code)] // Each test target uses a part of this module.

mod answers;
mod http;
mod uploads;

use std::collections::BTreeMap;
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::thread;

use self::http::Request;
#[allow(unused_imports)] // Not every test target uploads.
pub(crate) use self::uploads::WRITE_TOKEN;

/// The server. Its threads end with the process.
#[derive(Debug)]
pub(crate) struct HubServer {
    hub: SocketAddr,
    state: Arc<Mutex<State>>,
}

/// Who may read a repository.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    /// Everybody.
    Open,
    /// Whoever has the token; its existence is hidden from others.
    Private(&'static str),
    /// Whoever has the token, because its owner accepted the conditions.
    Gated(&'static str),
}

/// How the bytes of a file are sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SendFault {
    /// The connection ends after this many bytes, this many times.
    Break(usize, usize),
    /// The last byte is another, this many times.
    Change(usize),
    /// The whole file is sent, whatever range was asked for.
    NoRange,
    /// The status 503, this many times.
    Busy(usize),
}

#[derive(Debug)]
pub(crate) struct State {
    pub(crate) store: SocketAddr,
    pub(crate) repos: BTreeMap<String, Repo>,
    pub(crate) moved: BTreeMap<String, String>,
    pub(crate) faults: BTreeMap<String, SendFault>,
    pub(crate) store_files: BTreeMap<String, Vec<u8>>,
    pub(crate) log: Vec<String>,
}

#[derive(Clone, Debug)]
pub(crate) struct Repo {
    pub(crate) commit: String,
    pub(crate) files: BTreeMap<String, Vec<u8>>,
    pub(crate) access: Access,
}

impl HubServer {
    /// Starts a server without repositories.
    pub(crate) fn start() -> Self {
        let listen = || TcpListener::bind("127.0.0.1:0").expect("loopback");
        let (hub, store) = (listen(), listen());
        let address = |listener: &TcpListener| listener.local_addr().expect("an address");
        let state = State {
            store: address(&store),
            repos: BTreeMap::new(),
            moved: BTreeMap::new(),
            faults: BTreeMap::new(),
            store_files: BTreeMap::new(),
            log: vec![],
        };
        let (address, state) = (address(&hub), Arc::new(Mutex::new(state)));
        serve(hub, &state, answers::of_hub);
        serve(store, &state, answers::of_store);
        Self { hub: address, state }
    }

    /// The value of `HF_ENDPOINT`.
    pub(crate) fn endpoint(&self) -> String {
        format!("http://{}", self.hub)
    }

    /// Adds a repository with these files, or replaces it by a new commit.
    pub(crate) fn add(&self, id: &str, files: &[(&str, &[u8])]) {
        let files = files.iter().map(|(name, bytes)| (name.to_string(), bytes.to_vec())).collect();
        let mut state = self.lock();
        let commit = answers::git_hash(format!("{id} {}", state.repos.len() + state.log.len()).as_bytes());
        state.repos.insert(id.into(), Repo { commit, files, access: Access::Open });
    }

    /// Adds a repository with the files of a folder.
    pub(crate) fn add_folder(&self, id: &str, folder: &Path) {
        let entries =
            std::fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path());
        let read = |path: std::path::PathBuf| {
            let name = path.file_name().expect("a name").to_string_lossy().into_owned();
            (name, std::fs::read(path).expect("a file"))
        };
        let files: Vec<(String, Vec<u8>)> = entries.filter(|path| path.is_file()).map(read).collect();
        let files: Vec<(&str, &[u8])> =
            files.iter().map(|(name, bytes)| (name.as_str(), &bytes[..])).collect();
        self.add(id, &files);
    }

    /// Says who may read a repository.
    pub(crate) fn set_access(&self, id: &str, access: Access) {
        self.lock().repos.get_mut(id).expect("a repository").access = access;
    }

    /// Redirects the name `from` to the repository `to`, as the hub does after a renaming.
    pub(crate) fn rename(&self, from: &str, to: &str) {
        self.lock().moved.insert(from.into(), to.into());
    }

    /// Sends a file with a fault from now on.
    pub(crate) fn set_fault(&self, file: &str, fault: SendFault) {
        self.lock().faults.insert(file.into(), fault);
    }

    /// The commit of a repository.
    pub(crate) fn commit(&self, id: &str) -> String {
        self.lock().repos[id].commit.clone()
    }

    /// A file of a repository.
    pub(crate) fn file(&self, id: &str, name: &str) -> Option<Vec<u8>> {
        self.lock().repos.get(id)?.files.get(name).cloned()
    }

    /// The requests so far, such as `hub GET /me/x/resolve/main/config.json`, with ` from 12` for a range and ` with token`
    /// where one was sent.
    pub(crate) fn log(&self) -> Vec<String> {
        self.lock().log.clone()
    }

    /// Forgets the requests so far.
    pub(crate) fn clear_log(&self) {
        self.lock().log.clear();
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().expect("no thread of the server panicked")
    }
}

fn serve(listener: TcpListener, state: &Arc<Mutex<State>>, answer: fn(&Request, &mut State) -> http::Answer) {
    let state = Arc::clone(state);
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let state = Arc::clone(&state);
            thread::spawn(move || {
                let Some(request) = Request::read(&stream) else { return };
                let answered = answer(&request, &mut state.lock().expect("no panic"));
                answered.write(&stream, request.method == "HEAD");
            });
        }
    });
}
