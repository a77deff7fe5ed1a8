//! All integration tests of this crate that need no process of their own, in one program: it links once.

mod by_row;
mod checkpoint;
mod half;
mod matrix;
mod nll_by_blocks;
mod ops;
mod quantized;
mod values;
