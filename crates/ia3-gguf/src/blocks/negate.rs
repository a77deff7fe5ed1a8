//! Changing the sign of single values of a block, which is exact where the integer has an opposite.

use super::k_quants::{q3_integer, q6_integer, q6_place};
use super::legacy::{five_bits, nibble};
use super::{Format, f32_at};

/// Whether a value could change its sign.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Negation {
    Done,
    /// The integer is the smallest of its format, whose opposite the format does not have.
    NoOpposite,
    /// The block has a minimum, or its table of values is not symmetric.
    NotInFormat,
}

/// Changes the sign of the value `i` of a block.
pub(crate) fn negate(format: Format, block: &mut [u8], i: usize) -> Negation {
    match format {
        Format::F32 => {
            let opposite = -f32_at(block, 0);
            block.copy_from_slice(&opposite.to_le_bytes());
            Negation::Done
        }
        Format::F16 | Format::Bf16 => {
            block[1] ^= 0x80;
            Negation::Done
        }
        Format::Q8_0 => match block[2 + i].cast_signed().checked_neg() {
            Some(opposite) => {
                block[2 + i] = opposite.cast_unsigned();
                Negation::Done
            }
            None => Negation::NoOpposite,
        },
        Format::Q4_0 => turn(nibble(&block[2..], i), 16, |q| set_nibble(&mut block[2..], i, q)),
        Format::Q5_0 => turn(five_bits(&block[2..], i), 32, |q| {
            set_nibble(&mut block[6..], i, q & 15);
            set_bits(&mut block[2 + i / 8], i % 8, 1, q >> 4);
        }),
        Format::Q3K => turn(q3_integer(block, i), 8, |q| {
            set_bits(&mut block[32 + i / 128 * 32 + i % 32], i % 128 / 32 * 2, 3, q & 3);
            set_bits(&mut block[i % 32], i / 32, 1, q >> 2);
        }),
        Format::Q6K => turn(q6_integer(block, i), 64, |q| {
            let ((low, low_shift), (high, high_shift)) = q6_place(i);
            set_bits(&mut block[low], low_shift, 15, q & 15);
            set_bits(&mut block[high], high_shift, 3, q >> 4);
        }),
        Format::Q4_1
        | Format::Q5_1
        | Format::Q2K
        | Format::Q4K
        | Format::Q5K
        | Format::Iq4Nl
        | Format::Iq4Xs => Negation::NotInFormat,
    }
}

/// The opposite of an integer whose zero lies at the middle of `count` values.
fn turn(q: u8, count: u8, set: impl FnOnce(u8)) -> Negation {
    if q == 0 {
        return Negation::NoOpposite;
    }
    set(count - q);
    Negation::Done
}

fn set_nibble(bytes: &mut [u8], i: usize, q: u8) {
    set_bits(&mut bytes[i % 16], i / 16 * 4, 15, q);
}

fn set_bits(byte: &mut u8, shift: usize, mask: u8, bits: u8) {
    *byte = (*byte & !(mask << shift)) | (bits << shift);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Bytes from a linear congruential generator, with small scales.
    fn block(format: Format, seed: u32) -> Vec<u8> {
        let mut state = seed;
        let mut next = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 24) as u8
        };
        let mut block: Vec<u8> = (0..format.block().1).map(|_| next()).collect();
        let len = block.len();
        for at in [0, 108, 208].into_iter().filter(|at| at + 2 <= len) {
            block[at + 1] = 0x2c;
        }
        block
    }

    fn decoded(format: Format, block: &[u8]) -> Vec<f32> {
        let mut values = vec![0.0; format.block().0];
        format.decode(block, &mut values);
        values
    }

    #[test]
    fn one_value_changes_its_sign_and_all_others_stay() {
        use Format::{Bf16, F16, F32, Q3K, Q4_0, Q5_0, Q6K, Q8_0};
        for format in [F32, F16, Bf16, Q4_0, Q5_0, Q8_0, Q3K, Q6K] {
            let (mut done, mut refused) = (0, 0);
            for seed in 1..9 {
                let before = block(format, seed);
                for i in 0..format.block().0 {
                    let mut after = before.clone();
                    let negation = negate(format, &mut after, i);
                    let mut expected = decoded(format, &before);
                    match negation {
                        Negation::Done => expected[i] = -expected[i],
                        _ => assert_eq!(negation, Negation::NoOpposite),
                    }
                    assert_eq!(decoded(format, &after), expected, "{format:?}, value {i}");
                    done += usize::from(negation == Negation::Done);
                    refused += usize::from(negation == Negation::NoOpposite);
                }
            }
            assert!(done > 0 && (refused > 0) != format.is_float(), "{format:?}: {done}, {refused}");
        }
    }

    #[test]
    fn blocks_with_minima_and_tables_have_no_opposites() {
        use Format::{Iq4Nl, Iq4Xs, Q2K, Q4_1, Q4K, Q5_1, Q5K};
        for format in [Q4_1, Q5_1, Q2K, Q4K, Q5K, Iq4Nl, Iq4Xs] {
            let before = block(format, 3);
            let mut after = before.clone();
            assert_eq!(negate(format, &mut after, 5), Negation::NotInFormat);
            assert_eq!(before, after);
        }
    }
}
