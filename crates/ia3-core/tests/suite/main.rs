//! All integration tests of this crate that need no process of their own, in one program: it links once.

mod convolutions;
mod lifecycle;
mod mix;
mod rows;
mod touched;
mod weight_space;
