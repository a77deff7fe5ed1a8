//! The names of the files of a checkpoint beside the adapter.

/// The step, the progress and the fingerprint.
pub(super) const STATE: &str = "trainer_state.json";
/// The trained values and the state of the optimiser.
pub(super) const VALUES: &str = "trainer_state.bpk";
