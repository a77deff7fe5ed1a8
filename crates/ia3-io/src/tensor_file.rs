//! One safetensors file, open for reading tensor by tensor.

use std::collections::BTreeMap;
use std::fs::File;
use std::mem::MaybeUninit;
use std::path::{Path, PathBuf};

use burn::tensor::{DType, TensorData};
use half::{bf16, f16};
use rayon::prelude::*;
use safetensors::Dtype;

use crate::convert::{Decode, Float, Same, scatter};
use crate::error::IoError;
use crate::header::read_header;
use crate::read;
use crate::read_at::read_exact_at;

/// How much of a file is in memory at once, beside the tensor that is made from it.
const CHUNK: usize = 4 << 20;
/// Bytes of a file that one thread reads at a time.
const PIECE: usize = 1 << 18;

/// A file whose header is checked. Tensors are read in pieces, never mapped: a file that shrinks meanwhile
/// is an error and not a crash, and no page of it counts as memory of the process. All threads read, and each is the first
/// to touch the memory that it fills: to clear fresh pages takes longer than to copy from the system's cache.
#[derive(Debug)]
pub(crate) struct TensorFile {
    pub(crate) path: PathBuf,
    pub(crate) metadata: BTreeMap<String, String>,
    pub(crate) tensors: BTreeMap<String, Entry>,
    file: File,
}

/// One tensor of a file.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) dtype: Dtype,
    pub(crate) shape: Vec<usize>,
    pub(crate) bytes: usize,
    start: u64,
}

impl Entry {
    /// The dtype it has in memory: its own, or float32.
    pub(crate) fn float_dtype(&self) -> DType {
        match self.dtype {
            Dtype::F16 => DType::F16,
            Dtype::BF16 => DType::BF16,
            _ => DType::F32,
        }
    }
}

impl TensorFile {
    pub(crate) fn open(path: &Path) -> Result<Self, IoError> {
        let mut file = read::open(path)?;
        let header = read_header(path, &mut file)?;
        let entry = |(name, info): (String, safetensors::tensor::TensorInfo)| {
            let (start, stop) = info.data_offsets;
            let start_in_file = header.data_start + start as u64;
            (name, Entry { dtype: info.dtype, shape: info.shape, bytes: stop - start, start: start_in_file })
        };
        let tensors = header.tensors.into_iter().map(entry).collect();
        Ok(Self { path: path.to_owned(), metadata: header.metadata, tensors, file })
    }

    /// The tensor as `dtype` (float32, float16 or bfloat16), transposed if it is a matrix and `transposed`.
    pub(crate) fn read(
        &self,
        name: &str,
        entry: &Entry,
        dtype: DType,
        transposed: bool,
    ) -> Result<TensorData, IoError> {
        match dtype {
            DType::F16 => self.data::<f16>(name, entry, transposed),
            DType::BF16 => self.data::<bf16>(name, entry, transposed),
            _ => self.data::<f32>(name, entry, transposed),
        }
    }

    fn data<T: Float>(&self, name: &str, entry: &Entry, transposed: bool) -> Result<TensorData, IoError> {
        let values = self.values::<T>(name, entry, transposed)?;
        let mut shape = entry.shape.clone();
        if transposed && shape.len() == 2 {
            shape.reverse();
        }
        Ok(TensorData::new(values, shape))
    }

    /// The values in the order of the file, or of the transposed matrix.
    pub(crate) fn values<T: Float>(
        &self,
        name: &str,
        entry: &Entry,
        transposed: bool,
    ) -> Result<Vec<T>, IoError> {
        match entry.dtype {
            dtype if dtype == T::DTYPE => self.decode::<T, Same>(name, entry, transposed),
            Dtype::F32 => self.decode::<T, f32>(name, entry, transposed),
            Dtype::F16 => self.decode::<T, f16>(name, entry, transposed),
            Dtype::BF16 => self.decode::<T, bf16>(name, entry, transposed),
            Dtype::F64 => self.decode::<T, f64>(name, entry, transposed),
            found => {
                let (path, tensor) = (self.path.clone(), name.to_string());
                Err(IoError::TensorDtype { path, tensor, found })
            }
        }
    }

    fn decode<T: Float, S: Decode<T>>(
        &self,
        name: &str,
        entry: &Entry,
        transposed: bool,
    ) -> Result<Vec<T>, IoError> {
        let len = entry.bytes / S::WIDTH;
        let mut values = Vec::new();
        values.try_reserve_exact(len).map_err(|_| self.too_large(name, len))?;
        let room = &mut values.spare_capacity_mut()[..len];
        match entry.shape.as_slice() {
            &[rows, cols] if transposed && len > 0 => {
                self.decode_transposed::<T, S>(entry, [rows, cols], room)?
            }
            _ => self.decode_as_it_lies::<T, S>(entry, room)?,
        }
        // SAFETY: both wrote each of the `len` values, for which there is room.
        unsafe { values.set_len(len) };
        Ok(values)
    }

    fn decode_as_it_lies<T: Float, S: Decode<T>>(
        &self,
        entry: &Entry,
        values: &mut [MaybeUninit<T>],
    ) -> Result<(), IoError> {
        let in_a_piece = PIECE / S::WIDTH;
        let pieces = values.par_chunks_mut(in_a_piece).enumerate();
        pieces.try_for_each_init(Vec::new, |bytes, (piece, values)| {
            bytes.resize(values.len() * S::WIDTH, 0);
            self.read_at(bytes, entry.start + (piece * in_a_piece * S::WIDTH) as u64)?;
            for (value, bytes) in values.iter_mut().zip(bytes.chunks_exact(S::WIDTH)) {
                value.write(S::value(bytes));
            }
            Ok(())
        })
    }

    fn decode_transposed<T: Float, S: Decode<T>>(
        &self,
        entry: &Entry,
        [rows, cols]: [usize; 2],
        values: &mut [MaybeUninit<T>],
    ) -> Result<(), IoError> {
        let row = cols * S::WIDTH;
        let mut first = 0;
        self.for_each_chunk(entry, (CHUNK / row).max(1) * row, |bytes| {
            scatter::<T, S>(values, [rows, cols], first, bytes);
            first += bytes.len() / row;
        })
    }

    /// Hands the bytes of a tensor to `f`, at most `chunk` at a time.
    pub(crate) fn for_each_chunk(
        &self,
        entry: &Entry,
        chunk: usize,
        mut f: impl FnMut(&[u8]),
    ) -> Result<(), IoError> {
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

    fn read_at(&self, bytes: &mut [u8], start: u64) -> Result<(), IoError> {
        read_exact_at(&self.file, bytes, start).map_err(|source| IoError::io("read", &self.path, source))
    }

    /// The bytes of a tensor as they lie in the file.
    pub(crate) fn bytes(&self, name: &str, entry: &Entry) -> Result<Vec<u8>, IoError> {
        let mut bytes = Vec::new();
        bytes.try_reserve_exact(entry.bytes).map_err(|_| self.too_large(name, entry.bytes))?;
        self.for_each_chunk(entry, CHUNK, |chunk| bytes.extend_from_slice(chunk))?;
        Ok(bytes)
    }

    fn too_large(&self, name: &str, len: usize) -> IoError {
        IoError::TooLarge { path: self.path.clone(), tensor: name.to_string(), len }
    }

    /// Whether a tensor has the same dtype, shape and bytes as one of `other`.
    pub(crate) fn same_bytes(&self, a: &Entry, other: &Self, b: &Entry) -> Result<bool, IoError> {
        if (a.dtype, &a.shape) != (b.dtype, &b.shape) {
            return Ok(false);
        }
        for at in (0..a.bytes).step_by(CHUNK) {
            if self.piece(a, at)? != other.piece(b, at)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn piece(&self, entry: &Entry, at: usize) -> Result<Vec<u8>, IoError> {
        let bytes = CHUNK.min(entry.bytes - at);
        let piece = Entry { bytes, start: entry.start + at as u64, ..entry.clone() };
        let mut copy = Vec::with_capacity(bytes);
        self.for_each_chunk(&piece, CHUNK, |bytes| copy.extend_from_slice(bytes))?;
        Ok(copy)
    }
}

#[cfg(test)]
mod tests {
    use half::bf16;
    use safetensors::tensor::TensorView;

    use super::*;

    /// A matrix of several pieces and chunks, the last of each not full.
    #[test]
    fn a_matrix_larger_than_pieces_and_chunks_is_read_whole() {
        let [rows, cols] = [1531, 769];
        let value = |row: usize, col: usize| ((row * cols + col) % 4093) as f32;
        let bytes: Vec<u8> = (0..rows * cols).flat_map(|i| value(i / cols, i % cols).to_le_bytes()).collect();
        let file = tempfile::NamedTempFile::new().unwrap();
        let view = TensorView::new(Dtype::F32, vec![rows, cols], &bytes).unwrap();
        std::fs::write(file.path(), safetensors::serialize([("w", view)], None).unwrap()).unwrap();
        let file = TensorFile::open(file.path()).unwrap();
        let entry = &file.tensors["w"];
        let (as_it_lies, turned) =
            (file.values::<f32>("w", entry, false), file.values::<f32>("w", entry, true));
        let (as_it_lies, turned, cast) =
            (as_it_lies.unwrap(), turned.unwrap(), file.values::<bf16>("w", entry, false).unwrap());
        assert_eq!(file.bytes("w", entry).unwrap(), bytes);
        for (i, read) in as_it_lies.iter().enumerate() {
            let (row, col) = (i / cols, i % cols);
            assert_eq!([*read, turned[col * rows + row]], [value(row, col); 2], "row {row}, column {col}");
            assert_eq!(cast[i], bf16::from_f32(value(row, col)));
        }
    }
}
