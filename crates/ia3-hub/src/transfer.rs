//! One file: from the hub, or a store that it names, into a blob of the cache.

use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::thread::sleep;
use std::time::Duration;

use ureq::http::{HeaderMap, StatusCode};

use crate::cache::{RepoCache, create_parent};
use crate::check::{check, wrong};
use crate::client::{Client, bad};
use crate::error::HubError;
use crate::files::is_plain;

/// How often a broken transfer goes on before it is an error.
const TRIES: u32 = 5;
const PIECE: usize = 1 << 18;

/// A file of the hub.
#[derive(Clone, Debug)]
pub(crate) struct RemoteFile {
    pub(crate) name: String,
    pub(crate) url: String,
    /// The name of its blob.
    pub(crate) hash: String,
    pub(crate) size: u64,
}

impl RemoteFile {
    /// Asks for the hash and the size of a file.
    pub(crate) fn ask(client: &Client, name: &str, url: String) -> Result<Self, HubError> {
        let headers = client.head(&url)?;
        let hash = text(&headers, "x-linked-etag").or(text(&headers, "etag"));
        let hash = hash.ok_or_else(|| bad(&url, "no header ETag"))?;
        let hash = hash.trim_start_matches("W/").trim_matches('"').to_string();
        if !is_plain(&hash) {
            return Err(bad(&url, format!("`{hash}` is no hash of a file")));
        }
        let size = text(&headers, "x-linked-size").or(text(&headers, "content-length"));
        let size = size.and_then(|size| size.parse().ok()).ok_or_else(|| bad(&url, "no size of the file"))?;
        Ok(Self { name: name.into(), url, hash, size })
    }

    /// Transfers the file into its blob, unless it is there. `told` gets the number of bytes that are here.
    pub(crate) fn transfer(
        &self,
        client: &Client,
        cache: &RepoCache,
        told: &mut dyn FnMut(u64),
    ) -> Result<(), HubError> {
        let blob = cache.blob(&self.hash);
        let _lock = cache.lock(&self.hash)?;
        if !blob.exists() {
            let part = cache.incomplete(&self.hash);
            create_parent(&part)?;
            self.fill(client, &part, told)?;
            fs::rename(&part, &blob).map_err(HubError::cache("write", &blob))?;
        }
        told(self.size);
        Ok(())
    }

    /// Fills `part` with the whole file. What an earlier run left there is continued; if that turns out to be something else,
    /// the file starts anew once.
    fn fill(&self, client: &Client, part: &Path, told: &mut dyn FnMut(u64)) -> Result<(), HubError> {
        let left = fs::metadata(part).map_or(0, |metadata| metadata.len());
        let mut whole = self.fill_once(client, part, told);
        if left > 0 && matches!(whole, Err(HubError::WrongContent { .. })) {
            whole = self.fill_once(client, part, told);
        }
        whole
    }

    fn fill_once(&self, client: &Client, part: &Path, told: &mut dyn FnMut(u64)) -> Result<(), HubError> {
        let options = File::options().create(true).truncate(false).read(true).write(true).open(part);
        let mut file = options.map_err(HubError::cache("write", part))?;
        self.receive_all(client, &mut file, part, told)?;
        file.sync_all().map_err(HubError::cache("write", part))?;
        let good = check(part, &self.name, self.size, &self.hash);
        if good.is_err() {
            let _ = fs::remove_file(part);
        }
        good
    }

    /// Receives until all bytes are here, going on where a transfer broke.
    fn receive_all(
        &self,
        client: &Client,
        file: &mut File,
        part: &Path,
        told: &mut dyn FnMut(u64),
    ) -> Result<(), HubError> {
        let mut failures = 0;
        loop {
            let start = file.seek(SeekFrom::End(0)).map_err(HubError::cache("read", part))?;
            if start == self.size {
                return Ok(());
            }
            if start > self.size {
                file.set_len(0).map_err(HubError::cache("write", part))?;
                continue;
            }
            let reason = match self.receive(client, file, part, start, told) {
                Ok(reason) => reason,
                Err(error) if error.is_transient() => error.to_string(),
                Err(error) => return Err(error),
            };
            let received = file.stream_position().map_err(HubError::cache("read", part))?;
            if received > self.size {
                let _ = fs::remove_file(part);
                return Err(wrong(
                    &self.name,
                    format!("{} bytes", self.size),
                    format!("{received} bytes or more"),
                ));
            }
            // A transfer that brought something is no failure in a row.
            failures = if received > start { 1 } else { failures + 1 };
            if received < self.size && failures >= TRIES {
                return Err(HubError::Broken { file: self.name.clone(), received, size: self.size, reason });
            }
            if received < self.size {
                sleep(Duration::from_millis(50 << failures));
            }
        }
    }

    /// Receives from byte `start` on, and says why it ended.
    fn receive(
        &self,
        client: &Client,
        file: &mut File,
        part: &Path,
        start: u64,
        told: &mut dyn FnMut(u64),
    ) -> Result<String, HubError> {
        let mut response = client.get(&self.url, start)?;
        // A server may send the whole file although the rest was asked for.
        let mut here = if response.status() == StatusCode::PARTIAL_CONTENT { start } else { 0 };
        if here != start {
            file.set_len(0).map_err(HubError::cache("write", part))?;
        }
        file.seek(SeekFrom::Start(here)).map_err(HubError::cache("write", part))?;
        let mut body = response.body_mut().as_reader();
        let mut piece = vec![0; PIECE];
        while here <= self.size {
            match body.read(&mut piece) {
                Ok(0) => return Ok("the connection was closed".into()),
                Ok(read) => file.write_all(&piece[..read]).map_err(HubError::cache("write", part))?,
                Err(error) => return Ok(error.to_string()),
            }
            here = file.stream_position().map_err(HubError::cache("write", part))?;
            told(here.min(self.size));
        }
        Ok("it is longer than it should be".into())
    }
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}
