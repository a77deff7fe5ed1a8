//! Wall time, CPU time and peak memory of this process.

use std::time::Instant;

use anyhow::{Context, Result};

use crate::figures::median;

/// The median wall time and CPU time in ms. One run before is not counted.
pub(crate) fn timed(runs: usize, mut work: impl FnMut() -> Result<()>) -> Result<(f64, f64)> {
    work()?;
    let (mut wall, mut cpu) = (vec![], vec![]);
    for _ in 0..runs {
        let (start, start_cpu) = (Instant::now(), cpu_ms()?);
        work()?;
        wall.push(start.elapsed().as_secs_f64() * 1e3);
        cpu.push(cpu_ms()? - start_cpu);
    }
    Ok((median(&wall), median(&cpu)))
}

/// The CPU time of this process in ms.
fn cpu_ms() -> Result<f64> {
    Ok(cpu_time::ProcessTime::try_now()?.as_duration().as_secs_f64() * 1e3)
}

/// The time of the fastest of five runs in seconds.
pub(crate) fn fastest(mut work: impl FnMut() -> Result<()>) -> Result<f64> {
    let mut best = f64::INFINITY;
    for _ in 0..5 {
        let start = Instant::now();
        work()?;
        best = best.min(start.elapsed().as_secs_f64());
    }
    Ok(best)
}

/// The peak resident memory of this process in MB.
pub(crate) fn peak() -> Result<f64> {
    let status = std::fs::read_to_string("/proc/self/status").context("reading the peak memory")?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))
        .context("no VmHWM in /proc/self/status")?;
    let kilobytes: f64 = line.trim().trim_end_matches(" kB").parse()?;
    Ok(kilobytes / 1024.0)
}
