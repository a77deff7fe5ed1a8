#![doc = include_str!("../README.md")]

pub mod activation;
pub mod attention;
#[cfg_attr(miri, allow(dead_code))]
mod crew;
mod exp;
pub mod gemv;
mod heads;
pub mod matmul;
mod matrix;
pub mod nll;
pub mod norm;
pub mod packed_gemm;
mod parallel;
mod reduce;
pub mod rows;
pub mod scale;
mod simd;
pub mod small_gemm;
pub mod softmax;
mod threads;
mod weight;

pub use heads::Heads;
pub use matrix::MatRef;
pub use weight::{Element, Scales, Weight};
