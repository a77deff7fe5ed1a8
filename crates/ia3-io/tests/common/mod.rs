#![allow(dead_code, unreachable_pub, unused_imports)] // Each test takes what it needs.

pub mod memory;
mod model;

pub use model::*;

use std::path::PathBuf;

/// A path in the parity corpus.
pub fn fixture(path: &str) -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures")).join(path)
}

/// The folders of the parity corpus, one for each architecture.
pub fn fixtures() -> Vec<PathBuf> {
    let entries = std::fs::read_dir(fixture("")).unwrap().flatten().map(|entry| entry.path());
    let mut dirs: Vec<_> = entries.filter(|path| path.join("base").is_dir()).collect();
    dirs.sort();
    dirs
}

/// The bytes of a byte string as Rust writes it: `\\x80\\x02}q`.
pub fn unescape(text: &str) -> Vec<u8> {
    let mut bytes = vec![];
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match (byte, byte == b'\\') {
            (_, false) => byte,
            (_, true) => match rest.next() {
                Some(b'n') => b'\n',
                Some(b'r') => b'\r',
                Some(b't') => b'\t',
                Some(b'x') => {
                    let digits: Vec<u8> = rest.by_ref().take(2).collect();
                    u8::from_str_radix(std::str::from_utf8(&digits).unwrap(), 16).unwrap()
                }
                other => other.expect("a character after the backslash"),
            },
        });
    }
    bytes
}
