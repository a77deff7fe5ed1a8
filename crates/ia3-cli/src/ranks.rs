//! The processes of one training, which `mpirun` or `srun` started.

use std::fmt;
use std::process::ExitCode;

use anyhow::ensure;
use ia3::train::{Alone, Communicator, Fingerprint};

use crate::output;

/// Environment variables that OpenMPI, MPICH, Slurm's PMI-2 and PMIx set in each process that they start.
const LAUNCHED: [&str; 4] = ["OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "PMI_RANK", "PMIX_RANK"];

/// What all ranks do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Instruction {
    /// The training ends.
    End = 0,
    /// All ranks make one step.
    Step = 1,
    EvaluateBase = 2,
    EvaluateAdapters = 3,
    /// Rank 0 sends the state that all ranks continue from.
    ReceiveState = 4,
}

/// All processes of this training. Without an MPI launcher there is one.
pub(crate) struct Ranks {
    #[cfg(feature = "mpi")]
    mpi: Option<ia3::train::Mpi>,
}

impl Ranks {
    /// Connects to the other processes, if a launcher started this one.
    pub(crate) fn start() -> anyhow::Result<Self> {
        Self::of(LAUNCHED.iter().any(|name| std::env::var_os(name).is_some()))
    }

    #[cfg(feature = "mpi")]
    fn of(launched: bool) -> anyhow::Result<Self> {
        Ok(Self { mpi: launched.then(ia3::train::Mpi::start).transpose()? })
    }

    #[cfg(not(feature = "mpi"))]
    fn of(launched: bool) -> anyhow::Result<Self> {
        match launched {
            true => {
                anyhow::bail!(
                    "this process was started by mpirun or srun, but this build has no MPI; build with `--features mpi`"
                )
            }
            false => Ok(Self {}),
        }
    }

    pub(crate) fn communicator(&self) -> &dyn Communicator {
        #[cfg(feature = "mpi")]
        if let Some(mpi) = &self.mpi {
            return mpi;
        }
        &Alone
    }

    pub(crate) fn rank(&self) -> usize {
        self.communicator().rank()
    }

    pub(crate) fn size(&self) -> usize {
        self.communicator().size()
    }

    /// The name of this process's device. The n-th process of a host takes the n-th GPU: `cuda` becomes `cuda:1` in the
    /// second process.
    pub(crate) fn device(&self, name: Option<&str>) -> Option<String> {
        #[cfg(feature = "mpi")]
        if let (Some(mpi), Some(name @ ("cuda" | "rocm"))) = (&self.mpi, name) {
            return Some(format!("{name}:{}", mpi.local_rank()));
        }
        name.map(str::to_string)
    }

    /// Fails on all ranks if `result` is an error on one of them. The first rank that failed returns its error, all others
    /// return [`OtherRankFailed`].
    pub(crate) fn together<T>(&self, result: anyhow::Result<T>) -> anyhow::Result<T> {
        let mut failed = vec![0.0; self.size()];
        failed[self.rank()] = f32::from(result.is_err());
        self.communicator().all_reduce_sum(&mut failed);
        match failed.iter().position(|&failed| failed > 0.0) {
            Some(first) if first != self.rank() => Err(OtherRankFailed.into()),
            _ => result,
        }
    }

    /// The instruction of rank 0. The argument of the other ranks is ignored.
    pub(crate) fn share(&self, instruction: Instruction) -> Instruction {
        match self.communicator().broadcast(vec![instruction as u8])[..] {
            [1] => Instruction::Step,
            [2] => Instruction::EvaluateBase,
            [3] => Instruction::EvaluateAdapters,
            [4] => Instruction::ReceiveState,
            _ => Instruction::End,
        }
    }

    /// Fails if the facts of this rank differ from those of rank 0.
    pub(crate) fn agree(&self, own: &Fingerprint) -> anyhow::Result<()> {
        let first = self.communicator().broadcast(serde_json::to_vec(own)?);
        let first: Fingerprint = serde_json::from_slice(&first)?;
        let different: Vec<String> = own.differences(&first).into_iter().map(|d| d.name).collect();
        ensure!(
            different.is_empty(),
            "rank {} differs from rank 0 in: {}; give all ranks the same options and files",
            self.rank(),
            different.join(", ")
        );
        Ok(())
    }

    /// Ends this process. A process that failed ends the other ones too.
    pub(crate) fn end(self, result: anyhow::Result<ExitCode>) -> anyhow::Result<ExitCode> {
        if self.size() == 1 {
            return result;
        }
        match result {
            Err(error) if error.is::<OtherRankFailed>() => Ok(ExitCode::FAILURE),
            Err(error) => {
                output::error(&if self.rank() == 0 {
                    error
                } else {
                    anyhow::anyhow!("rank {}: {error:#}", self.rank())
                });
                self.abort()
            }
            Ok(code) => Ok(code),
        }
    }

    fn abort(&self) -> anyhow::Result<ExitCode> {
        #[cfg(feature = "mpi")]
        if let Some(mpi) = &self.mpi {
            mpi.abort(1)
        }
        Ok(ExitCode::FAILURE)
    }
}

/// Another rank failed and reports the reason, so this rank prints nothing.
#[derive(Debug)]
pub(crate) struct OtherRankFailed;

impl fmt::Display for OtherRankFailed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("another rank failed")
    }
}

impl std::error::Error for OtherRankFailed {}
