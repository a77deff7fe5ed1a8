//! Values as the bytes that ranks exchange: numbers in little-endian order, lists after their length.

/// A value that ranks exchange.
pub(crate) trait Message: Sized {
    /// Appends the bytes of the value.
    fn write(&self, bytes: &mut Vec<u8>);

    /// Reads a value from the front of `reader`. `None` if the bytes are not those of a value.
    fn read(reader: &mut Reader) -> Option<Self>;

    /// The bytes of the value.
    fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = vec![];
        self.write(&mut bytes);
        bytes
    }

    /// The value of which `bytes` are all bytes.
    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let mut reader = Reader { rest: bytes };
        Self::read(&mut reader).filter(|_| reader.rest.is_empty())
    }
}

/// Bytes that have not been read yet.
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
}

impl Reader<'_> {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (first, rest) = self.rest.split_first_chunk::<N>()?;
        self.rest = rest;
        Some(*first)
    }
}

impl Message for u64 {
    fn write(&self, bytes: &mut Vec<u8>) {
        bytes.extend(self.to_le_bytes());
    }

    fn read(reader: &mut Reader) -> Option<Self> {
        reader.take().map(Self::from_le_bytes)
    }
}

impl Message for usize {
    fn write(&self, bytes: &mut Vec<u8>) {
        (*self as u64).write(bytes);
    }

    fn read(reader: &mut Reader) -> Option<Self> {
        u64::read(reader)?.try_into().ok()
    }
}

impl Message for i64 {
    fn write(&self, bytes: &mut Vec<u8>) {
        bytes.extend(self.to_le_bytes());
    }

    fn read(reader: &mut Reader) -> Option<Self> {
        reader.take().map(Self::from_le_bytes)
    }
}

impl Message for f32 {
    fn write(&self, bytes: &mut Vec<u8>) {
        bytes.extend(self.to_le_bytes());
    }

    fn read(reader: &mut Reader) -> Option<Self> {
        reader.take().map(Self::from_le_bytes)
    }
}

impl<T: Message> Message for Vec<T> {
    fn write(&self, bytes: &mut Vec<u8>) {
        self.len().write(bytes);
        self.iter().for_each(|item| item.write(bytes));
    }

    fn read(reader: &mut Reader) -> Option<Self> {
        let length = usize::read(reader)?;
        (0..length).map(|_| T::read(reader)).collect()
    }
}

impl<T: Message> Message for Option<T> {
    fn write(&self, bytes: &mut Vec<u8>) {
        bytes.push(u8::from(self.is_some()));
        self.iter().for_each(|value| value.write(bytes));
    }

    fn read(reader: &mut Reader) -> Option<Self> {
        match reader.take()? {
            [0] => Some(None),
            [1] => T::read(reader).map(Some),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Message;

    #[test]
    fn values_survive_as_bytes() {
        let ids = vec![vec![], vec![i64::MIN, -1, 0, (1 << 24) + 1, (1 << 53) + 1, i64::MAX], vec![7]];
        assert_eq!(Vec::<Vec<i64>>::from_bytes(&ids.to_bytes()), Some(ids));
        assert_eq!(Option::<u64>::from_bytes(&Some(u64::MAX).to_bytes()), Some(Some(u64::MAX)));
        assert_eq!(Option::<u64>::from_bytes(&None::<u64>.to_bytes()), Some(None));
        let bits = f32::from_bytes(&f32::from_bits(0x7fc0_1234).to_bytes()).map(f32::to_bits);
        assert_eq!(bits, Some(0x7fc0_1234), "the bits of a NaN are kept");
    }

    #[test]
    fn bytes_that_are_no_value_are_refused() {
        let bytes = vec![1i64, 2].to_bytes();
        assert_eq!(Vec::<i64>::from_bytes(&bytes[..bytes.len() - 1]), None, "too short");
        assert_eq!(Vec::<i64>::from_bytes(&[&bytes[..], &[0]].concat()), None, "too long");
        assert_eq!(Vec::<i64>::from_bytes(&u64::MAX.to_bytes()), None, "a length beyond the bytes");
        assert_eq!(Option::<i64>::from_bytes(&[2]), None);
        assert_eq!(i64::from_bytes(&[]), None);
    }
}
