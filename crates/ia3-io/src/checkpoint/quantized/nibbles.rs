//! Two integers of four bits in one byte.

/// The integers of a row of pairs, one per byte.
pub(super) fn unpack(row: &[u8], inputs: usize) -> impl Iterator<Item = u8> {
    let sign_extended = |nibble: u8| ((nibble << 4).cast_signed() >> 4).cast_unsigned();
    row.iter().flat_map(move |pair| [sign_extended(pair & 15), sign_extended(pair >> 4)]).take(inputs)
}

/// The pairs of a row of integers.
pub(super) fn pack(row: &[i8]) -> impl Iterator<Item = u8> {
    let nibble = |value: i8| value.cast_unsigned() & 15;
    row.chunks(2).map(move |pair| nibble(pair[0]) | pair.get(1).map_or(0, |&value| nibble(value) << 4))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn four_bits_are_packed_and_unpacked(row in prop::collection::vec(-7i8..=7, 1..40)) {
            let packed: Vec<u8> = pack(&row).collect();
            prop_assert_eq!(packed.len(), row.len().div_ceil(2));
            let unpacked: Vec<i8> = unpack(&packed, row.len()).map(u8::cast_signed).collect();
            prop_assert_eq!(unpacked, row);
        }
    }
}
