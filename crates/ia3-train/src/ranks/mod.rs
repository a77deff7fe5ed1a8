//! Several processes that train together, and how they exchange data.

mod gather;
mod message;
#[cfg(feature = "mpi")]
mod mpi;
mod share;
#[cfg(test)]
#[path = "../../tests/common/threads.rs"]
mod threads;

use std::fmt::Debug;

#[cfg(feature = "mpi")]
pub use self::mpi::{Mpi, MpiError};
pub(crate) use gather::gather;
pub(crate) use message::{Message, Reader};
pub(crate) use share::{Share, sum_over_ranks};

/// The processes that train together, numbered from 0.
///
/// Each process has the frozen base and computes its share of the micro-batches of every step. Only the gradients of
/// trained parameters are exchanged.
///
/// [`all_reduce_sum`](Self::all_reduce_sum), [`all_gather`](Self::all_gather) and [`broadcast`](Self::broadcast) are
/// collective: all ranks have to call the same methods in the same order. If the transport fails, or one rank dies, all
/// processes end.
pub trait Communicator: Debug {
    /// The number of this process.
    fn rank(&self) -> usize;

    /// The number of processes.
    fn size(&self) -> usize;

    /// Replaces each value by its sum over all ranks. The result has the same bits on every rank. All ranks pass the same
    /// number of values.
    fn all_reduce_sum(&self, values: &mut [f32]);

    /// The bytes of every rank, in the order of the ranks, on every rank. The ranks may pass different numbers of bytes,
    /// and none at all.
    fn all_gather(&self, bytes: &[u8]) -> Vec<Vec<u8>>;

    /// The bytes of rank 0, on every rank. What the other ranks pass is ignored.
    fn broadcast(&self, bytes: Vec<u8>) -> Vec<u8>;
}

/// The communicator of a training by one process.
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

    fn all_gather(&self, bytes: &[u8]) -> Vec<Vec<u8>> {
        vec![bytes.to_vec()]
    }

    fn broadcast(&self, bytes: Vec<u8>) -> Vec<u8> {
        bytes
    }
}
