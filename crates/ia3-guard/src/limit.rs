use std::fmt;

/// The largest number of bytes that is read of one kind of file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    /// The number of bytes.
    pub bytes: u64,
    /// What the file is, in messages: `a configuration`.
    pub what: &'static str,
}

const MIB: u64 = 1 << 20;

impl Limit {
    /// `config.json`, `adapter_config.json`, an index of shards, and other small JSON files. The largest known index of
    /// shards has 9 MB.
    pub const CONFIG: Self = Self { bytes: 64 * MIB, what: "a JSON file" };
    /// `tokenizer.json`. The largest known file has 33 MB.
    pub const TOKENIZER: Self = Self { bytes: 256 * MIB, what: "a tokenizer" };
    /// Prompts, templates and other files of text that are read whole.
    pub const TEXT: Self = Self { bytes: 64 * MIB, what: "a text file" };
    /// Lines that a training has logged.
    pub const LOG: Self = Self { bytes: 4096 * MIB, what: "a log of a training" };
    /// Rows of data from a pipe. A regular file of data has no limit, because its size is known before it is read.
    pub const DATA_PIPE: Self = Self { bytes: 1024 * MIB, what: "data from a pipe" };
}

/// `64 MiB for a JSON file`
impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.bytes.is_multiple_of(MIB) {
            true => write!(f, "{} MiB for {}", self.bytes / MIB, self.what),
            false => write!(f, "{} bytes for {}", self.bytes, self.what),
        }
    }
}
