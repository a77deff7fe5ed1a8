//! The memory of this machine, or of the container that this process runs in.

use sysinfo::{CGroupLimits, MemoryRefreshKind, RefreshKind, System};

/// Memory in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct MachineMemory {
    pub(crate) total: u64,
    /// What a process may still take, which includes the caches that the system can drop.
    pub(crate) available: u64,
}

impl MachineMemory {
    /// The memory as the system reports it; `None` if it does not, as in a container without `/proc`.
    pub(crate) fn read() -> Option<Self> {
        let ram = RefreshKind::nothing().with_memory(MemoryRefreshKind::nothing().with_ram());
        let system = System::new_with_specifics(ram);
        let machine = Self { total: system.total_memory(), available: system.available_memory() };
        (machine.total > 0).then(|| system.cgroup_limits().map_or(machine, |limits| machine.within(&limits)))
    }

    /// The part that the limits of a container leave. The files that the kernel keeps for it count as available.
    fn within(self, limits: &CGroupLimits) -> Self {
        let left = limits.total_memory.saturating_sub(limits.rss);
        Self { total: self.total.min(limits.total_memory), available: self.available.min(left) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_container_has_as_much_as_its_limits_leave() {
        let machine = MachineMemory { total: 64, available: 40 };
        let limits = |total_memory, rss| CGroupLimits { total_memory, free_memory: 0, free_swap: 0, rss };
        assert_eq!(machine.within(&limits(16, 6)), MachineMemory { total: 16, available: 10 });
        assert_eq!(machine.within(&limits(64, 6)), machine);
        assert_eq!(machine.within(&limits(16, 20)).available, 0);
    }
}
