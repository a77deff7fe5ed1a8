//! MPI ranks: processes started by `mpirun` or Slurm's `srun`, on one host or on several.

use std::fmt;

use mpi::Threading;
use mpi::collective::{CommunicatorCollectives, Root, SystemOperation};
use mpi::datatype::PartitionMut;
use mpi::environment::Universe;
use mpi::topology::{Communicator as _, SimpleCommunicator};

use super::Communicator;

/// This process as one of the MPI processes of a job. Dropping it finalises MPI, which waits for the other processes.
pub struct Mpi {
    world: SimpleCommunicator,
    local_rank: usize,
    // The last field, because MPI may only end after the communicator is dropped.
    _universe: Universe,
}

/// MPI could not be started.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MpiError {
    /// A process can start MPI only once.
    #[error("MPI has already been started in this process; start it only once")]
    Started,
}

impl Mpi {
    /// Starts MPI. A process can do this once, and only the thread that does it may use MPI.
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

    /// The number of this process among the processes of its host. Use it to choose one of several GPUs.
    pub fn local_rank(&self) -> usize {
        self.local_rank
    }

    /// The bytes of every rank, of which each has the number in `counts`.
    fn gather_part(&self, own: &[u8], counts: &[usize]) -> Vec<Vec<u8>> {
        let mut received = vec![0u8; counts.iter().sum()];
        let starts: Vec<i32> = counts
            .iter()
            .scan(0, |end, &count| {
                *end += count as i32;
                Some(*end - count as i32)
            })
            .collect();
        let as_i32: Vec<i32> = counts.iter().map(|&count| count as i32).collect();
        let mut partition = PartitionMut::new(&mut received[..], as_i32, &starts[..]);
        self.world.all_gather_varcount_into(own, &mut partition);
        let part = |(&start, &count): (&i32, &usize)| received[start as usize..][..count].to_vec();
        starts.iter().zip(counts).map(part).collect()
    }

    /// Ends all processes of the job immediately, with this exit code.
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

    fn all_gather(&self, bytes: &[u8]) -> Vec<Vec<u8>> {
        let mut lengths = vec![0u64; self.size()];
        self.world.all_gather_into(&(bytes.len() as u64), &mut lengths[..]);
        let longest = lengths.iter().copied().max().unwrap_or(0) as usize;
        let mut all = vec![vec![]; self.size()];
        // Each rank sends at most `part` bytes at a time, so that the ranks together stay below the limit.
        let part = MAX_MESSAGE / self.size();
        for start in (0..longest).step_by(part) {
            let count = |length: usize| length.saturating_sub(start).min(part);
            let counts: Vec<usize> = lengths.iter().map(|&length| count(length as usize)).collect();
            let own = &bytes[start.min(bytes.len())..][..count(bytes.len())];
            for (all, new) in all.iter_mut().zip(self.gather_part(own, &counts)) {
                all.extend(new);
            }
        }
        all
    }

    fn broadcast(&self, mut bytes: Vec<u8>) -> Vec<u8> {
        let root = self.world.process_at_rank(0);
        let mut len = bytes.len() as u64;
        root.broadcast_into(&mut len);
        bytes.resize(len as usize, 0);
        bytes.chunks_mut(MAX_MESSAGE).for_each(|part| root.broadcast_into(part));
        bytes
    }
}

/// Bytes per message. MPI counts the items of a message in 31 bits.
const MAX_MESSAGE: usize = 1 << 30;
