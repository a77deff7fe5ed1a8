//! The sums in vectors of 256 bits. A tile is 32 columns; what is left of the columns is for the plain loops.

pub(super) mod avx2;
mod tile;
pub(super) mod vnni;
