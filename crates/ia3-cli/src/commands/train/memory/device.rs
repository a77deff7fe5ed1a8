//! The peak memory of this process, and where the tensors of a device are.

use burn::tensor::Device;

/// The peak memory of this process in bytes, where the operating system reports it.
pub(in crate::commands::train) fn peak() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()? * 1024)
}

/// Whether the tensors of this device are in the memory of this machine.
pub(super) fn is_cpu(device: &Device) -> bool {
    let name = format!("{device:?}").to_lowercase();
    name.contains("cpu") || is_flex(device)
}

pub(super) fn is_flex(device: &Device) -> bool {
    format!("{device:?}").to_lowercase().contains("flex")
}
