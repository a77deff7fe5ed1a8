//! How far a download is.

/// How far a download is, in bytes of all its files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Downloaded<'a> {
    /// The file that is being transferred.
    pub file: &'a str,
    /// The bytes that are here, those of an earlier run with them.
    pub done: u64,
    /// The bytes of all files.
    pub total: u64,
}

/// Told of a download as it goes on.
pub type Progress<'a> = dyn FnMut(Downloaded) + 'a;
