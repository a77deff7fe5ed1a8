//! Reading the parts of a header one after the other, each checked against the end of the file.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::path::Path;

use ia3_guard::{FileError, read_exact_at};

use crate::error::GgufError;
use crate::limits::MAX_KEPT_BYTES;

pub(crate) struct Cursor<'a> {
    pub(crate) path: &'a Path,
    input: BufReader<Part<'a>>,
    at: u64,
    size: u64,
    /// The size of the texts that were read.
    kept: u64,
}

impl<'a> Cursor<'a> {
    /// At a place in a file, which is read up to `size`.
    pub(crate) fn new(path: &'a Path, file: &'a File, at: u64, size: u64) -> Self {
        Self {
            path,
            input: BufReader::with_capacity(1 << 16, Part { file, at, end: size }),
            at,
            size,
            kept: 0,
        }
    }

    pub(crate) fn at(&self) -> u64 {
        self.at
    }

    /// Checks that `needed` bytes are left.
    pub(crate) fn has(&self, needed: u64, what: &str) -> Result<(), GgufError> {
        let left = self.size.saturating_sub(self.at);
        match needed <= left {
            true => Ok(()),
            false => Err(GgufError::Truncated {
                path: self.path.to_owned(),
                what: what.to_owned(),
                at: self.at,
                needed,
                left,
            }),
        }
    }

    pub(crate) fn bytes<const N: usize>(&mut self, what: &str) -> Result<[u8; N], GgufError> {
        let mut bytes = [0; N];
        self.fill(&mut bytes, what)?;
        Ok(bytes)
    }

    pub(crate) fn u32(&mut self, what: &str) -> Result<u32, GgufError> {
        self.bytes(what).map(u32::from_le_bytes)
    }

    pub(crate) fn u64(&mut self, what: &str) -> Result<u64, GgufError> {
        self.bytes(what).map(u64::from_le_bytes)
    }

    fn fill(&mut self, bytes: &mut [u8], what: &str) -> Result<(), GgufError> {
        self.has(bytes.len() as u64, what)?;
        let read = self.input.read_exact(bytes);
        read.map_err(|source| FileError::io("read", self.path, source))?;
        self.at += bytes.len() as u64;
        Ok(())
    }

    /// A text with its length before it.
    pub(crate) fn text(&mut self, what: &str, limit: u64) -> Result<String, GgufError> {
        let bytes = self.raw_text(what, limit)?;
        String::from_utf8(bytes).map_err(|error| {
            self.bad(
                what,
                format!("is not text: byte {} is not valid UTF-8", error.utf8_error().valid_up_to()),
            )
        })
    }

    /// The bytes of a text, which may not be UTF-8.
    pub(crate) fn raw_text(&mut self, what: &str, limit: u64) -> Result<Vec<u8>, GgufError> {
        let len = self.u64(what)?;
        self.has(len, what)?;
        self.limit(&format!("the length of {what}"), len, limit)?;
        self.kept += len;
        self.limit("the size of the texts in the header", self.kept, MAX_KEPT_BYTES)?;
        let mut bytes = vec![0; len as usize];
        self.fill(&mut bytes, what)?;
        Ok(bytes)
    }

    pub(crate) fn skip(&mut self, bytes: u64, what: &str) -> Result<(), GgufError> {
        self.has(bytes, what)?;
        // A file is shorter than half of a `u64`.
        let skipped = self.input.seek_relative(bytes.cast_signed());
        skipped.map_err(|source| FileError::io("read", self.path, source))?;
        self.at += bytes;
        Ok(())
    }

    pub(crate) fn limit(&self, what: &str, found: u64, limit: u64) -> Result<(), GgufError> {
        match found <= limit {
            true => Ok(()),
            false => {
                Err(GgufError::Limit { path: self.path.to_owned(), what: what.to_owned(), found, limit })
            }
        }
    }

    pub(crate) fn bad(&self, what: &str, problem: String) -> GgufError {
        GgufError::Header { path: self.path.to_owned(), what: what.to_owned(), problem }
    }
}

/// A part of a file, read without the file's own cursor, which other threads may use.
struct Part<'a> {
    file: &'a File,
    at: u64,
    end: u64,
}

impl Read for Part<'_> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let len = self.end.saturating_sub(self.at).min(bytes.len() as u64) as usize;
        read_exact_at(self.file, &mut bytes[..len], self.at)?;
        self.at += len as u64;
        Ok(len)
    }
}

impl Seek for Part<'_> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let at = match to {
            SeekFrom::Start(at) => Some(at),
            SeekFrom::Current(by) => self.at.checked_add_signed(by),
            SeekFrom::End(by) => self.end.checked_add_signed(by),
        };
        self.at = at.ok_or(io::ErrorKind::InvalidInput)?;
        Ok(self.at)
    }
}
