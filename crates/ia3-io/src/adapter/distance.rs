//! The distance between two vectors.

use serde::Serialize;

/// The distance between two vectors `a` and `b` of one length.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct VectorDistance {
    /// `max |a − b|`.
    pub max_abs: f64,
    /// `mean |a − b|`.
    pub mean_abs: f64,
    /// `‖a − b‖ / ‖a‖`; NaN if `a` is 0.
    pub relative_l2: f64,
    /// The cosine of the angle between `a − 1` and `b − 1`, the changes that the vectors make to the base. NaN if one of them
    /// changes nothing.
    pub cosine: f64,
}

impl VectorDistance {
    /// The distance between the values of two vectors. If one vector is longer, its surplus values do not count.
    ///
    /// Equal values, NaN included, have the distance 0. A NaN in only one of the vectors makes the distance NaN.
    ///
    /// ```
    /// let d = ia3_io::VectorDistance::of(&[1.0, 3.0], &[1.0, 2.0]);
    /// assert_eq!((d.max_abs, d.mean_abs, d.cosine), (1.0, 0.5, 1.0));
    /// ```
    pub fn of(a: &[f32], b: &[f32]) -> Self {
        let pairs = || a.iter().zip(b).map(|(a, b)| (f64::from(*a), f64::from(*b)));
        let apart = |(a, b): (f64, f64)| if a.to_bits() == b.to_bits() { 0.0 } else { (a - b).abs() };
        let norm = |values: &mut dyn Iterator<Item = f64>| values.map(|x| x * x).sum::<f64>().sqrt();
        let (da, db) = (|| pairs().map(|(a, _)| a - 1.0), || pairs().map(|(_, b)| b - 1.0));
        let dot: f64 = da().zip(db()).map(|(a, b)| a * b).sum();
        Self {
            max_abs: pairs().map(apart).fold(0.0, |max, x| if x.is_nan() || x > max { x } else { max }),
            mean_abs: pairs().map(apart).sum::<f64>() / pairs().count().max(1) as f64,
            relative_l2: norm(&mut pairs().map(apart)) / norm(&mut pairs().map(|(a, _)| a)),
            cosine: dot / (norm(&mut da()) * norm(&mut db())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_are_their_formulas() {
        let d = VectorDistance::of(&[3.0, 1.0, 4.0], &[2.0, 3.0, 4.0]);
        assert_eq!((d.max_abs, d.mean_abs), (2.0, 1.0));
        assert!((d.relative_l2 - (5.0f64 / 26.0).sqrt()).abs() < 1e-12);
        assert!((d.cosine - 11.0 / (13.0f64 * 14.0).sqrt()).abs() < 1e-12);
    }

    #[test]
    fn what_is_not_finite_is_not_hidden() {
        assert_eq!(VectorDistance::of(&[f32::NAN], &[f32::NAN]).max_abs, 0.0);
        for d in [
            VectorDistance::of(&[f32::NAN, 5.0], &[1.0, 9.0]),
            VectorDistance::of(&[0.0, 1.0], &[f32::NAN, 9.0]),
        ] {
            assert!(d.mean_abs.is_nan() && d.relative_l2.is_nan(), "{d:?}");
            assert!(d.max_abs.is_nan(), "{d:?}");
        }
        assert!(VectorDistance::of(&[1.0], &[2.0]).cosine.is_nan());
    }
}
