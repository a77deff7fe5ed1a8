//! The report on fitting an adapter file to a model.

use std::fmt;

use crate::text::{count, first_few};

/// Which vectors of an adapter file were loaded into a base.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct AdapterReport {
    /// The layers that have got their vector.
    pub loaded: Vec<String>,
    /// The layers that the configuration selects and that have no vector in the file, and the modules to save that are not
    /// in the file. They stay as in the base.
    pub missing: Vec<String>,
    /// The vectors whose layer the configuration does not select or the base does not have, and the parameters saved whole
    /// that the base does not have. They are not used.
    pub unexpected: Vec<String>,
}

impl AdapterReport {
    /// Whether the file fits the base exactly.
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
