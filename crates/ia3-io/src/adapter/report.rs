//! How an adapter file and a model met.

use std::fmt;

use crate::text::{count, first_few};

/// What became of the vectors of an adapter file on a base.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct AdapterReport {
    /// The layers that got their vector.
    pub loaded: Vec<String>,
    /// The layers that the configuration asks a vector for and the file has none; and the modules that should be
    /// saved whole and are not there. They stay as in the base.
    pub missing: Vec<String>,
    /// The vectors whose layer the configuration does not reach or the base does not have, and the whole parameters
    /// that the base does not have. They are dropped.
    pub unexpected: Vec<String>,
}

impl AdapterReport {
    /// Whether file and base fit exactly.
    pub fn is_complete(&self) -> bool {
        self.missing.is_empty() && self.unexpected.is_empty()
    }
}

/// One line: `16 vectors loaded; 2 layers without a vector: …; 1 tensor not asked for: …`
impl fmt::Display for AdapterReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} loaded", count(self.loaded.len(), "vector"))?;
        for (names, noun, what) in
            [(&self.missing, "layer", "without a vector"), (&self.unexpected, "tensor", "not asked for")]
        {
            if !names.is_empty() {
                write!(f, "; {} {what}: {}", count(names.len(), noun), first_few(names))?;
            }
        }
        Ok(())
    }
}
