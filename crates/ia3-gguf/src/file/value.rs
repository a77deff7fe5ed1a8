//! The values of keys.

use std::fmt;

use ia3_guard::quote_debug;

use super::cursor::Cursor;
use crate::error::GgufError;
use crate::limits::MAX_TEXT_BYTES;

/// The type of a value or of the elements of an array.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[expect(missing_docs, reason = "the names say it")]
pub enum ValueType {
    U8,
    I8,
    U16,
    I16,
    U32,
    I32,
    F32,
    Bool,
    Text,
    Array,
    U64,
    I64,
    F64,
}

const TYPES: [ValueType; 13] = {
    use ValueType::{Array, Bool, F32, F64, I8, I16, I32, I64, Text, U8, U16, U32, U64};
    [U8, I8, U16, I16, U32, I32, F32, Bool, Text, Array, U64, I64, F64]
};

impl ValueType {
    pub(crate) fn id(self) -> u32 {
        TYPES.iter().zip(0..).find(|(kind, _)| **kind == self).map_or(0, |(_, id)| id)
    }

    /// The size of an element; `None` for texts and arrays, which have no fixed size.
    pub(crate) fn size(self) -> Option<u64> {
        match self {
            Self::U8 | Self::I8 | Self::Bool => Some(1),
            Self::U16 | Self::I16 => Some(2),
            Self::U32 | Self::I32 | Self::F32 => Some(4),
            Self::U64 | Self::I64 | Self::F64 => Some(8),
            Self::Text | Self::Array => None,
        }
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::U8 => "an 8-bit unsigned integer",
            Self::I8 => "an 8-bit integer",
            Self::U16 => "a 16-bit unsigned integer",
            Self::I16 => "a 16-bit integer",
            Self::U32 => "a 32-bit unsigned integer",
            Self::I32 => "a 32-bit integer",
            Self::F32 => "a 32-bit float",
            Self::Bool => "a boolean",
            Self::Text => "a text",
            Self::Array => "an array",
            Self::U64 => "a 64-bit unsigned integer",
            Self::I64 => "a 64-bit integer",
            Self::F64 => "a 64-bit float",
        }
    }
}

/// The value of a key. Integers of all sizes are one kind, and so are floats.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Value {
    /// An integer; the largest unsigned ones are kept as they are.
    Integer(ValueType, i128),
    /// A float.
    Float(ValueType, f64),
    /// A boolean.
    Bool(bool),
    /// A text.
    Text(String),
    /// An array, which stays in the file.
    Array(Array),
}

/// An array of the metadata.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Array {
    /// The type of its elements.
    pub elements: ValueType,
    /// Their number.
    pub len: u64,
    /// Where the first element begins in the file.
    pub(crate) at: u64,
    /// The size of the elements.
    pub(crate) bytes: u64,
}

impl Value {
    /// The type.
    pub fn kind(&self) -> ValueType {
        match self {
            Self::Integer(kind, _) | Self::Float(kind, _) => *kind,
            Self::Bool(_) => ValueType::Bool,
            Self::Text(_) => ValueType::Text,
            Self::Array(_) => ValueType::Array,
        }
    }
}

/// The value in one line; of an array the number and the type of its elements.
impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Integer(_, value) => write!(f, "{value}"),
            // The shortest text that gives the same number again.
            Self::Float(ValueType::F32, value) => write!(f, "{}", *value as f32),
            Self::Float(_, value) => write!(f, "{value}"),
            Self::Bool(value) => write!(f, "{value}"),
            Self::Text(text) => f.write_str(&quote_debug(text)),
            Self::Array(Array { elements, len, .. }) => {
                write!(f, "array of {len}, each {}", elements.name())
            }
        }
    }
}

/// Reads the type of a value and the value.
pub(crate) fn read(input: &mut Cursor<'_>, what: &str) -> Result<Value, GgufError> {
    match read_type(input, what)? {
        ValueType::Array => read_array(input, what).map(Value::Array),
        kind => read_scalar(input, what, kind),
    }
}

fn read_type(input: &mut Cursor<'_>, what: &str) -> Result<ValueType, GgufError> {
    let id = input.u32(what)?;
    let kind = usize::try_from(id).ok().and_then(|id| TYPES.get(id)).copied();
    kind.ok_or_else(|| input.bad(what, format!("has the type {id}, expected 0 to 12")))
}

fn read_scalar(input: &mut Cursor<'_>, what: &str, kind: ValueType) -> Result<Value, GgufError> {
    let integer = |value: i128| Value::Integer(kind, value);
    Ok(match kind {
        ValueType::U8 => integer(input.bytes(what).map(u8::from_le_bytes)?.into()),
        ValueType::I8 => integer(input.bytes(what).map(i8::from_le_bytes)?.into()),
        ValueType::U16 => integer(input.bytes(what).map(u16::from_le_bytes)?.into()),
        ValueType::I16 => integer(input.bytes(what).map(i16::from_le_bytes)?.into()),
        ValueType::U32 => integer(input.u32(what)?.into()),
        ValueType::I32 => integer(input.bytes(what).map(i32::from_le_bytes)?.into()),
        ValueType::U64 => integer(input.u64(what)?.into()),
        ValueType::I64 => integer(input.bytes(what).map(i64::from_le_bytes)?.into()),
        ValueType::F32 => Value::Float(kind, f64::from(input.bytes(what).map(f32::from_le_bytes)?)),
        ValueType::F64 => Value::Float(kind, input.bytes(what).map(f64::from_le_bytes)?),
        ValueType::Bool => match input.bytes(what)? {
            [0] => Value::Bool(false),
            [1] => Value::Bool(true),
            [other] => return Err(input.bad(what, format!("is a boolean of {other}, expected 0 or 1"))),
        },
        ValueType::Text | ValueType::Array => Value::Text(input.text(what, MAX_TEXT_BYTES)?),
    })
}

fn read_array(input: &mut Cursor<'_>, what: &str) -> Result<Array, GgufError> {
    let elements = read_type(input, what)?;
    let len = input.u64(what)?;
    let at = input.at();
    match elements {
        ValueType::Array => return Err(input.bad(what, "is an array of arrays, which is not read".into())),
        ValueType::Text => skip_texts(input, what, len)?,
        _ => {
            let bytes = elements.size().and_then(|size| size.checked_mul(len)).unwrap_or(u64::MAX);
            input.skip(bytes, what)?;
        }
    }
    Ok(Array { elements, len, at, bytes: input.at() - at })
}

fn skip_texts(input: &mut Cursor<'_>, what: &str, len: u64) -> Result<(), GgufError> {
    // Each text needs its length, so an impossible number of them is refused before the first.
    input.has(len.saturating_mul(8), what)?;
    for _ in 0..len {
        let bytes = input.u64(what)?;
        input.skip(bytes, what)?;
    }
    Ok(())
}
