//! How much of a header is accepted. A file within these limits takes a few megabytes of memory to describe.

/// The largest number of keys. Files of llama.cpp have fewer than 100.
pub const MAX_KEYS: u64 = 65_536;
/// The largest number of tensors. The largest known models have a few thousand.
pub const MAX_TENSORS: u64 = 65_536;
/// The longest name of a key, as the specification says.
pub const MAX_KEY_BYTES: u64 = 65_535;
/// The longest name of a tensor. Readers of llama.cpp accept 63 bytes.
pub const MAX_NAME_BYTES: u64 = 255;
/// The longest text that is kept of a value, such as a chat template.
pub const MAX_TEXT_BYTES: u64 = 4 << 20;
/// The size of all names and texts of a header that are kept.
pub const MAX_KEPT_BYTES: u64 = 32 << 20;
/// The largest number of dimensions, as ggml says.
pub const MAX_DIMENSIONS: u32 = 4;
/// The largest alignment of tensors.
pub const MAX_ALIGNMENT: u32 = 1 << 20;
/// The largest number of elements of an array that is read whole, such as a vocabulary.
pub const MAX_ARRAY: u64 = 4 << 20;
