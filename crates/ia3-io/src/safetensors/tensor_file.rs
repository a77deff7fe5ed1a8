//! One file of weights, open for reading tensor by tensor.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};

use ia3_gguf::{GgufError, IntegerFormat};
use ia3_torch::{TorchFile, TorchFloats};
use rayon::prelude::*;

use crate::fs::{self, FileError, FileKind, read_exact_at};
use crate::gguf::{Facts, GgufTensors};
use crate::kept::Kept;
use crate::safetensors::SafetensorsError;
use crate::safetensors::entry::Entry;
use crate::safetensors::fused_experts::taken_apart;
use crate::safetensors::header::read_header;

/// How many bytes of a file are in memory at once, beside the tensor that is made from them.
pub(super) const CHUNK: usize = 4 << 20;
/// How many bytes one thread reads at a time.
pub(super) const PIECE: usize = 1 << 18;

/// A safetensors file whose header has been read and checked.
///
/// Tensors are read in pieces by all threads. The file is not mapped into memory: if it shrinks while it is read, that is
/// an error and not a crash, and its pages do not count as memory of the process.
#[derive(Debug)]
pub struct TensorFile {
    /// The path of the file.
    pub path: PathBuf,
    /// The `__metadata__` of the header.
    pub metadata: BTreeMap<String, String>,
    /// The tensors by name.
    pub tensors: BTreeMap<String, Entry>,
    file: File,
    /// The tensors of a GGUF file, which are decoded; their entries say what they are decoded to.
    pub(super) gguf: Option<GgufTensors>,
}

impl TensorFile {
    /// Opens a file, reads its header and checks it.
    ///
    /// # Errors
    ///
    /// [`SafetensorsError::File`] if the file cannot be read or has another format; the other errors of a damaged header.
    pub fn open(path: &Path) -> Result<Self, SafetensorsError> {
        let mut file = fs::open(path)?;
        let header = read_header(path, &mut file)?;
        let entry = |(name, info): (String, safetensors::tensor::TensorInfo)| {
            let (start, stop) = info.data_offsets;
            let start_in_file = header.data_start + start as u64;
            (name, Entry { dtype: info.dtype, shape: info.shape, bytes: stop - start, start: start_in_file })
        };
        let tensors = header.tensors.into_iter().map(entry).collect();
        Ok(Self { path: path.to_owned(), metadata: header.metadata, tensors, file, gguf: None })
    }

    /// Opens a file of weights of the kind that it is: safetensors, or a file of `torch.save`. A name that ends in `.safetensors`
    /// says that it has to be the first.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open), and [`SafetensorsError::Torch`].
    pub(crate) fn open_weights(path: &Path) -> Result<Self, SafetensorsError> {
        let kind = FileKind::recognise(&fs::read_head(path, &mut fs::open(path)?)?);
        let is_torch = matches!(kind, Some(FileKind::Zip | FileKind::Pickle));
        match is_torch && path.extension().is_none_or(|extension| extension != "safetensors") {
            true => Self::open_torch(path),
            false => Self::open(path),
        }
    }

    /// Opens a file of `torch.save`, which stores values as safetensors does, behind one another and in no other form. What it
    /// holds beside tensors of floats is left out.
    fn open_torch(path: &Path) -> Result<Self, SafetensorsError> {
        let (floats, _) = TorchFile::open(path)?.floats()?;
        let entry = |floats: TorchFloats| {
            let (dtype, shape, bytes, start) = (floats.dtype, floats.shape, floats.bytes, floats.start);
            (floats.key, Entry { dtype, shape, bytes, start })
        };
        let tensors = floats.into_iter().map(entry).collect();
        Ok(Self {
            path: path.to_owned(),
            metadata: BTreeMap::new(),
            tensors,
            file: fs::open(path)?,
            gguf: None,
        })
    }

    /// The same file with fused experts as tensors of each expert.
    pub(crate) fn with_experts_apart(self) -> Self {
        Self { tensors: taken_apart(self.tensors), ..self }
    }

    /// Opens a GGUF file. Its tensors have the names and the layout of Hugging Face's model.
    ///
    /// # Errors
    ///
    /// [`SafetensorsError::Gguf`] for a damaged file, and for an architecture whose names are not known.
    pub(crate) fn open_gguf(path: &Path) -> Result<Self, SafetensorsError> {
        let gguf = GgufTensors::open(path)?;
        let entry = |(name, facts): (String, Facts)| {
            let Facts { dtype, shape, bytes, start } = facts;
            (name, Entry { dtype, shape, bytes, start })
        };
        let tensors = gguf.facts().map(entry).collect();
        let (path, file) = (path.to_owned(), fs::open(path)?);
        Ok(Self { path, metadata: BTreeMap::new(), tensors, file, gguf: Some(gguf) })
    }

    /// How a tensor of a GGUF file stores integers; `None` for other tensors.
    pub(crate) fn integers(&self, name: &str) -> Option<IntegerFormat> {
        self.gguf.as_ref()?.integers(name)
    }

    /// The integers of a tensor that has [`integers`](Self::integers).
    pub(crate) fn kept(&self, name: &str) -> Result<Kept, SafetensorsError> {
        match &self.gguf {
            Some(gguf) => Ok(gguf.kept(name)?),
            None => Err(GgufError::NoTensor { path: self.path.clone(), tensor: name.into() }.into()),
        }
    }

    /// Calls `f` with the bytes of a tensor in order, at most `chunk` at a time.
    pub(crate) fn for_each_chunk(
        &self,
        entry: &Entry,
        chunk: usize,
        mut f: impl FnMut(&[u8]),
    ) -> Result<(), SafetensorsError> {
        let mut buffer = vec![0; chunk.min(entry.bytes)];
        let mut at = 0;
        while at < entry.bytes {
            buffer.truncate(entry.bytes - at);
            let start = entry.start + at as u64;
            let pieces = buffer.par_chunks_mut(PIECE).enumerate();
            pieces.try_for_each(|(piece, bytes)| self.read_at(bytes, start + (piece * PIECE) as u64))?;
            f(&buffer);
            at += buffer.len();
        }
        Ok(())
    }

    pub(super) fn read_at(&self, bytes: &mut [u8], start: u64) -> Result<(), SafetensorsError> {
        let read = read_exact_at(&self.file, bytes, start);
        Ok(read.map_err(|source| FileError::io("read", &self.path, source))?)
    }

    /// The bytes of a tensor as they are in the file.
    pub(crate) fn bytes(&self, name: &str, entry: &Entry) -> Result<Vec<u8>, SafetensorsError> {
        let mut bytes = Vec::new();
        bytes.try_reserve_exact(entry.bytes).map_err(|_| self.too_large(name, entry.bytes))?;
        self.for_each_chunk(entry, CHUNK, |chunk| bytes.extend_from_slice(chunk))?;
        Ok(bytes)
    }

    pub(super) fn too_large(&self, name: &str, len: usize) -> SafetensorsError {
        SafetensorsError::TooLarge { path: self.path.clone(), tensor: name.to_string(), len }
    }

    /// Whether a tensor has the same dtype, shape and bytes as one of `other`.
    pub(crate) fn same_bytes(&self, a: &Entry, other: &Self, b: &Entry) -> Result<bool, SafetensorsError> {
        if (a.dtype, &a.shape, a.bytes) != (b.dtype, &b.shape, b.bytes) {
            return Ok(false);
        }
        for at in (0..a.bytes).step_by(CHUNK) {
            if self.piece(a, at)? != other.piece(b, at)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn piece(&self, entry: &Entry, at: usize) -> Result<Vec<u8>, SafetensorsError> {
        let bytes = CHUNK.min(entry.bytes - at);
        let piece = Entry { bytes, start: entry.start + at as u64, ..entry.clone() };
        let mut copy = Vec::with_capacity(bytes);
        self.for_each_chunk(&piece, CHUNK, |bytes| copy.extend_from_slice(bytes))?;
        Ok(copy)
    }
}
