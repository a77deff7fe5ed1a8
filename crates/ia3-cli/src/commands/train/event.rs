//! Records of TensorBoard: `Event` messages of protobuf in the framing of TFRecord.

/// The polynomial of CRC-32C, with its bits reversed.
const POLYNOMIAL: u32 = 0x82f6_3b78;

/// The record at the beginning of a file.
pub(super) fn version(time: f64) -> Vec<u8> {
    record(&[double(1, time), bytes(3, b"brain.Event:2")].concat())
}

/// The record of the values of a step, each with its tag.
pub(super) fn scalars(time: f64, step: i64, values: &[(String, f32)]) -> Vec<u8> {
    let value = |(tag, value): &(String, f32)| {
        // `Summary.Value.simple_value` has the number 2 and four bytes.
        let number = [&[2 << 3 | 5], value.to_le_bytes().as_slice()].concat();
        bytes(1, &[bytes(1, tag.as_bytes()), number].concat())
    };
    let summary: Vec<u8> = values.iter().flat_map(value).collect();
    let step = [vec![2 << 3], varint(step as u64)].concat();
    record(&[double(1, time), step, bytes(5, &summary)].concat())
}

/// A message with its length and the checksums of both.
fn record(message: &[u8]) -> Vec<u8> {
    let length = (message.len() as u64).to_le_bytes();
    [&length, masked(&length).as_slice(), message, masked(message).as_slice()].concat()
}

/// A checksum as TFRecord writes it: rotated, with a constant added.
fn masked(bytes: &[u8]) -> [u8; 4] {
    crc32c(bytes).rotate_right(15).wrapping_add(0xa282_ead8).to_le_bytes()
}

fn crc32c(bytes: &[u8]) -> u32 {
    let bit = |crc: u32| if crc & 1 == 1 { crc >> 1 ^ POLYNOMIAL } else { crc >> 1 };
    let byte = |crc: u32, byte: &u8| (0..8).fold(crc ^ u32::from(*byte), |crc, _| bit(crc));
    !bytes.iter().fold(!0, byte)
}

fn double(field: u8, value: f64) -> Vec<u8> {
    [&[field << 3 | 1], value.to_le_bytes().as_slice()].concat()
}

fn bytes(field: u8, bytes: &[u8]) -> Vec<u8> {
    [vec![field << 3 | 2], varint(bytes.len() as u64), bytes.to_vec()].concat()
}

fn varint(mut value: u64) -> Vec<u8> {
    let mut bytes = vec![];
    while value >= 0x80 {
        bytes.push(value as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checksums_are_those_of_the_standard() {
        // RFC 3720, B.4.
        assert_eq!(crc32c(&[0; 32]), 0x8a91_36aa);
        assert_eq!(crc32c(&(0..32).collect::<Vec<u8>>()), 0x46dd_794e);
        assert_eq!(crc32c(b"123456789"), 0xe306_9283);
    }

    #[test]
    fn a_record_has_the_bytes_that_tensorboard_writes() {
        let written = scalars(1.5, 300, &[("train/loss".into(), 0.25)]);
        let message = [
            b"\x09\0\0\0\0\0\0\xf8\x3f\x10\xac\x02\x2a\x13\x0a\x11\x0a\x0atrain/loss".as_slice(),
            b"\x15\0\0\x80\x3e",
        ]
        .concat();
        assert_eq!(written[..8], (message.len() as u64).to_le_bytes());
        assert_eq!(written[12..12 + message.len()], message);
        assert_eq!(written.len(), message.len() + 16);
    }
}
