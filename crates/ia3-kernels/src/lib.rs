#![doc = include_str!("../README.md")]

pub mod activation;
pub mod attention;
pub mod bfloat16;
#[cfg_attr(miri, allow(dead_code))]
mod crew;
mod exp;
mod fetch;
pub mod gemv;
mod heads;
pub mod integer;
pub mod matmul;
mod matrix;
pub mod nll;
pub mod norm;
pub mod packed_gemm;
mod parallel;
mod parts;
pub mod quantise;
mod reduce;
pub mod rows;
pub mod scale;
pub mod scale_rows;
mod simd;
pub mod small_gemm;
pub mod softmax;
mod threads;
mod weight;

pub use heads::Heads;
pub use matrix::MatRef;
pub use weight::{Element, Scales, Weight};
