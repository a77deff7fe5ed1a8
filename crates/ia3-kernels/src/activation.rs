//! Activations and their gradients.

use crate::exp::exp;
use crate::parallel::{self, update};

/// An activation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Activation {
    /// `x·Φ(x)`, where Φ is the normal distribution.
    Gelu,
    /// `x·σ(2√(2/π)·(x + 0.044715·x³))`, the tanh approximation of gelu.
    GeluTanh,
    /// `x·σ(x)`
    Silu,
    /// `max(x, 0)`
    Relu,
}

/// Replaces each element `x` by `op(x)`.
pub fn in_place(op: Activation, x: &mut [f32]) {
    match op {
        Activation::Gelu => update(x, gelu),
        Activation::GeluTanh => update(x, gelu_tanh),
        Activation::Silu => update(x, silu),
        Activation::Relu => update(x, relu),
    }
}

/// `op(x)` for each element.
pub fn map(op: Activation, x: &[f32]) -> Vec<f32> {
    match op {
        Activation::Gelu => parallel::map(
            [x],
            #[inline(always)]
            |[x]| gelu(x),
        ),
        Activation::GeluTanh => parallel::map(
            [x],
            #[inline(always)]
            |[x]| gelu_tanh(x),
        ),
        Activation::Silu => parallel::map(
            [x],
            #[inline(always)]
            |[x]| silu(x),
        ),
        Activation::Relu => parallel::map(
            [x],
            #[inline(always)]
            |[x]| relu(x),
        ),
    }
}

/// `op′(x)·g` for each element.
///
/// # Panics
///
/// Panics if `x` and `g` differ in length.
pub fn gradient(op: Activation, x: &[f32], g: &[f32]) -> Vec<f32> {
    match op {
        Activation::Gelu => parallel::map(
            [x, g],
            #[inline(always)]
            |[x, g]| gelu_derivative(x) * g,
        ),
        Activation::GeluTanh => parallel::map(
            [x, g],
            #[inline(always)]
            |[x, g]| gelu_tanh_derivative(x) * g,
        ),
        Activation::Silu => parallel::map(
            [x, g],
            #[inline(always)]
            |[x, g]| silu_derivative(x) * g,
        ),
        Activation::Relu => parallel::map(
            [x, g],
            #[inline(always)]
            |[x, g]| if x > 0.0 { g } else { 0.0 },
        ),
    }
}

#[inline(always)]
fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + exp(-x))
}

/// NaN stays NaN.
#[inline(always)]
fn relu(x: f32) -> f32 {
    if x < 0.0 { 0.0 } else { x }
}

#[inline(always)]
fn silu(x: f32) -> f32 {
    x / (1.0 + exp(-x))
}

#[inline(always)]
fn silu_derivative(x: f32) -> f32 {
    let s = sigmoid(x);
    s + x * s * (1.0 - s)
}

/// 2·√(2/π)
const SLOPE: f32 = 1.595_769;
const CUBIC: f32 = 0.044_715;

#[inline(always)]
fn gelu_tanh(x: f32) -> f32 {
    x / (1.0 + exp(-SLOPE * (x + CUBIC * x * x * x)))
}

#[inline(always)]
fn gelu_tanh_derivative(x: f32) -> f32 {
    let s = sigmoid(SLOPE * (x + CUBIC * x * x * x));
    s + x * s * (1.0 - s) * SLOPE * (1.0 + 3.0 * CUBIC * x * x)
}

/// With `t = 1/(1 + 0.3·z)`, `e^{z²/2}·Φ(−z)/t` is this polynomial in `t`, lowest power first, within 4e-9 for `z` up to 14.5.
/// It was fitted to scipy's `erfcx` at 4000 Chebyshev nodes.
const TAIL: [f32; 10] = [
    0.119_687_35,
    0.119_558_34,
    0.110_351_935,
    0.077_827_446,
    0.097_828_75,
    -0.082_609_884,
    0.195_687_47,
    -0.231_184_86,
    0.113_714_8,
    -0.020_861_369,
];
const TAIL_SCALE: f32 = 0.3;

/// `Φ(−|x|)` and `e^{−x²/2}`.
#[inline(always)]
fn normal_tail(x: f32) -> (f32, f32) {
    let t = 1.0 / (1.0 + TAIL_SCALE * x.abs());
    let p = TAIL.iter().rev().fold(0.0, |p, c| p * t + c);
    let e = exp(-0.5 * x * x);
    (p * t * e, e)
}

#[inline(always)]
fn gelu(x: f32) -> f32 {
    let (tail, _) = normal_tail(x);
    x * if x > 0.0 { 1.0 - tail } else { tail }
}

#[inline(always)]
fn gelu_derivative(x: f32) -> f32 {
    const ONE_OVER_SQRT_TAU: f32 = 0.398_942_3;
    let (tail, e) = normal_tail(x);
    let below = if x > 0.0 { 1.0 - tail } else { tail };
    below + x * e * ONE_OVER_SQRT_TAU
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exp::tests::{sweep, ulps};

    /// The normal distribution in float64: a series near 0, a continued fraction of the tail beyond (Abramowitz and
    /// Stegun 26.2.11, 26.2.14).
    fn normal(x: f64) -> f64 {
        let z = x.abs();
        let density = (-z * z / 2.0).exp() / std::f64::consts::TAU.sqrt();
        let term = |(sum, term): (f64, f64), n: u32| (sum + term, term * z * z / f64::from(2 * n + 1));
        let tail = match z {
            0.0..3.0 => 0.5 - density * (1..120).fold((0.0, z), term).0,
            _ => density / (1..200).rev().fold(z, |fraction, k| z + f64::from(k) / fraction),
        };
        if x > 0.0 { 1.0 - tail } else { tail }
    }

    fn exact(op: Activation, x: f64) -> f64 {
        let u = 2.0 * (2.0 / std::f64::consts::PI).sqrt() * (x + 0.044715 * x * x * x);
        match op {
            Activation::Gelu => x * normal(x),
            Activation::GeluTanh => x / (1.0 + (-u).exp()),
            Activation::Silu => x / (1.0 + (-x).exp()),
            Activation::Relu => x.max(0.0),
        }
    }

    /// At most `bound` ulp from −1 on, and at most 1e-7 below, where less and less is left of the input.
    fn check(op: Activation, bound: f64) {
        for x in sweep().filter(|x| x.is_finite()) {
            let (got, expected) = (map(op, &[x])[0], exact(op, x.into()));
            let error = (f64::from(got) - expected).abs();
            assert!(
                if x < -1.0 { error < 1e-7 } else { ulps(got, expected) <= bound },
                "{op:?} {x:e}: {got:e}"
            );
        }
    }

    #[test]
    fn gelu_is_within_7_ulp() {
        check(Activation::Gelu, 7.0);
    }

    #[test]
    fn gelu_tanh_is_within_4_ulp() {
        check(Activation::GeluTanh, 4.0);
    }

    #[test]
    fn silu_is_within_3_ulp() {
        check(Activation::Silu, 3.0);
    }

    #[test]
    fn infinity_stays_zero_keeps_its_sign_and_nan_is_nan() {
        for op in [Activation::Gelu, Activation::GeluTanh, Activation::Silu] {
            let y = map(op, &[f32::INFINITY, f32::NAN, 0.0, -0.0, f32::MAX]);
            assert_eq!((y[0], y[2].to_bits(), y[3].to_bits(), y[4]), (f32::INFINITY, 0, 1 << 31, f32::MAX));
            assert!(y[1].is_nan());
        }
    }

    #[test]
    fn in_place_and_beside_agree_over_many_tasks() {
        let x: Vec<f32> = (0..100_001).map(|i| (i as f32 - 5e4) * 1e-4).collect();
        for op in [Activation::Gelu, Activation::GeluTanh, Activation::Silu] {
            let mut y = x.clone();
            in_place(op, &mut y);
            assert_eq!(y, map(op, &x));
        }
    }

    /// Against the slope of float64 between two close points: within 2e-6, where float64's own slope is exact to 1e-9.
    #[test]
    fn derivatives_are_slopes() {
        for op in [Activation::Gelu, Activation::GeluTanh, Activation::Silu] {
            for i in -2000..2000 {
                let x = i as f32 * 5e-3;
                let (above, below) = (f64::from(x) + 1e-5, f64::from(x) - 1e-5);
                let slope = (exact(op, above) - exact(op, below)) / 2e-5;
                let got = f64::from(gradient(op, &[x], &[1.0])[0]);
                assert!((got - slope).abs() < 2e-6, "{op:?} {x}: {got} {slope}");
            }
        }
    }
}
