//! The report on loading a checkpoint into a module.

use std::fmt;

use ia3_core::NonFinite;

use crate::text::{bytes, count, first_few};

/// Which tensors of a checkpoint were loaded into a module.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct LoadReport {
    /// The parameters that were filled, by their names in Hugging Face's model.
    pub loaded: Vec<String>,
    /// The size of their tensors in the file.
    pub bytes: u64,
    /// The parameters without a tensor, as far as [`LoadOptions`](crate::LoadOptions) allows that. They keep their values.
    pub missing: Vec<String>,
    /// The tensors that belong to no parameter.
    pub unused: Vec<String>,
    /// The weights that stayed integers of another program, where [`LoadOptions::keep_quantized`](crate::LoadOptions) asked for
    /// that.
    pub kept: Vec<String>,
    /// The weights of another program's integers that became floats nevertheless: embeddings, and formats without integers that a
    /// product can read.
    pub decoded: Vec<String>,
    /// The tensors that were loaded with values that are NaN or infinite.
    pub non_finite: Vec<NonFinite>,
}

/// One line: `48 tensors loaded (98.4 kB); 1 not used: lm_head.weight`
impl fmt::Display for LoadReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} loaded ({})", count(self.loaded.len(), "tensor"), bytes(self.bytes))?;
        for (names, what) in [(&self.missing, "missing"), (&self.unused, "not used")] {
            if !names.is_empty() {
                write!(f, "; {} {what}: {}", names.len(), first_few(names))?;
            }
        }
        Ok(())
    }
}
