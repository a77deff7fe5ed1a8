//! Counts launches.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Result;
use burn::tensor::Device;
use cubecl::logging::{LaunchObservation, LaunchObserver};

/// How often each kernel was launched, by its name.
pub(crate) type Launches = BTreeMap<&'static str, usize>;

/// The launches of this process.
#[derive(Default)]
pub(crate) struct Counter(Mutex<Launches>);

impl LaunchObserver for Counter {
    fn launched(&self, kernel: &'static str) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner).entry(kernel).or_default() += 1;
    }
}

impl Counter {
    /// The launches of the second of two calls of `f`: the first one may compile kernels, or fill what is kept.
    pub(crate) fn of(device: &Device, mut f: impl FnMut() -> Result<()>) -> Result<Launches> {
        f()?;
        device.sync()?;
        let counter = Arc::new(Self::default());
        let watching = LaunchObservation::new(counter.clone());
        f()?;
        device.sync()?;
        drop(watching);
        Ok(std::mem::take(&mut counter.0.lock().unwrap_or_else(PoisonError::into_inner)))
    }
}
