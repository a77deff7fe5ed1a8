/// Median and quartiles of figures, interpolated linearly between neighbouring figures, as NumPy's `percentile` does it.
///
/// T-Few reports them over seeds and templates (`src/scripts/get_result_table.py` of r-three/t-few).
///
/// ```
/// let q = ia3_train::Quartiles::of(&[3.0, 1.0, 2.0, 10.0]).unwrap();
/// assert_eq!((q.lower, q.median, q.upper), (1.75, 2.5, 4.75));
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Quartiles {
    /// A quarter of the figures is below this value.
    pub lower: f64,
    /// Half of the figures are below this value.
    pub median: f64,
    /// Three quarters of the figures are below this value.
    pub upper: f64,
}

impl Quartiles {
    /// The quartiles of `figures`; `None` if there are no figures or one of them is NaN.
    pub fn of(figures: &[f64]) -> Option<Self> {
        if figures.is_empty() || figures.iter().any(|f| f.is_nan()) {
            return None;
        }
        let mut sorted = figures.to_vec();
        sorted.sort_by(f64::total_cmp);
        let at = |share: f64| {
            let place = share * (sorted.len() - 1) as f64;
            let (low, high) = (sorted[place.floor() as usize], sorted[place.ceil() as usize]);
            low + (high - low) * place.fract()
        };
        Some(Self { lower: at(0.25), median: at(0.5), upper: at(0.75) })
    }
}

#[cfg(test)]
mod tests {
    use super::Quartiles;

    #[test]
    fn as_numpy_has_it() {
        let of = |figures: &[f64]| Quartiles::of(figures).map(|q| [q.lower, q.median, q.upper]);
        assert_eq!(of(&[7.0]), Some([7.0; 3]));
        assert_eq!(of(&[2.0, 1.0]), Some([1.25, 1.5, 1.75]));
        assert_eq!(of(&[5.0, 1.0, 4.0, 2.0, 3.0]), Some([2.0, 3.0, 4.0]));
        assert_eq!(of(&[4.0, 1.0, 2.0, 3.0]), Some([1.75, 2.5, 3.25]));
        assert_eq!(of(&[]), None);
        assert_eq!(of(&[1.0, f64::NAN]), None);
    }
}
