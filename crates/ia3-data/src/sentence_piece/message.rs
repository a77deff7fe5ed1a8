//! The fields of a protobuf message.

/// The value of a field.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Field<'a> {
    Integer(u64),
    Bytes(&'a [u8]),
    Four([u8; 4]),
    Eight,
}

/// Reads the fields of a message one by one.
pub(super) struct Message<'a> {
    rest: &'a [u8],
}

impl<'a> Message<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    fn integer(&mut self) -> Result<u64, String> {
        let mut value = 0_u64;
        for place in 0..10 {
            let (byte, rest) = self.rest.split_first().ok_or_else(ends_early)?;
            self.rest = rest;
            // The tenth byte has one bit of 64.
            if place == 9 && *byte > 1 {
                break;
            }
            value |= u64::from(byte & 0x7f) << (7 * place);
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err("it has a number of more than 64 bits".into())
    }

    fn bytes(&mut self, len: u64) -> Result<&'a [u8], String> {
        let len = usize::try_from(len).map_err(|_| ends_early())?;
        let (bytes, rest) = self.rest.split_at_checked(len).ok_or_else(ends_early)?;
        self.rest = rest;
        Ok(bytes)
    }

    fn field(&mut self) -> Result<(u64, Field<'a>), String> {
        let tag = self.integer()?;
        let number = tag >> 3;
        if number == 0 || number >= 1 << 29 {
            return Err(format!("it has a field of the number {number}"));
        }
        let field = match tag & 7 {
            0 => Field::Integer(self.integer()?),
            1 => self.bytes(8).map(|_| Field::Eight)?,
            2 => {
                let len = self.integer()?;
                Field::Bytes(self.bytes(len)?)
            }
            5 => Field::Four(self.bytes(4)?.try_into().map_err(|_| ends_early())?),
            other => return Err(format!("the field {number} has the wire type {other}")),
        };
        Ok((number, field))
    }
}

/// The number of each field with its value.
impl<'a> Iterator for Message<'a> {
    type Item = Result<(u64, Field<'a>), String>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let field = self.field();
        if field.is_err() {
            self.rest = &[];
        }
        Some(field)
    }
}

fn ends_early() -> String {
    "it ends in the middle of a field; download or copy it again".into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(bytes: &[u8]) -> Result<Vec<(u64, Field<'_>)>, String> {
        Message::new(bytes).collect()
    }

    #[test]
    fn fields_of_each_wire_type_are_read() {
        let read = fields(b"\x08\xac\x02\x12\x02ab\x1d\x00\x00\x80\x3f\x21abcdefgh").unwrap();
        let one = Field::Four(1.0_f32.to_le_bytes());
        assert_eq!(read, [(1, Field::Integer(300)), (2, Field::Bytes(b"ab")), (3, one), (4, Field::Eight)]);
    }

    #[test]
    fn damaged_messages_are_errors() {
        for bytes in [
            &b"\x12\x05ab"[..],
            b"\x08",
            b"\x08\x80",
            b"\x1d\0\0",
            b"\x12\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",
        ] {
            assert!(fields(bytes).unwrap_err().starts_with("it ends"), "{bytes:?}");
        }
        assert_eq!(fields(b"\x0b").unwrap_err(), "the field 1 has the wire type 3");
        assert_eq!(fields(b"\x00").unwrap_err(), "it has a field of the number 0");
        assert!(fields(&[b"\x08".as_slice(), &[0xff; 11]].concat()).unwrap_err().contains("64 bits"));
    }
}
