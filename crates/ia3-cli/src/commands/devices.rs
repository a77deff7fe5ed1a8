//! `ia3 devices`.

use std::fmt;
use std::process::ExitCode;

use serde::Serialize;

use crate::args::Format;
use crate::machine_memory::MachineMemory;
use crate::output;

#[derive(Serialize)]
struct Report {
    /// The backends of this build.
    compiled_in: Vec<&'static str>,
    devices: Vec<Row>,
}

#[derive(Serialize)]
struct Row {
    backend: &'static str,
    device: String,
    part: Option<String>,
    /// Bytes. burn does not report the memory of a GPU.
    memory: Option<u64>,
    memory_available: Option<u64>,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "compiled in: {}", self.compiled_in.join(", "))?;
        self.devices.iter().try_for_each(|row| write!(f, "\n{row}"))
    }
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "  {:7} {}", self.backend, self.device)?;
        self.part.iter().try_for_each(|part| write!(f, ", {part}"))?;
        match self.memory.zip(self.memory_available) {
            Some((all, free)) => write!(f, ", {:.1} GiB of memory, {:.1} GiB free", gib(all), gib(free)),
            None => write!(f, ", unknown memory"),
        }
    }
}

fn gib(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 30)
}

pub(crate) fn run(format: Format) -> anyhow::Result<ExitCode> {
    let devices = ia3::devices().into_iter().map(row).collect();
    output::report(&Report { compiled_in: ia3::compiled_in(), devices }, format)?;
    Ok(ExitCode::SUCCESS)
}

fn row(found: ia3::FoundDevice) -> Row {
    let memory = ["flex", "cpu"].contains(&found.backend).then(MachineMemory::read).flatten();
    Row {
        backend: found.backend,
        device: format!("{:?}", found.device),
        part: found.part,
        memory: memory.map(|memory| memory.total),
        memory_available: memory.map(|memory| memory.available),
    }
}
