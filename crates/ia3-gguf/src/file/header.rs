//! Reading and checking a header.

use std::fs::File;
use std::io::{Seek, SeekFrom};
use std::path::Path;

use ia3_guard::{FileError, FileKind, open, quote, read_head};

use super::cursor::Cursor;
use super::metadata::Metadata;
use super::value::{Value, ValueType};
use super::{GgufFile, tensors, value};
use crate::error::GgufError;
use crate::limits::{MAX_ALIGNMENT, MAX_KEY_BYTES, MAX_KEYS, MAX_TENSORS};

pub(super) const MAGIC: &[u8; 4] = b"GGUF";
const ALIGNMENT: &str = "general.alignment";
const DEFAULT_ALIGNMENT: u64 = 32;
/// The smallest sizes of a key with its value and of the description of a tensor.
const KEY_BYTES: u64 = 8 + 4 + 1;
const INFO_BYTES: u64 = 8 + 4 + 8 + 4 + 8;

impl GgufFile {
    /// Opens a file, reads its header and checks it. No tensor is read.
    ///
    /// # Errors
    ///
    /// [`GgufError::File`] if the file cannot be read or has another format, and the other errors of a damaged header.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, GgufError> {
        let path = path.as_ref();
        let mut file = open(path)?;
        let size = start(path, &mut file)?;
        let mut input = Cursor::new(path, &file, 0, size);
        input.skip(4, "the magic number")?;
        let version = read_version(&mut input)?;
        let tensor_count = count(&mut input, "the number of tensors", MAX_TENSORS)?;
        let key_count = count(&mut input, "the number of keys", MAX_KEYS)?;
        // Checked before anything is read into memory.
        let least = key_count * KEY_BYTES + tensor_count * INFO_BYTES;
        input.has(least, "the keys and descriptions of tensors that the header announces")?;
        let metadata_start = input.at();
        let metadata = read_metadata(&mut input, key_count)?;
        let alignment = alignment(&input, &metadata)?;
        let infos_start = input.at();
        let tensors = tensors::read(&mut input, tensor_count, alignment)?;
        let infos_end = input.at();
        let data_start = infos_end.next_multiple_of(alignment);
        tensors::check(&input, &tensors, data_start, size)?;
        let (metadata_at, infos_at) = (metadata_start..infos_start, infos_start..infos_end);
        drop(input);
        let path = path.to_owned();
        Ok(Self {
            path,
            file,
            size,
            version,
            alignment,
            metadata,
            tensors,
            metadata_at,
            infos_at,
            data_start,
        })
    }
}

/// Checks the first bytes. Returns the size of the file.
fn start(path: &Path, file: &mut File) -> Result<u64, GgufError> {
    let io = |source| FileError::io("read", path, source);
    let head = read_head(path, file)?;
    if !head.starts_with(MAGIC) {
        return Err(match FileKind::recognise(&head) {
            Some(kind) => FileError::WrongKind { path: path.to_owned(), kind }.into(),
            None => GgufError::NotGguf { path: path.to_owned() },
        });
    }
    file.seek(SeekFrom::Start(0)).map_err(io)?;
    Ok(file.metadata().map_err(io)?.len())
}

fn read_version(input: &mut Cursor<'_>) -> Result<u32, GgufError> {
    let path = input.path.to_owned();
    match input.u32("the version")? {
        version @ 2..=3 => Ok(version),
        found if matches!(found.swap_bytes(), 1..=3) => Err(GgufError::BigEndian { path }),
        found => Err(GgufError::Version { path, found }),
    }
}

fn count(input: &mut Cursor<'_>, what: &str, limit: u64) -> Result<u64, GgufError> {
    let count = input.u64(what)?;
    input.limit(what, count, limit)?;
    Ok(count)
}

fn read_metadata(input: &mut Cursor<'_>, count: u64) -> Result<Metadata, GgufError> {
    let mut metadata = Metadata::new(input.path);
    for _ in 0..count {
        let key = input.text("the name of a key", MAX_KEY_BYTES)?;
        let what = format!("the key `{}`", quote(&key));
        let value = value::read(input, &what)?;
        if !metadata.insert(key, value) {
            return Err(input.bad(&what, "is in the file twice".into()));
        }
    }
    Ok(metadata)
}

fn alignment(input: &Cursor<'_>, metadata: &Metadata) -> Result<u64, GgufError> {
    match metadata.get(ALIGNMENT) {
        None => Ok(DEFAULT_ALIGNMENT),
        Some(Value::Integer(ValueType::U32, value)) => {
            let good = u32::try_from(*value).ok().filter(|n| n.is_power_of_two() && *n <= MAX_ALIGNMENT);
            good.map(u64::from).ok_or_else(|| {
                let problem = format!("is {value}, expected a power of two up to {MAX_ALIGNMENT}");
                input.bad("the key `general.alignment`", problem)
            })
        }
        Some(other) => Err(GgufError::KeyType {
            path: input.path.to_owned(),
            key: ALIGNMENT.into(),
            found: other.kind().name(),
            expected: "a 32-bit unsigned integer",
        }),
    }
}
