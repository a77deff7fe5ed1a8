//! Ranks that are threads of one process.

pub(crate) mod threads;
