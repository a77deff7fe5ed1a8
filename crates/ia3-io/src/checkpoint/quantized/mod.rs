//! Weights of linear layers that a checkpoint stores as integers and scales.

pub(super) mod config;
pub(super) mod names;
mod nibbles;
pub(super) mod read;
pub(super) mod write;
