//! The keys that say what was merged into a file.

use crate::error::GgufError;
use crate::file::{GgufFile, ValueType};

const BASE: &str = "ia3.merged.base_sha256";
const ADAPTERS: &str = "ia3.merged.adapters_sha256";

/// What was merged into a file, as its metadata says: the keys `ia3.merged.base_sha256`, a text, and
/// `ia3.merged.adapters_sha256`, an array of texts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MergedRecord {
    /// The SHA-256 of the file that the adapters were merged into.
    pub base_sha256: String,
    /// The SHA-256 of the weights of each adapter.
    pub adapters: Vec<String>,
}

impl MergedRecord {
    /// The record of a file; `None` if nothing was merged into it.
    ///
    /// # Errors
    ///
    /// [`GgufError::KeyType`], and the errors of reading an array.
    pub fn of(file: &GgufFile) -> Result<Option<Self>, GgufError> {
        let Some(base) = file.metadata().text(BASE)? else { return Ok(None) };
        let adapters = file.texts(ADAPTERS)?.unwrap_or_default();
        Ok(Some(Self { base_sha256: base.to_owned(), adapters }))
    }

    /// The number of its keys.
    pub(crate) const KEYS: u64 = 2;

    /// The keys and values as they stand in a file.
    pub(crate) fn encoded(&self) -> Vec<u8> {
        let mut out = Vec::new();
        text(&mut out, BASE);
        out.extend(ValueType::Text.id().to_le_bytes());
        text(&mut out, &self.base_sha256);
        text(&mut out, ADAPTERS);
        out.extend(ValueType::Array.id().to_le_bytes());
        out.extend(ValueType::Text.id().to_le_bytes());
        out.extend((self.adapters.len() as u64).to_le_bytes());
        self.adapters.iter().for_each(|adapter| text(&mut out, adapter));
        out
    }
}

fn text(out: &mut Vec<u8>, text: &str) {
    out.extend((text.len() as u64).to_le_bytes());
    out.extend(text.as_bytes());
}
