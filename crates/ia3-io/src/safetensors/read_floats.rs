//! Reading the floats of a tensor, cast to the wanted dtype and transposed where the model needs that.

use burn::tensor::{DType, TensorData};
use half::{bf16, f16};
use rayon::prelude::*;
use safetensors::Dtype;

use crate::safetensors::SafetensorsError;
use crate::safetensors::decode::{Decode, Float, Same, scatter};
use crate::safetensors::entry::Entry;
use crate::safetensors::tensor_file::{CHUNK, PIECE, TensorFile};

impl TensorFile {
    /// The floats of a tensor as `dtype` (float32, float16 or bfloat16), rounded to nearest. A matrix is transposed if
    /// `transposed` is true.
    ///
    /// # Errors
    ///
    /// [`SafetensorsError::TensorDtype`] for a tensor that does not hold floats, [`SafetensorsError::TooLarge`],
    /// [`SafetensorsError::File`].
    pub fn read(
        &self,
        name: &str,
        entry: &Entry,
        dtype: DType,
        transposed: bool,
    ) -> Result<TensorData, SafetensorsError> {
        if let Some(gguf) = &self.gguf {
            return Ok(gguf.read(name, dtype, transposed)?);
        }
        match dtype {
            DType::F16 => self.data::<f16>(name, entry, transposed),
            DType::BF16 => self.data::<bf16>(name, entry, transposed),
            _ => self.data::<f32>(name, entry, transposed),
        }
    }

    /// The floats of a tensor as float32, in the order of the file.
    ///
    /// # Errors
    ///
    /// The errors are those of [`read`](Self::read).
    pub fn read_f32(&self, name: &str, entry: &Entry) -> Result<Vec<f32>, SafetensorsError> {
        match &self.gguf {
            Some(gguf) => Ok(gguf.values(name, false)?.0),
            None => self.values(name, entry, false),
        }
    }

    /// A tensor of one value as a boolean: a boolean, or a float or byte that is 0 or 1. `None` for anything else.
    ///
    /// # Errors
    ///
    /// [`SafetensorsError::File`].
    pub fn read_flag(&self, name: &str, entry: &Entry) -> Result<Option<bool>, SafetensorsError> {
        if entry.shape.iter().product::<usize>() != 1 {
            return Ok(None);
        }
        let value = match entry.dtype {
            Dtype::BOOL | Dtype::U8 | Dtype::I8 => {
                f32::from(self.bytes(name, entry)?.first().copied().unwrap_or(2))
            }
            Dtype::F16 | Dtype::BF16 | Dtype::F32 | Dtype::F64 => {
                self.read_f32(name, entry)?.first().copied().unwrap_or(2.0)
            }
            _ => return Ok(None),
        };
        Ok([0.0, 1.0].contains(&value).then_some(value == 1.0))
    }

    fn data<T: Float>(
        &self,
        name: &str,
        entry: &Entry,
        transposed: bool,
    ) -> Result<TensorData, SafetensorsError> {
        let values = self.values::<T>(name, entry, transposed)?;
        let mut shape = entry.shape.clone();
        if transposed && shape.len() == 2 {
            shape.reverse();
        }
        Ok(TensorData::new(values, shape))
    }

    /// The values in the order of the file, or of the transposed matrix.
    fn values<T: Float>(
        &self,
        name: &str,
        entry: &Entry,
        transposed: bool,
    ) -> Result<Vec<T>, SafetensorsError> {
        match entry.dtype {
            dtype if dtype == T::DTYPE => self.decode::<T, Same>(name, entry, transposed),
            Dtype::F32 => self.decode::<T, f32>(name, entry, transposed),
            Dtype::F16 => self.decode::<T, f16>(name, entry, transposed),
            Dtype::BF16 => self.decode::<T, bf16>(name, entry, transposed),
            Dtype::F64 => self.decode::<T, f64>(name, entry, transposed),
            found => {
                let (path, tensor) = (self.path.clone(), name.to_string());
                Err(SafetensorsError::TensorDtype { path, tensor, found })
            }
        }
    }

    /// Zeroed memory comes from the system untouched, so each thread is the first to touch the pages that it fills.
    fn decode<T: Float, S: Decode<T>>(
        &self,
        name: &str,
        entry: &Entry,
        transposed: bool,
    ) -> Result<Vec<T>, SafetensorsError> {
        let len = entry.bytes / S::WIDTH;
        let zeroed = bytemuck::try_zeroed_vec::<T>(len);
        let mut values = zeroed.map_err(|()| self.too_large(name, len))?;
        match entry.shape.as_slice() {
            &[rows, cols] if transposed && len > 0 => {
                self.decode_transposed::<T, S>(entry, [rows, cols], &mut values)?
            }
            _ => self.decode_in_order::<T, S>(entry, &mut values)?,
        }
        Ok(values)
    }

    fn decode_in_order<T: Float, S: Decode<T>>(
        &self,
        entry: &Entry,
        values: &mut [T],
    ) -> Result<(), SafetensorsError> {
        let per_piece = PIECE / S::WIDTH;
        let pieces = values.par_chunks_mut(per_piece).enumerate();
        pieces.try_for_each_init(Vec::new, |bytes, (piece, values)| {
            let start = entry.start + (piece * per_piece * S::WIDTH) as u64;
            if S::IN_PLACE {
                return self.read_at(bytemuck::cast_slice_mut(values), start);
            }
            bytes.resize(values.len() * S::WIDTH, 0);
            self.read_at(bytes, start)?;
            for (value, bytes) in values.iter_mut().zip(bytes.chunks_exact(S::WIDTH)) {
                *value = S::value(bytes);
            }
            Ok(())
        })
    }

    fn decode_transposed<T: Float, S: Decode<T>>(
        &self,
        entry: &Entry,
        [rows, cols]: [usize; 2],
        values: &mut [T],
    ) -> Result<(), SafetensorsError> {
        let row = cols * S::WIDTH;
        let mut first = 0;
        self.for_each_chunk(entry, (CHUNK / row).max(1) * row, |bytes| {
            scatter::<T, S>(values, [rows, cols], first, bytes);
            first += bytes.len() / row;
        })
    }
}

#[cfg(test)]
mod tests {
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
        let (in_order, turned) =
            (file.values::<f32>("w", entry, false), file.values::<f32>("w", entry, true));
        let (in_order, turned, cast) =
            (in_order.unwrap(), turned.unwrap(), file.values::<bf16>("w", entry, false).unwrap());
        assert_eq!(file.bytes("w", entry).unwrap(), bytes);
        for (i, read) in in_order.iter().enumerate() {
            let (row, col) = (i / cols, i % cols);
            assert_eq!([*read, turned[col * rows + row]], [value(row, col); 2], "row {row}, column {col}");
            assert_eq!(cast[i], bf16::from_f32(value(row, col)));
        }
    }
}
