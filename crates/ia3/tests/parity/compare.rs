use std::fmt;

/// The tolerances of the corpus. PEFT's noise against itself is 1.4e-5, 1.2e-5 and 7e-7.
pub(crate) const LOGITS: f64 = 1e-4;
pub(crate) const GRADIENT: f64 = 1e-3;
pub(crate) const PARAMETERS: f64 = 1e-4;
pub(crate) const LOSS: f64 = 1e-4;
pub(crate) const WEIGHTS: f64 = 1e-6;

/// The worst element of one tensor against its tolerance.
struct Row {
    name: String,
    difference: f64,
    index: usize,
    got: f64,
    expected: f64,
    tolerance: f64,
}

/// All comparisons of one case.
pub(crate) struct Comparison {
    case: String,
    rows: Vec<Row>,
    problems: Vec<String>,
}

impl Comparison {
    pub(crate) fn new(case: &str) -> Self {
        Self { case: case.into(), rows: vec![], problems: vec![] }
    }

    /// Compares where `counts` says so (everywhere if it is empty); it repeats over the innermost axis.
    pub(crate) fn tensor(
        &mut self,
        name: &str,
        got: &[f64],
        expected: &[f64],
        counts: &[bool],
        tolerance: f64,
    ) {
        if got.len() != expected.len() {
            return self.problem(format!("{name}: {} values instead of {}", got.len(), expected.len()));
        }
        let inner = expected.len() / counts.len().max(1);
        let counted = |i: &usize| counts.is_empty() || counts[i / inner];
        let difference = |i: usize| match (got[i] - expected[i]).abs() {
            d if d.is_nan() => f64::INFINITY,
            d => d,
        };
        let worst = (0..got.len()).filter(counted).max_by(|&a, &b| difference(a).total_cmp(&difference(b)));
        let Some(index) = worst else { return self.problem(format!("{name}: nothing to compare")) };
        self.rows.push(Row {
            name: name.into(),
            difference: difference(index),
            index,
            got: got[index],
            expected: expected[index],
            tolerance,
        });
    }

    /// As [`tensor`](Self::tensor), relative to the largest expected value.
    pub(crate) fn relative(&mut self, name: &str, got: &[f64], expected: &[f64], tolerance: f64) {
        let largest = expected.iter().fold(0f64, |m, e| m.max(e.abs())).max(1e-12);
        let scaled = |v: &[f64]| v.iter().map(|x| x / largest).collect::<Vec<_>>();
        self.tensor(name, &scaled(got), &scaled(expected), &[], tolerance);
    }

    pub(crate) fn equal<T: PartialEq + fmt::Debug>(&mut self, name: &str, got: &[T], expected: &[T]) {
        let differ = got.iter().zip(expected).filter(|(g, e)| g != e).count();
        let differ = differ + got.len().abs_diff(expected.len());
        self.tensor(name, &[differ as f64], &[0.0], &[], 0.5);
        if differ > 0 {
            self.problem(format!("{name}: got {got:?}, expected {expected:?}"));
        }
    }

    /// The largest difference among the tensors of these names.
    #[allow(dead_code)] // Of the test `conformance`.
    pub(crate) fn largest(&self, names: impl Fn(&str) -> bool) -> f64 {
        self.rows.iter().filter(|row| names(&row.name)).map(|row| row.difference).fold(0.0, f64::max)
    }

    pub(crate) fn problem(&mut self, text: String) {
        self.problems.push(text);
    }

    pub(crate) fn failures(&self) -> Vec<String> {
        let line = |r: &Row| {
            format!(
                "{} {}: worst at {}: {} instead of {}, difference {:.2e} > {:.0e}",
                self.case, r.name, r.index, r.got, r.expected, r.difference, r.tolerance
            )
        };
        let rows = self.rows.iter().filter(|r| r.difference > r.tolerance).map(line);
        rows.chain(self.problems.iter().map(|p| format!("{} {p}", self.case))).collect()
    }
}

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let share = |r: &Row| r.difference / r.tolerance;
        let worst = self.rows.iter().max_by(|a, b| share(a).total_cmp(&share(b)));
        let verdict = if self.failures().is_empty() { "ok" } else { "FAILED" };
        write!(f, "{:10} {verdict}, {} tensors compared", self.case, self.rows.len())?;
        match worst {
            Some(w) => write!(
                f,
                ", nearest to its tolerance: {} {:.1e} of {:.0e}",
                w.name, w.difference, w.tolerance
            ),
            None => Ok(()),
        }
    }
}
