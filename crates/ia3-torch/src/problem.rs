//! The reasons why a PyTorch file is not read.

use std::fmt;

use safetensors::Dtype;

/// Why the pickle of a PyTorch file is not read.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PickleProblem {
    /// It refers to a function or class that no dictionary of tensors needs.
    Global {
        /// Module and name.
        name: String,
    },
    /// It has an opcode that PyTorch does not write for tensors.
    Opcode {
        /// The opcode.
        opcode: u8,
    },
    /// It has another protocol than PyTorch's.
    Protocol {
        /// The protocol.
        found: u8,
    },
    /// It ends too early.
    Truncated,
    /// It takes more from the stack than there is.
    Underflow,
    /// It recalls an object that was never stored.
    Memo {
        /// The memo number of the object.
        key: u32,
    },
    /// It holds an integer beyond 64 bits.
    LongInt {
        /// The bytes of the integer.
        bytes: usize,
    },
    /// It holds a text that is not UTF-8.
    NotText,
    /// It does something that `torch.save` does not do.
    Unexpected {
        /// What it does: a verb and its object.
        what: &'static str,
    },
}

/// A phrase that follows the name of the pickle: ``refers to `os.system` ``.
impl fmt::Display for PickleProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Global { name } => write!(f, "refers to `{}`", name.escape_debug()),
            Self::Opcode { opcode } => write!(f, "has the opcode {opcode:#04x}"),
            Self::Protocol { found } => write!(f, "is of protocol {found}, expected 2"),
            Self::Truncated => f.write_str("ends too early"),
            Self::Underflow => f.write_str("takes more from its stack than there is"),
            Self::Memo { key } => write!(f, "recalls object {key}, which it did not store"),
            Self::LongInt { bytes } => write!(f, "has an integer of {bytes} bytes, expected at most 8"),
            Self::NotText => f.write_str("has a text that is not UTF-8"),
            Self::Unexpected { what } => f.write_str(what),
        }
    }
}

/// Why a tensor of a PyTorch file is not read.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TorchProblem {
    /// It is not a tensor but a number, a text or a dictionary.
    NotATensor,
    /// Its values are not contiguous.
    Strides {
        /// The shape.
        shape: Vec<i64>,
        /// The distance between neighbours along each axis.
        strides: Vec<i64>,
    },
    /// It reaches beyond its storage.
    Range {
        /// The first value.
        offset: i64,
        /// The number of values, `None` for one that overflows.
        len: Option<usize>,
        /// The values in the storage.
        storage: i64,
    },
    /// Its storage is not in the file.
    NoStorage {
        /// The name of the entry.
        entry: String,
    },
    /// Its storage has another size than the pickle says.
    StorageBytes {
        /// The name of the entry.
        entry: String,
        /// Bytes by the pickle.
        expected: u64,
        /// Bytes of the entry.
        found: u64,
    },
    /// It has a dtype that is not read as floats.
    Dtype {
        /// The dtype.
        found: Dtype,
    },
    /// All vectors together have more bytes than the file, so they overlap.
    Overlap {
        /// The bytes of the file.
        file: u64,
    },
}

/// A phrase that follows the name of the tensor: `is I64, expected F32, F16, BF16 or F64`.
impl fmt::Display for TorchProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotATensor => f.write_str("is not a tensor"),
            Self::Strides { shape, strides } => write!(
                f,
                "has shape {shape:?} with strides {strides:?}, so its values do not lie together; \
                 save it again after `.contiguous()`"
            ),
            Self::Range { offset, len: Some(len), storage } => {
                write!(
                    f,
                    "has {len} values from {offset} on, but its storage has {storage}; the file is damaged"
                )
            }
            Self::Range { .. } => f.write_str("has more values than any file; the file is damaged"),
            Self::NoStorage { entry } => {
                write!(f, "lies in the entry `{entry}`, which is not there; the file is damaged")
            }
            Self::StorageBytes { entry, expected, found } => write!(
                f,
                "lies in the entry `{entry}` of {found} bytes, expected {expected}; the file is damaged"
            ),
            Self::Dtype { found } => write!(f, "is {found}, expected F32, F16, BF16 or F64"),
            Self::Overlap { file } => write!(
                f,
                "is one too many: the vectors together have more than the {file} bytes of the file, so they overlap"
            ),
        }
    }
}
