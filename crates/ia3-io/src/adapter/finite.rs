//! Refusing adapters with values that are NaN or infinite.

use ia3_core::{Adapter, NonFinite};

use crate::adapter::AdapterFileError;
use crate::adapter::file::{AdapterFile, FileVector};

/// Refuses an adapter with values that are NaN or infinite. Writers keep every value, so a program calls this before it
/// writes.
///
/// # Errors
///
/// [`AdapterFileError::NotFinite`] with the vectors and the parameters of `modules_to_save` that hold such values.
///
/// # Panics
///
/// Panics if a device fails to return the values.
pub fn check_finite(adapter: &Adapter) -> Result<(), AdapterFileError> {
    refuse(adapter.non_finite())
}

impl AdapterFile {
    /// Refuses an adapter with values that are NaN or infinite, as [`check_finite`] does.
    ///
    /// # Errors
    ///
    /// As [`check_finite`].
    pub fn check_finite(&self) -> Result<(), AdapterFileError> {
        let vector = |(module, vector): (&String, &FileVector)| {
            let count = vector.values.iter().filter(|value| !value.is_finite()).count();
            (count > 0).then(|| NonFinite::new(module, count, vector.values.len()))
        };
        let saved = self.saved.iter().filter_map(|(name, data)| NonFinite::of(name, data));
        refuse(self.vectors.iter().filter_map(vector).chain(saved).collect())
    }
}

fn refuse(tensors: Vec<NonFinite>) -> Result<(), AdapterFileError> {
    if tensors.is_empty() { Ok(()) } else { Err(AdapterFileError::NotFinite { tensors }) }
}
