//! Multiplying a block: its scales in half precision, or the values themselves.

use half::{bf16, f16};

use super::{Format, f32_at};

/// What rounding did to the numbers that a merge multiplied: the scales of blocks, and the values of float tensors.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Rounding {
    /// How many numbers were multiplied.
    pub numbers: u64,
    /// The largest relative rounding error of a product that is a normal number of its type. It is under 2⁻¹¹ (4.9e-4)
    /// in half precision and under 2⁻⁸ (3.9e-3) in bfloat16.
    pub largest: f64,
    /// How many products lie below the normal range, where the spacing of numbers is 2⁻²⁴ in half precision.
    pub subnormal: u64,
    /// How many of those became zero.
    pub zeroed: u64,
}

impl Rounding {
    /// Both together.
    pub fn and(self, other: Self) -> Self {
        Self {
            numbers: self.numbers + other.numbers,
            largest: self.largest.max(other.largest),
            subnormal: self.subnormal + other.subnormal,
            zeroed: self.zeroed + other.zeroed,
        }
    }

    fn add(&mut self, exact: f64, rounded: f64, smallest_normal: f64) {
        self.numbers += 1;
        if exact == 0.0 {
            return;
        }
        if exact.abs() >= smallest_normal {
            self.largest = self.largest.max(((rounded - exact) / exact).abs());
            return;
        }
        self.subnormal += 1;
        self.zeroed += u64::from(rounded == 0.0);
    }
}

/// A number that cannot be multiplied.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct OutOfRange {
    /// The number in the file.
    pub number: f64,
    /// The product, which its type does not hold, or which is not finite.
    pub product: f64,
}

/// Where a block holds numbers in half precision that multiply its values.
fn places(format: Format) -> &'static [usize] {
    match format {
        Format::F32 | Format::Bf16 => &[],
        Format::F16 | Format::Q4_0 | Format::Q5_0 | Format::Q8_0 | Format::Iq4Nl | Format::Iq4Xs => &[0],
        Format::Q4_1 | Format::Q5_1 | Format::Q4K | Format::Q5K => &[0, 2],
        Format::Q2K => &[80, 82],
        Format::Q3K => &[108],
        Format::Q6K => &[208],
    }
}

/// Multiplies one block by a factor. The block is unchanged after an error, or partly changed.
pub(crate) fn scale(
    format: Format,
    block: &mut [u8],
    factor: f32,
    rounding: &mut Rounding,
) -> Result<(), OutOfRange> {
    let factor = f64::from(factor);
    match format {
        Format::F32 => {
            let number = f64::from(f32_at(block, 0));
            let rounded = (number * factor) as f32;
            let product = check(number, number * factor, f64::from(rounded))?;
            rounding.add(product, f64::from(rounded), f64::from(f32::MIN_POSITIVE));
            block.copy_from_slice(&rounded.to_le_bytes());
        }
        Format::Bf16 => {
            let number = bf16::from_le_bytes([block[0], block[1]]).to_f64();
            let rounded = bf16::from_f64(number * factor);
            let product = check(number, number * factor, rounded.to_f64())?;
            rounding.add(product, rounded.to_f64(), bf16::MIN_POSITIVE.to_f64());
            block.copy_from_slice(&rounded.to_le_bytes());
        }
        _ => {
            for &at in places(format) {
                let number = f16::from_le_bytes([block[at], block[at + 1]]).to_f64();
                // A product of two floats of 24 and 11 bits is exact in 53 bits, so it is rounded once.
                let rounded = f16::from_f64(number * factor);
                let product = check(number, number * factor, rounded.to_f64())?;
                rounding.add(product, rounded.to_f64(), f16::MIN_POSITIVE.to_f64());
                block[at..at + 2].copy_from_slice(&rounded.to_le_bytes());
            }
        }
    }
    Ok(())
}

fn check(number: f64, product: f64, rounded: f64) -> Result<f64, OutOfRange> {
    if rounded.is_finite() { Ok(product) } else { Err(OutOfRange { number, product }) }
}
