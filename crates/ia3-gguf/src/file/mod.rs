//! A GGUF file, open for reading.

mod arrays;
mod cursor;
mod header;
mod metadata;
mod tensors;
mod value;

use std::fs::File;
use std::ops::Range;
use std::path::{Path, PathBuf};

use ia3_guard::{FileError, open, read_exact_at};

pub use self::metadata::Metadata;
pub use self::tensors::TensorInfo;
pub use self::value::{Array, Value, ValueType};
use crate::blocks::{IntegerFormat, Integers};
use crate::error::GgufError;

/// Whether a path is a GGUF file, by its ending `.gguf` or its first bytes.
pub fn is_gguf(path: &Path) -> bool {
    let begins = || {
        let mut magic = [0; 4];
        open(path).is_ok_and(|file| read_exact_at(&file, &mut magic, 0).is_ok()) && &magic == header::MAGIC
    };
    let ends = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("gguf"));
    !path.is_dir() && (ends || begins())
}

/// The integers of a tensor with their scales and minima, in the order of the file.
#[derive(Clone, Debug, PartialEq)]
pub struct IntegersOfTensor {
    /// What they mean.
    pub format: IntegerFormat,
    /// One for each value.
    pub values: Vec<i8>,
    /// One for each [`part`](IntegerFormat::part) of consecutive values.
    pub scales: Vec<f32>,
    /// One for each scale, or none.
    pub minima: Vec<f32>,
}

/// How many bytes of a tensor are in memory at once, at most.
pub(crate) const PIECE: usize = 1 << 20;

/// A GGUF file whose header has been read and checked: every tensor lies inside the file, and no two overlap.
///
/// Arrays of the metadata and the tensors stay in the file until they are asked for.
#[derive(Debug)]
pub struct GgufFile {
    path: PathBuf,
    file: File,
    size: u64,
    version: u32,
    alignment: u64,
    metadata: Metadata,
    tensors: Vec<TensorInfo>,
    /// Where the keys and values lie.
    metadata_at: Range<u64>,
    /// Where the descriptions of the tensors lie.
    infos_at: Range<u64>,
    /// Where the tensors begin.
    data_start: u64,
}

impl GgufFile {
    /// The path it was opened from.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The size of the file.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The version of the format, 2 or 3.
    pub fn version(&self) -> u32 {
        self.version
    }

    /// The alignment of tensors in bytes.
    pub fn alignment(&self) -> u64 {
        self.alignment
    }

    /// The keys and their values.
    pub fn metadata(&self) -> &Metadata {
        &self.metadata
    }

    /// The tensors in the order of the file's list.
    pub fn tensors(&self) -> &[TensorInfo] {
        &self.tensors
    }

    /// One tensor.
    pub fn tensor(&self, name: &str) -> Option<&TensorInfo> {
        self.tensors.iter().find(|tensor| tensor.name == name)
    }

    pub(crate) fn metadata_at(&self) -> Range<u64> {
        self.metadata_at.clone()
    }

    pub(crate) fn infos_at(&self) -> Range<u64> {
        self.infos_at.clone()
    }

    pub(crate) fn data_start(&self) -> u64 {
        self.data_start
    }

    /// Where the bytes of a tensor begin in the file.
    pub fn start(&self, tensor: &TensorInfo) -> u64 {
        self.data_start + tensor.offset
    }

    /// Fills `bytes` with the bytes of the file from `start` on.
    ///
    /// # Errors
    ///
    /// [`GgufError::File`], also where the file has become shorter since it was opened.
    pub fn read_at(&self, start: u64, bytes: &mut [u8]) -> Result<(), GgufError> {
        let read = read_exact_at(&self.file, bytes, start);
        Ok(read.map_err(|source| FileError::io("read", &self.path, source))?)
    }

    /// The values of a tensor as float32, in the order of the file.
    ///
    /// # Errors
    ///
    /// [`GgufError::TensorType`] for a type that is not decoded, [`GgufError::File`].
    pub fn decode(&self, tensor: &TensorInfo) -> Result<Vec<f32>, GgufError> {
        let mut values = Vec::new();
        self.decode_pieces(tensor, |piece| values.extend_from_slice(piece))?;
        Ok(values)
    }

    /// Calls `f` with the values of a tensor in order, some thousands at a time.
    ///
    /// # Errors
    ///
    /// The errors are those of [`decode`](Self::decode).
    pub fn decode_pieces(&self, tensor: &TensorInfo, mut f: impl FnMut(&[f32])) -> Result<(), GgufError> {
        let format = tensor.kind.format.ok_or_else(|| tensor.not("decoded"))?;
        let (len, size) = format.block();
        let mut values = Vec::new();
        self.block_pieces(tensor, size, |bytes| {
            values.resize(bytes.len() / size * len, 0.0);
            format.decode(bytes, &mut values);
            f(&values);
        })
    }

    /// The integers of a tensor, in the order of the file; `None` for a tensor of floats.
    ///
    /// # Errors
    ///
    /// The errors are those of [`decode`](Self::decode).
    pub fn tensor_integers(&self, tensor: &TensorInfo) -> Result<Option<IntegersOfTensor>, GgufError> {
        let format = tensor.kind.format.ok_or_else(|| tensor.not("decoded"))?;
        let Some(integers) = format.integers() else { return Ok(None) };
        let (len, size) = format.block();
        let parts = len / integers.part;
        let (mut values, mut scales, mut minima) = (Vec::new(), Vec::new(), Vec::new());
        self.block_pieces(tensor, size, |bytes| {
            let (blocks, before) = (bytes.len() / size, [values.len(), scales.len(), minima.len()]);
            values.resize(before[0] + blocks * len, 0);
            scales.resize(before[1] + blocks * parts, 0.0);
            minima.resize(before[2] + if integers.has_minima { blocks * parts } else { 0 }, 0.0);
            format.decode_integers(
                bytes,
                Integers {
                    values: &mut values[before[0]..],
                    scales: &mut scales[before[1]..],
                    minima: &mut minima[before[2]..],
                },
            );
        })?;
        Ok(Some(IntegersOfTensor { format: integers, values, scales, minima }))
    }

    /// Calls `f` with the bytes of a tensor in order, some thousands of whole blocks of `size` bytes at a time.
    fn block_pieces(
        &self,
        tensor: &TensorInfo,
        size: usize,
        mut f: impl FnMut(&[u8]),
    ) -> Result<(), GgufError> {
        let mut bytes = Vec::new();
        for_pieces(tensor.bytes, (PIECE / 4 / size * size) as u64, |at, piece| {
            bytes.resize(piece, 0);
            self.read_at(self.start(tensor) + at, &mut bytes)?;
            f(&bytes);
            Ok(())
        })
    }
}

/// Calls `f` with the start and the length of every piece of a range of `total` bytes.
pub(crate) fn for_pieces(
    total: u64,
    piece: u64,
    mut f: impl FnMut(u64, usize) -> Result<(), GgufError>,
) -> Result<(), GgufError> {
    let mut at = 0;
    while at < total {
        let len = piece.min(total - at);
        f(at, len as usize)?;
        at += len;
    }
    Ok(())
}
