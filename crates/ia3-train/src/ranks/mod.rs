//! Several processes that train one adapter: what they say to each other.

mod gather;
#[cfg(feature = "mpi")]
mod mpi;
mod share;

use std::fmt::Debug;

#[cfg(feature = "mpi")]
pub use self::mpi::{Mpi, MpiError};
pub(crate) use gather::gather;
pub(crate) use share::{Share, together};

/// Processes, numbered from 0, that train one adapter together: each has the frozen base, computes its share of every
/// step's micro-batches, and only the gradients of what is trained travel.
///
/// Every method is collective: all ranks call the same ones in the same order. A transport that fails ends the process;
/// so does one rank's death end the others.
pub trait Communicator: Debug {
    /// The number of this process.
    fn rank(&self) -> usize;

    /// How many there are.
    fn size(&self) -> usize;

    /// Replaces each value by its sum over all ranks, which comes out to the same bits on each of them.
    fn all_reduce_sum(&self, values: &mut [f32]);

    /// Rank 0's bytes, on every rank; what the others give is dropped.
    fn broadcast(&self, bytes: Vec<u8>) -> Vec<u8>;
}

/// One process.
#[derive(Clone, Copy, Debug, Default)]
pub struct Alone;

impl Communicator for Alone {
    fn rank(&self) -> usize {
        0
    }

    fn size(&self) -> usize {
        1
    }

    fn all_reduce_sum(&self, _: &mut [f32]) {}

    fn broadcast(&self, bytes: Vec<u8>) -> Vec<u8> {
        bytes
    }
}
