//! How much time and memory a reader may take.

use std::time::Duration;

use cpu_time::ProcessTime;
use peak_alloc::PeakAlloc;

use crate::target::Target;

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

/// The memory that every reader may take for a byte of its input.
pub const MAX_BYTES_PER_INPUT_BYTE: usize = 20;
/// The memory that every reader may take beside that.
pub const MAX_EXTRA_BYTES: usize = 64 << 20;
/// The time that a reader may take, in seconds of the processor.
pub const MAX_SECONDS: f64 = 1.0;

/// What a reader took.
#[derive(Clone, Copy, Debug)]
pub struct Usage {
    /// Seconds of the processor, of all threads.
    pub seconds: f64,
    /// The most memory in use at once, beside what was in use before.
    pub bytes: usize,
}

/// Runs a target and measures it. Nothing else may run in the process meanwhile.
pub fn measured(target: &Target, data: &[u8]) -> Usage {
    MEMORY.reset_peak_usage();
    let (before, start) = (MEMORY.current_usage(), ProcessTime::now());
    (target.run)(data);
    let elapsed: Duration = start.elapsed();
    Usage { seconds: elapsed.as_secs_f64(), bytes: MEMORY.peak_usage().saturating_sub(before) }
}

/// Runs a target and panics if it panics or takes more time or memory than it may. Who takes too much time is run again twice, and
/// the fastest run counts, because a busy machine makes a run slower and never faster.
pub fn within_limits(target: &Target, data: &[u8]) -> Usage {
    let mut usage = measured(target, data);
    for _ in 0..2 {
        if usage.seconds > MAX_SECONDS {
            usage.seconds = usage.seconds.min(measured(target, data).seconds);
        }
    }
    let limit = data.len() * MAX_BYTES_PER_INPUT_BYTE + MAX_EXTRA_BYTES;
    let (name, len) = (target.name, data.len());
    assert!(usage.bytes <= limit, "{name}: {} bytes of memory for an input of {len} bytes", usage.bytes);
    assert!(usage.seconds <= MAX_SECONDS, "{name}: {} s for an input of {len} bytes", usage.seconds);
    usage
}
