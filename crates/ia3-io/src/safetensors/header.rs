//! The header of a safetensors file, checked so that every range in it is inside the file.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

use safetensors::tensor::TensorInfo;
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, Visitor};

use crate::fs::{FileError, FileKind, read_head};
use crate::safetensors::SafetensorsError;

/// The limit of the reference implementation.
const MAX_HEADER: u64 = 100_000_000;
const LENGTH: u64 = 8;
const METADATA: &str = "__metadata__";

/// A header that has been checked.
pub(crate) struct Header {
    /// The tensors in the order of their bytes; offsets count from `data_start`.
    pub(crate) tensors: Vec<(String, TensorInfo)>,
    pub(crate) metadata: BTreeMap<String, String>,
    pub(crate) data_start: u64,
}

/// Reads and checks the header of `file`; `path` is used in messages only.
pub(crate) fn read_header(path: &Path, file: &mut File) -> Result<Header, SafetensorsError> {
    let io = |source| FileError::io("read", path, source);
    let file_len = file.metadata().map_err(io)?.len();
    let header_len = header_length(path, &read_head(path, file)?, file_len)?;
    file.seek(SeekFrom::Start(LENGTH)).map_err(io)?;
    let mut bytes = vec![0; header_len as usize];
    file.read_exact(&mut bytes).map_err(io)?;
    let mut header = parse(path, &bytes)?;
    header.data_start = LENGTH + header_len;
    check(path, &mut header, file_len)?;
    Ok(header)
}

fn header_length(path: &Path, head: &[u8], file_len: u64) -> Result<u64, SafetensorsError> {
    let path = path.to_owned();
    if head.get(LENGTH as usize) != Some(&b'{')
        && let Some(kind) = FileKind::recognise(head)
    {
        return Err(FileError::WrongKind { path, kind }.into());
    }
    let Some(length) = head.first_chunk::<8>() else {
        return Err(SafetensorsError::FileLength { path, expected: LENGTH, found: file_len });
    };
    match u64::from_le_bytes(*length) {
        length if length > MAX_HEADER => {
            Err(SafetensorsError::HeaderLength { path, length, limit: MAX_HEADER })
        }
        length if length > file_len.saturating_sub(LENGTH) => {
            Err(SafetensorsError::FileLength { path, expected: LENGTH + length, found: file_len })
        }
        length => Ok(length),
    }
}

fn parse(path: &Path, bytes: &[u8]) -> Result<Header, SafetensorsError> {
    let mut entries = Entries::default();
    let mut json = serde_json::Deserializer::from_slice(bytes);
    let parsed = (&mut entries).deserialize(&mut json).and_then(|()| {
        entries.at = None;
        json.end()
    });
    parsed.map_err(|source| SafetensorsError::Header {
        path: path.to_owned(),
        tensor: entries.at.take(),
        source,
    })?;
    Ok(Header { tensors: entries.tensors, metadata: entries.metadata, data_start: 0 })
}

/// Checks that every tensor has the bytes that its shape needs, that tensors follow each other without gaps, and that the
/// file ends with the last one.
fn check(path: &Path, header: &mut Header, file_len: u64) -> Result<(), SafetensorsError> {
    header.tensors.sort_by_key(|(_, info)| info.data_offsets);
    let mut end = 0;
    for (name, info) in &header.tensors {
        let (start, stop) = info.data_offsets;
        if start != end || stop < start {
            let (path, tensor) = (path.to_owned(), name.clone());
            return Err(SafetensorsError::TensorOffsets {
                path,
                tensor,
                expected: end,
                found: info.data_offsets,
            });
        }
        check_bytes(path, name, info, stop - start)?;
        end = stop;
    }
    match header.data_start.checked_add(end as u64) {
        Some(expected) if expected == file_len => Ok(()),
        expected => Err(SafetensorsError::FileLength {
            path: path.to_owned(),
            expected: expected.unwrap_or(u64::MAX),
            found: file_len,
        }),
    }
}

fn check_bytes(path: &Path, name: &str, info: &TensorInfo, found: usize) -> Result<(), SafetensorsError> {
    let elements = info.shape.iter().try_fold(1usize, |n, &dim| n.checked_mul(dim));
    let bits = elements.and_then(|n| n.checked_mul(info.dtype.bitsize()));
    let expected = bits.filter(|bits| bits % 8 == 0).map(|bits| bits / 8);
    if expected == Some(found) {
        return Ok(());
    }
    let (path, tensor, dtype, shape) = (path.to_owned(), name.to_string(), info.dtype, info.shape.clone());
    Err(SafetensorsError::TensorBytes { path, tensor, dtype, shape, expected, found })
}

/// The entries read so far, and the key that is being read, for messages.
#[derive(Default)]
struct Entries {
    tensors: Vec<(String, TensorInfo)>,
    metadata: BTreeMap<String, String>,
    at: Option<String>,
}

impl<'de> DeserializeSeed<'de> for &mut Entries {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for &mut Entries {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of tensors")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let mut seen = BTreeSet::new();
        while let Some(key) = map.next_key::<String>()? {
            self.at = Some(key.clone());
            if !seen.insert(key.clone()) {
                return Err(A::Error::custom("the key appears twice"));
            }
            match key.as_str() {
                METADATA => self.metadata = map.next_value::<Option<_>>()?.unwrap_or_default(),
                _ => self.tensors.push((key, map.next_value()?)),
            }
        }
        Ok(())
    }
}
