//! The header of a safetensors file: read, and checked so that every range it names can be trusted.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

use safetensors::tensor::TensorInfo;
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, Visitor};

use crate::error::IoError;
use crate::foreign::Foreign;
use crate::read;

/// The limit of the format's own reader.
const MAX_HEADER: u64 = 100_000_000;
const LENGTH: u64 = 8;
const METADATA: &str = "__metadata__";

/// A checked header.
pub(crate) struct Header {
    /// The tensors in the order of their bytes; offsets count from `data_start`.
    pub(crate) tensors: Vec<(String, TensorInfo)>,
    pub(crate) metadata: BTreeMap<String, String>,
    pub(crate) data_start: u64,
}

/// Reads and checks the header of `file`, whose path is for messages alone.
pub(crate) fn read_header(path: &Path, file: &mut File) -> Result<Header, IoError> {
    let io = |source| IoError::io("read", path, source);
    let file_len = file.metadata().map_err(io)?.len();
    let header_len = header_length(path, &read::head(path, file)?, file_len)?;
    file.seek(SeekFrom::Start(LENGTH)).map_err(io)?;
    let mut bytes = vec![0; header_len as usize];
    file.read_exact(&mut bytes).map_err(io)?;
    let mut header = parse(path, &bytes)?;
    header.data_start = LENGTH + header_len;
    check(path, &mut header, file_len)?;
    Ok(header)
}

fn header_length(path: &Path, head: &[u8], file_len: u64) -> Result<u64, IoError> {
    let path = path.to_owned();
    if head.get(LENGTH as usize) != Some(&b'{')
        && let Some(kind) = Foreign::recognise(head)
    {
        return Err(IoError::Foreign { path, kind });
    }
    let Some(length) = head.first_chunk::<8>() else {
        return Err(IoError::FileLength { path, expected: LENGTH, found: file_len });
    };
    match u64::from_le_bytes(*length) {
        length if length > MAX_HEADER => Err(IoError::HeaderLength { path, length, limit: MAX_HEADER }),
        length if length > file_len.saturating_sub(LENGTH) => {
            Err(IoError::FileLength { path, expected: LENGTH + length, found: file_len })
        }
        length => Ok(length),
    }
}

fn parse(path: &Path, bytes: &[u8]) -> Result<Header, IoError> {
    let mut entries = Entries::default();
    let mut json = serde_json::Deserializer::from_slice(bytes);
    let parsed = (&mut entries).deserialize(&mut json).and_then(|()| {
        entries.at = None;
        json.end()
    });
    parsed.map_err(|source| IoError::Header { path: path.to_owned(), tensor: entries.at.take(), source })?;
    Ok(Header { tensors: entries.tensors, metadata: entries.metadata, data_start: 0 })
}

/// Every tensor has the bytes its shape needs, they lie end to end, and the file ends with the last.
fn check(path: &Path, header: &mut Header, file_len: u64) -> Result<(), IoError> {
    header.tensors.sort_by_key(|(_, info)| info.data_offsets);
    let mut end = 0;
    for (name, info) in &header.tensors {
        let (start, stop) = info.data_offsets;
        if start != end || stop < start {
            let (path, tensor) = (path.to_owned(), name.clone());
            return Err(IoError::TensorOffsets { path, tensor, expected: end, found: info.data_offsets });
        }
        check_bytes(path, name, info, stop - start)?;
        end = stop;
    }
    match header.data_start.checked_add(end as u64) {
        Some(expected) if expected == file_len => Ok(()),
        expected => Err(IoError::FileLength {
            path: path.to_owned(),
            expected: expected.unwrap_or(u64::MAX),
            found: file_len,
        }),
    }
}

fn check_bytes(path: &Path, name: &str, info: &TensorInfo, found: usize) -> Result<(), IoError> {
    let elements = info.shape.iter().try_fold(1usize, |n, &dim| n.checked_mul(dim));
    let bits = elements.and_then(|n| n.checked_mul(info.dtype.bitsize()));
    let expected = bits.filter(|bits| bits % 8 == 0).map(|bits| bits / 8);
    if expected == Some(found) {
        return Ok(());
    }
    let (path, tensor, dtype, shape) = (path.to_owned(), name.to_string(), info.dtype, info.shape.clone());
    Err(IoError::TensorBytes { path, tensor, dtype, shape, expected, found })
}

/// The entries read so far, with the key being read for messages.
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
