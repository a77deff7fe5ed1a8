//! `eˣ` as Cephes' `expf` computes it (Moshier 1989): `2ⁿ·p(r)`, where `x = n·ln 2 + r` and `p` is a polynomial of degree 7.

use std::f32::consts::LOG2_E;

/// 1.5·2²³. A sum with it is rounded to an integer, which the low bits of the sum hold.
const ROUND: f32 = 12_582_912.0;
/// `ln 2` as the sum of two numbers. The product of the first one and `n` is exact.
const LN_2: [f32; 2] = [0.693_359_4, -2.121_944_4e-4];

/// `eˣ` within 2 ulp, subnormal results included. NaN gives NaN.
#[inline(always)]
pub(crate) fn exp(x: f32) -> f32 {
    let x = if x > 89.0 { 89.0 } else { x };
    let x = if x < -104.0 { -104.0 } else { x };
    let rounded = x * LOG2_E + ROUND;
    let n = rounded - ROUND;
    let r = x - n * LN_2[0] - n * LN_2[1];
    let p = [1.398_199_9e-3, 8.333_452e-3, 4.166_579_6e-2, 1.666_666_5e-1, 5e-1]
        .into_iter()
        .fold(1.987_569_1e-4, |p, c| p * r + c);
    let n = (rounded.to_bits() as i32).wrapping_sub(ROUND.to_bits() as i32);
    let half = n >> 1;
    // In two steps, because 2ⁿ alone may be out of range where the product is not.
    (p * r * r + r + 1.0) * power_of_two(half) * power_of_two(n.wrapping_sub(half))
}

#[inline(always)]
fn power_of_two(n: i32) -> f32 {
    f32::from_bits((n.wrapping_add(127) as u32) << 23)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// Every 9973rd float32 in bit order, with the ends: both signs, subnormals, infinities and NaN.
    pub(crate) fn sweep() -> impl Iterator<Item = f32> {
        let ends =
            [0.0, -0.0, f32::MIN_POSITIVE, f32::MAX, f32::MIN, f32::INFINITY, f32::NEG_INFINITY, f32::NAN];
        (0..=u32::MAX / 9973).map(|i| f32::from_bits(i * 9973)).chain(ends)
    }

    /// The distance of `got` from `expected` in units of the last place of `expected`, at least of the smallest subnormal.
    pub(crate) fn ulps(got: f32, expected: f64) -> f64 {
        let nearest = expected as f32;
        if got == nearest || got.is_nan() && nearest.is_nan() {
            return 0.0;
        }
        let exponent = expected.abs().log2().floor().max(-126.0);
        (f64::from(got) - expected).abs() / (exponent - 23.0).exp2()
    }

    #[test]
    fn exp_is_within_two_ulp_everywhere() {
        let worst = sweep().map(|x| (ulps(exp(x), f64::from(x).exp()), x)).max_by(|a, b| a.0.total_cmp(&b.0));
        let (worst, at) = worst.unwrap();
        assert!(worst <= 2.0, "{worst} ulp at {at:e}");
        assert_eq!((exp(0.0), exp(-0.0)), (1.0, 1.0));
        assert_eq!((exp(f32::NEG_INFINITY), exp(f32::INFINITY)), (0.0, f32::INFINITY));
        assert!(exp(f32::NAN).is_nan());
    }
}
