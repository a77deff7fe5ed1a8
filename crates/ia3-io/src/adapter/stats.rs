//! Statistics of the values of a vector.

use std::fmt;

use ia3_core::Adapter;

use crate::adapter::file::AdapterFile;

/// Statistics of the values of one vector.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct VectorStats {
    /// Number of values.
    pub count: usize,
    /// Mean of the finite values; NaN if there are none.
    pub mean: f64,
    /// Standard deviation of the finite values (of the population); NaN if there are none.
    pub std: f64,
    /// Smallest finite value; NaN if there are none.
    pub min: f32,
    /// Largest finite value; NaN if there are none.
    pub max: f32,
    /// Values below zero.
    pub negative: usize,
    /// Values that are exactly one, the initial value.
    pub ones: usize,
    /// Values that are NaN or infinite.
    pub non_finite: usize,
}

impl VectorStats {
    /// The statistics of some values.
    ///
    /// ```
    /// let stats = ia3_io::VectorStats::of(&[1.0, 3.0, -1.0, f32::NAN]);
    /// assert_eq!((stats.count, stats.ones, stats.negative, stats.non_finite), (4, 1, 1, 1));
    /// assert_eq!((stats.mean, stats.min, stats.max), (1.0, -1.0, 3.0));
    /// ```
    pub fn of(values: &[f32]) -> Self {
        let finite = || values.iter().copied().filter(|x| x.is_finite());
        let n = finite().count() as f64;
        let mean = finite().map(f64::from).sum::<f64>() / n;
        let variance = finite().map(|x| (f64::from(x) - mean).powi(2)).sum::<f64>() / n;
        let counted = |f: fn(&f32) -> bool| values.iter().filter(|x| f(x)).count();
        Self {
            count: values.len(),
            mean,
            std: variance.sqrt(),
            min: finite().reduce(f32::min).unwrap_or(f32::NAN),
            max: finite().reduce(f32::max).unwrap_or(f32::NAN),
            negative: counted(|x| *x < 0.),
            ones: counted(|x| *x == 1.),
            non_finite: counted(|x| !x.is_finite()),
        }
    }
}

/// One line: `mean 0.9950 std 0.0930 min -0.7880 max 2.0490, 5 of 2048 negative, 0 ones, 0 not finite`
impl fmt::Display for VectorStats {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { count, mean, std, min, max, negative, ones, non_finite } = self;
        write!(
            f,
            "mean {mean:.4} std {std:.4} min {min:.4} max {max:.4}, \
             {negative} of {count} negative, {ones} ones, {non_finite} not finite"
        )
    }
}

impl AdapterFile {
    /// The statistics of each vector, by module path.
    pub fn statistics(&self) -> Vec<(String, VectorStats)> {
        self.vectors.iter().map(|(path, v)| (path.clone(), VectorStats::of(&v.values))).collect()
    }
}

/// The statistics of each vector of an adapter, by module path.
///
/// # Panics
///
/// Panics if a device fails to return the values.
pub fn statistics(adapter: &Adapter) -> Vec<(String, VectorStats)> {
    let stats = |values: Vec<f32>| VectorStats::of(&values);
    let of = |v: &ia3_core::Ia3Vector| stats(v.values().into_data().iter::<f32>().collect());
    adapter.vectors.iter().map(|(path, vector)| (path.clone(), of(vector))).collect()
}
