//! The types of tensors that GGUF files may hold.

use std::fmt;

use crate::blocks::Format;

/// The type of a tensor: its number in the file, its name, and how its values lie in blocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TensorType {
    /// The number that the file holds.
    pub id: u32,
    /// The name that llama.cpp gives it: `Q4_K`.
    pub name: &'static str,
    /// The number of values of a block.
    pub block: u64,
    /// The size of a block in bytes.
    pub bytes: u64,
    /// How its blocks are decoded; `None` for a type that is only known by its size.
    pub format: Option<Format>,
}

const fn known(id: u32, name: &'static str, block: u64, bytes: u64, format: Format) -> TensorType {
    TensorType { id, name, block, bytes, format: Some(format) }
}

const fn sized(id: u32, name: &'static str, block: u64, bytes: u64) -> TensorType {
    TensorType { id, name, block, bytes, format: None }
}

const TYPES: [TensorType; 34] = [
    known(0, "F32", 1, 4, Format::F32),
    known(1, "F16", 1, 2, Format::F16),
    known(2, "Q4_0", 32, 18, Format::Q4_0),
    known(3, "Q4_1", 32, 20, Format::Q4_1),
    known(6, "Q5_0", 32, 22, Format::Q5_0),
    known(7, "Q5_1", 32, 24, Format::Q5_1),
    known(8, "Q8_0", 32, 34, Format::Q8_0),
    sized(9, "Q8_1", 32, 40),
    known(10, "Q2_K", 256, 84, Format::Q2K),
    known(11, "Q3_K", 256, 110, Format::Q3K),
    known(12, "Q4_K", 256, 144, Format::Q4K),
    known(13, "Q5_K", 256, 176, Format::Q5K),
    known(14, "Q6_K", 256, 210, Format::Q6K),
    sized(15, "Q8_K", 256, 292),
    sized(16, "IQ2_XXS", 256, 66),
    sized(17, "IQ2_XS", 256, 74),
    sized(18, "IQ3_XXS", 256, 98),
    sized(19, "IQ1_S", 256, 50),
    known(20, "IQ4_NL", 32, 18, Format::Iq4Nl),
    sized(21, "IQ3_S", 256, 110),
    sized(22, "IQ2_S", 256, 82),
    known(23, "IQ4_XS", 256, 136, Format::Iq4Xs),
    sized(24, "I8", 1, 1),
    sized(25, "I16", 1, 2),
    sized(26, "I32", 1, 4),
    sized(27, "I64", 1, 8),
    sized(28, "F64", 1, 8),
    sized(29, "IQ1_M", 256, 56),
    known(30, "BF16", 1, 2, Format::Bf16),
    sized(34, "TQ1_0", 256, 54),
    sized(35, "TQ2_0", 256, 66),
    sized(39, "MXFP4", 32, 17),
    sized(40, "NVFP4", 64, 36),
    sized(41, "Q1_0", 128, 18),
];

impl TensorType {
    /// The type of a number; `None` if it is not known.
    pub fn of(id: u32) -> Option<Self> {
        TYPES.into_iter().find(|kind| kind.id == id)
    }
}

/// The name.
impl fmt::Display for TensorType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}
