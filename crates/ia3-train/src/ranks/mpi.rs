//! Ranks of MPI: processes that `mpirun` or Slurm's `srun` starts, on one host or many.

use std::fmt;

use mpi::Threading;
use mpi::collective::{CommunicatorCollectives, Root, SystemOperation};
use mpi::environment::Universe;
use mpi::topology::{Communicator as _, SimpleCommunicator};

use super::Communicator;

/// This process as one of those that `mpirun` started. Dropping it finalises MPI, which waits for the others.
pub struct Mpi {
    world: SimpleCommunicator,
    local_rank: usize,
    // Last: MPI ends when the rest is gone.
    _universe: Universe,
}

/// MPI could not be started.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MpiError {
    /// A process starts it once.
    #[error("MPI has been started in this process already; start it once")]
    Started,
}

impl Mpi {
    /// Starts MPI, once in a process. Only the thread that does this may use it.
    ///
    /// # Errors
    ///
    /// [`MpiError::Started`].
    pub fn start() -> Result<Self, MpiError> {
        let (universe, _) = mpi::initialize_with_threading(Threading::Funneled).ok_or(MpiError::Started)?;
        let world = universe.world();
        let local_rank = world.split_shared(world.rank()).rank() as usize;
        Ok(Self { world, local_rank, _universe: universe })
    }

    /// The number of this process among those on its host: which of several GPUs is its own.
    pub fn local_rank(&self) -> usize {
        self.local_rank
    }

    /// Ends all processes of the job at once, with this exit code.
    pub fn abort(&self, code: i32) -> ! {
        self.world.abort(code)
    }
}

impl fmt::Debug for Mpi {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mpi").field("rank", &self.rank()).field("size", &self.size()).finish_non_exhaustive()
    }
}

impl Communicator for Mpi {
    fn rank(&self) -> usize {
        self.world.rank() as usize
    }

    fn size(&self) -> usize {
        self.world.size() as usize
    }

    fn all_reduce_sum(&self, values: &mut [f32]) {
        let own = values.to_vec();
        self.world.all_reduce_into(&own[..], values, SystemOperation::sum());
    }

    fn broadcast(&self, mut bytes: Vec<u8>) -> Vec<u8> {
        let root = self.world.process_at_rank(0);
        let mut len = bytes.len() as u64;
        root.broadcast_into(&mut len);
        bytes.resize(len as usize, 0);
        // One message has at most 2³¹ − 1 items.
        bytes.chunks_mut(1 << 30).for_each(|part| root.broadcast_into(part));
        bytes
    }
}
