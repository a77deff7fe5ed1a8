//! The bytes of a file as floats in memory: cast, and transposed, in the same pass.

use bytemuck::Pod;
use half::{bf16, f16};
use rayon::prelude::*;
use safetensors::Dtype;

/// A float type that tensors are loaded as.
pub(crate) trait Float: burn::tensor::Element + Pod + Send + Sync {
    const DTYPE: Dtype;
    fn from_le(bytes: &[u8]) -> Self;
    fn from_f32(value: f32) -> Self;
}

/// How a value of the file becomes a `T`. Each pair of types has its own implementation, so that the loops over values
/// are compiled for it.
pub(crate) trait Decode<T>: Sync {
    /// The size of one value in the file, in bytes.
    const WIDTH: usize;
    /// Whether the bytes of the file are those of a `T` in memory.
    const IN_PLACE: bool = false;
    fn value(bytes: &[u8]) -> T;
}

/// The file holds `T` itself; bits are kept.
pub(crate) struct Same;

impl<T: Float> Decode<T> for Same {
    const WIDTH: usize = size_of::<T>();
    const IN_PLACE: bool = cfg!(target_endian = "little");
    fn value(bytes: &[u8]) -> T {
        T::from_le(bytes)
    }
}

/// Values of another type are rounded to the nearest `T`.
macro_rules! decode_by_cast {
    ($type:ty, $to_f32:expr) => {
        impl<T: Float> Decode<T> for $type {
            const WIDTH: usize = size_of::<$type>();
            fn value(bytes: &[u8]) -> T {
                T::from_f32($to_f32(<$type>::from_le_bytes(bytes.try_into().unwrap_or_default())))
            }
        }
    };
}

decode_by_cast!(f32, |x| x);
decode_by_cast!(f16, f16::to_f32);
decode_by_cast!(bf16, bf16::to_f32);
decode_by_cast!(f64, |x| x as f32);

macro_rules! float {
    ($type:ty, $dtype:ident, $from_f32:expr) => {
        impl Float for $type {
            const DTYPE: Dtype = Dtype::$dtype;
            fn from_le(bytes: &[u8]) -> Self {
                Self::from_le_bytes(bytes.try_into().unwrap_or_default())
            }
            fn from_f32(value: f32) -> Self {
                $from_f32(value)
            }
        }
    };
}

float!(f32, F32, |x| x);
float!(f16, F16, f16::from_f32);
float!(bf16, BF16, bf16::from_f32);

/// Little-endian floats of `dtype` as float32: float32 keeps its bits, float16, bfloat16 and float64 are rounded to the
/// nearest value. Bytes of any other dtype are read as float32.
pub fn decode_f32(dtype: Dtype, bytes: &[u8]) -> Vec<f32> {
    fn all<D: Decode<f32>>(bytes: &[u8]) -> Vec<f32> {
        bytes.chunks_exact(D::WIDTH).map(D::value).collect()
    }
    match dtype {
        Dtype::F16 => all::<f16>(bytes),
        Dtype::BF16 => all::<bf16>(bytes),
        Dtype::F64 => all::<f64>(bytes),
        _ => all::<Same>(bytes),
    }
}

/// The side of the square tiles that are transposed at once; a row of a float32 tile is one cache line.
const TILE: usize = 16;

/// Writes some rows of a matrix `[rows, cols]` into its transpose `out`, `[cols, rows]`. `bytes` holds those rows; the
/// first of them is row `first`.
pub(crate) fn scatter<T: Float, S: Decode<T>>(
    out: &mut [T],
    [rows, cols]: [usize; 2],
    first: usize,
    bytes: &[u8],
) {
    let source: Vec<&[u8]> = bytes.chunks_exact(cols * S::WIDTH).collect();
    out.par_chunks_mut(TILE * rows).enumerate().for_each(|(band, out)| {
        for (tile, source) in source.chunks(TILE).enumerate() {
            for (col, out) in out.chunks_exact_mut(rows).enumerate() {
                let at = (band * TILE + col) * S::WIDTH;
                let out = out.iter_mut().skip(first + tile * TILE);
                for (out, row) in out.zip(source) {
                    *out = S::value(row.get(at..at + S::WIDTH).unwrap_or_default());
                }
            }
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn casts_round_to_nearest_and_the_same_type_keeps_its_bits() {
        let third: bf16 = <f32 as Decode<bf16>>::value(&(1f32 / 3.).to_le_bytes());
        assert_eq!(third, bf16::from_f32(1. / 3.));
        let signalling = f16::from_bits(0x7d01);
        let read: f16 = Same::value(&signalling.to_le_bytes());
        assert_eq!(read.to_bits(), signalling.to_bits());
        let tenth: f32 = <f64 as Decode<f32>>::value(&0.1f64.to_le_bytes());
        assert_eq!(tenth, 0.1);
    }

    proptest! {
        #[test]
        fn a_matrix_is_transposed_whatever_its_shape(rows in 1usize..50, cols in 1usize..50, step in 1usize..20) {
            let values: Vec<f32> = (0..rows * cols).map(|i| i as f32).collect();
            let bytes: Vec<u8> = values.iter().flat_map(|x| x.to_le_bytes()).collect();
            let mut out = vec![f32::NAN; rows * cols];
            for (i, chunk) in bytes.chunks(step * cols * 4).enumerate() {
                scatter::<f32, Same>(&mut out, [rows, cols], i * step, chunk);
            }
            for r in 0..rows {
                for c in 0..cols {
                    prop_assert_eq!(out[c * rows + r], values[r * cols + c]);
                }
            }
        }
    }
}
