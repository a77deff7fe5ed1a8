//! This process among those that `mpirun` or `srun` started together.

use std::fmt;
use std::process::ExitCode;

use anyhow::bail;
use ia3::train::{Alone, Communicator};

use crate::output;

/// Variables that OpenMPI, MPICH, Slurm's PMI-2 and PMIx set in each process they start.
const LAUNCHED: [&str; 4] = ["OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "PMI_RANK", "PMIX_RANK"];

/// What all ranks do together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    End = 0,
    Step = 1,
    EvaluateBase = 2,
    EvaluateAdapters = 3,
    /// Rank 0 sends a state to go on from.
    TakeState = 4,
}

/// All processes of this training; one, where no launcher of MPI started it.
pub(crate) struct Ranks {
    #[cfg(feature = "mpi")]
    mpi: Option<ia3::train::Mpi>,
}

impl Ranks {
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
                bail!("started by mpirun or srun, but this build has no MPI; build with `--features mpi`")
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

    /// The device's name with this process's own index, where each process has a GPU of its host: `cuda` is `cuda:1` in
    /// a host's second process.
    pub(crate) fn device(&self, name: Option<&str>) -> Option<String> {
        #[cfg(feature = "mpi")]
        if let (Some(mpi), Some(name @ ("cuda" | "rocm"))) = (&self.mpi, name) {
            return Some(format!("{name}:{}", mpi.local_rank()));
        }
        name.map(str::to_string)
    }

    /// What every rank did; where it failed on some, it fails on all, and the first of them says why.
    pub(crate) fn together<T>(&self, result: anyhow::Result<T>) -> anyhow::Result<T> {
        let mut failed = vec![0.0; self.size()];
        failed[self.rank()] = f32::from(result.is_err());
        self.communicator().all_reduce_sum(&mut failed);
        match failed.iter().position(|&failed| failed > 0.0) {
            Some(first) if first != self.rank() => Err(Silent.into()),
            _ => result,
        }
    }

    /// What rank 0 says that all do next; what the others say is dropped.
    pub(crate) fn next(&self, order: Order) -> Order {
        match self.communicator().broadcast(vec![order as u8])[..] {
            [1] => Order::Step,
            [2] => Order::EvaluateBase,
            [3] => Order::EvaluateAdapters,
            [4] => Order::TakeState,
            _ => Order::End,
        }
    }

    /// Fails where what this rank trains with is not what rank 0 does.
    pub(crate) fn agree(&self, facts: &[(String, String)]) -> anyhow::Result<()> {
        let theirs = self.communicator().broadcast(serde_json::to_vec(facts)?);
        let theirs: Vec<(String, String)> = serde_json::from_slice(&theirs)?;
        match facts.iter().zip(&theirs).find(|(own, their)| own != their) {
            Some(((name, _), _)) => bail!("the {name} of rank {} is not that of rank 0", self.rank()),
            None => Ok(()),
        }
    }

    /// The end of this process; one that failed ends the others.
    pub(crate) fn end(self, result: anyhow::Result<ExitCode>) -> anyhow::Result<ExitCode> {
        if self.size() == 1 {
            return result;
        }
        match result {
            Err(error) if error.is::<Silent>() => Ok(ExitCode::FAILURE),
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

/// Another rank failed, and says why.
#[derive(Debug)]
pub(crate) struct Silent;

impl fmt::Display for Silent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("another rank failed")
    }
}

impl std::error::Error for Silent {}
