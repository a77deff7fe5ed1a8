//! The memory of this machine and of this process.

use burn::tensor::Device;
use sysinfo::{MemoryRefreshKind, RefreshKind, System};

/// The peak memory of this process in bytes, where the operating system reports it.
pub(in crate::commands::train) fn peak() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()? * 1024)
}

/// The free memory of this machine in bytes.
pub(super) fn available() -> u64 {
    let ram = RefreshKind::nothing().with_memory(MemoryRefreshKind::nothing().with_ram());
    System::new_with_specifics(ram).available_memory()
}

/// Whether the tensors of this device are in the memory of this machine.
pub(super) fn is_cpu(device: &Device) -> bool {
    let name = format!("{device:?}").to_lowercase();
    name.contains("cpu") || is_flex(device)
}

pub(super) fn is_flex(device: &Device) -> bool {
    format!("{device:?}").to_lowercase().contains("flex")
}
