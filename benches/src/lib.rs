//! What the benches share: the table of shapes, models of those shapes with random weights, and their inputs.
#![forbid(unsafe_code)]

mod arms;
pub mod flops;
mod setup;
mod shape;
mod step;
mod turns;
mod weights;
mod workload;

use burn::tensor::Device;

pub use setup::Setup;
pub use shape::{SHAPES, Shape};
pub use step::TrainStep;
pub use turns::{Ratios, in_turns};
pub use weights::{bytes_per_token, is_tied_head};
pub use workload::Workload;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// The device that `BURN_DEVICE` names, or the best one compiled in.
///
/// # Panics
///
/// Panics if there is no such device.
pub fn device() -> Device {
    let name = std::env::var("BURN_DEVICE").ok();
    ia3::device(name.as_deref()).unwrap_or_else(|error| panic!("{error}"))
}

/// A lock for tests that draw random numbers, because a device has one generator for all threads.
#[cfg(test)]
static RANDOM: std::sync::Mutex<()> = std::sync::Mutex::new(());
