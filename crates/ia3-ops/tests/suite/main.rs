//! All integration tests of this crate that need no process of their own, in one program: it links once.

mod by_row;
mod half;
mod matrix;
mod ops;
mod quantized;
