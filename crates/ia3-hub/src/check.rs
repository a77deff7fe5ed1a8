//! Whether a transferred file is the one that the hub named.

use std::io::{self, Read};
use std::path::Path;

use ia3_guard::sha256;
use sha1::{Digest, Sha1};

use crate::error::HubError;

/// Compares a file with the hash that names it: SHA-256 of a large file, git's SHA-1 of a small one. Other names say nothing
/// about the content.
pub(crate) fn check(path: &Path, file: &str, size: u64, hash: &str) -> Result<(), HubError> {
    let failed = HubError::cache("read", path);
    let found = match hash.len() {
        64 => sha256::of_file(path),
        40 => git_hash(path, size),
        _ => Ok(hash.to_string()),
    };
    let found = found.map_err(failed)?;
    match found.eq_ignore_ascii_case(hash) {
        true => Ok(()),
        false => Err(wrong(file, format!("the hash {hash}"), found)),
    }
}

pub(crate) fn wrong(file: &str, expected: String, found: impl ToString) -> HubError {
    HubError::WrongContent { file: file.into(), expected, found: found.to_string() }
}

/// The hash of git: that of the header `blob SIZE` with the content.
fn git_hash(path: &Path, size: u64) -> io::Result<String> {
    let mut file = ia3_guard::open(path).map_err(ia3_guard::FileError::reason)?;
    let mut hash = Sha1::new_with_prefix(format!("blob {size}\0"));
    let mut piece = vec![0; 1 << 16];
    loop {
        match file.read(&mut piece)? {
            0 => return Ok(sha256::hex(&hash.finalize())),
            read => hash.update(&piece[..read]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_is_that_of_git_or_sha256() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x");
        std::fs::write(&path, "hello\n").unwrap();
        let git = "ce013625030ba8dba906f756967f9e9ca394464a";
        let sha = "5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03";
        for hash in [git, sha] {
            check(&path, "x", 6, hash).unwrap();
            let other = hash.replace('0', "1");
            let error = check(&path, "x", 6, &other).unwrap_err().to_string();
            assert!(error.contains(hash) && error.contains(&other), "{error}");
        }
        check(&path, "x", 6, "any-other-tag").unwrap();
    }
}
