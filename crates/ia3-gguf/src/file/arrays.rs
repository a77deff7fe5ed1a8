//! Reading the arrays of the metadata.

use ia3_guard::quote;

use super::GgufFile;
use super::cursor::Cursor;
use super::value::{Array, ValueType};
use crate::error::GgufError;
use crate::limits::{MAX_ARRAY, MAX_TEXT_BYTES};

impl GgufFile {
    /// The elements of an array of texts; `None` if there is no such key.
    ///
    /// # Errors
    ///
    /// [`GgufError::KeyType`], [`GgufError::Header`] for a text that is not UTF-8, [`GgufError::Limit`] for an array of
    /// more than 4 Mi elements or 32 MiB, [`GgufError::File`].
    pub fn texts(&self, key: &str) -> Result<Option<Vec<String>>, GgufError> {
        let Some(array) = self.typed(key, &[ValueType::Text], "an array of texts")? else { return Ok(None) };
        let what = format!("the key `{}`", quote(key));
        let mut input = self.elements(array, &what)?;
        (0..array.len).map(|_| input.text(&what, MAX_TEXT_BYTES)).collect::<Result<_, _>>().map(Some)
    }

    /// The elements of an array of 32-bit integers; `None` if there is no such key.
    ///
    /// # Errors
    ///
    /// As [`texts`](Self::texts).
    pub fn integers(&self, key: &str) -> Result<Option<Vec<i64>>, GgufError> {
        const TYPES: [ValueType; 2] = [ValueType::I32, ValueType::U32];
        let Some(array) = self.typed(key, &TYPES, "an array of 32-bit integers")? else { return Ok(None) };
        let what = format!("the key `{}`", quote(key));
        let mut input = self.elements(array, &what)?;
        let signed = array.elements == ValueType::I32;
        let value = |bits: u32| if signed { i64::from(bits.cast_signed()) } else { i64::from(bits) };
        (0..array.len).map(|_| input.u32(&what).map(value)).collect::<Result<_, _>>().map(Some)
    }

    /// The elements of an array of 32-bit floats; `None` if there is no such key.
    ///
    /// # Errors
    ///
    /// As [`texts`](Self::texts).
    pub fn floats(&self, key: &str) -> Result<Option<Vec<f32>>, GgufError> {
        let Some(array) = self.typed(key, &[ValueType::F32], "an array of 32-bit floats")? else {
            return Ok(None);
        };
        let what = format!("the key `{}`", quote(key));
        let mut input = self.elements(array, &what)?;
        (0..array.len).map(|_| input.u32(&what).map(f32::from_bits)).collect::<Result<_, _>>().map(Some)
    }

    /// The elements of an array of bytes; `None` if there is no such key.
    ///
    /// # Errors
    ///
    /// As [`texts`](Self::texts).
    pub fn byte_array(&self, key: &str) -> Result<Option<Vec<u8>>, GgufError> {
        const TYPES: [ValueType; 2] = [ValueType::U8, ValueType::I8];
        let Some(array) = self.typed(key, &TYPES, "an array of bytes")? else { return Ok(None) };
        let what = format!("the key `{}`", quote(key));
        let mut input = self.elements(array, &what)?;
        (0..array.len).map(|_| input.bytes::<1>(&what).map(|[byte]| byte)).collect::<Result<_, _>>().map(Some)
    }

    fn typed(
        &self,
        key: &str,
        types: &[ValueType],
        expected: &'static str,
    ) -> Result<Option<Array>, GgufError> {
        let Some(array) = self.metadata.array(key)? else { return Ok(None) };
        match types.contains(&array.elements) {
            true => Ok(Some(array)),
            false => Err(GgufError::KeyType {
                path: self.path.clone(),
                key: key.to_owned(),
                found: "an array of another type",
                expected,
            }),
        }
    }

    fn elements(&self, array: Array, what: &str) -> Result<Cursor<'_>, GgufError> {
        let input = Cursor::new(&self.path, &self.file, array.at, array.at + array.bytes);
        input.limit(&format!("the number of elements of {what}"), array.len, MAX_ARRAY)?;
        Ok(input)
    }
}
