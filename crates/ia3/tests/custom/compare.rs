use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use burn::tensor::TensorData;
use ia3::io::Checkpoint;

/// Absolute. PyTorch's float32 is within 1e-6 of its float64 on this corpus.
pub(crate) const OUTPUT: f64 = 1e-5;
/// Absolute, after the steps of AdamW.
pub(crate) const PARAMETERS: f64 = 1e-4;
/// Relative to the largest value of the tensor.
pub(crate) const GRADIENT: f64 = 1e-3;
/// Absolute: one product in float32 on both sides.
pub(crate) const WEIGHTS: f64 = 1e-6;

pub(crate) type Tensors = BTreeMap<String, TensorData>;

/// The tensors of a file of floats.
pub(crate) fn read(path: &Path) -> Tensors {
    let file = Checkpoint::open(path).unwrap_or_else(|e| panic!("{e}"));
    file.tensors().map(|t| (t.name.to_string(), file.tensor(t.name).unwrap())).collect()
}

/// The reference numbers of a case, which note what was asked for, and what came out different.
pub(crate) struct Reference {
    tensors: Tensors,
    asked: RefCell<BTreeSet<String>>,
    failures: RefCell<Vec<String>>,
    /// The largest share of a tolerance that was used, and by what.
    worst: RefCell<(f64, String)>,
}

impl Reference {
    pub(crate) fn open(path: &Path) -> Self {
        Self {
            tensors: read(path),
            asked: RefCell::default(),
            failures: RefCell::default(),
            worst: RefCell::default(),
        }
    }

    /// The tensors whose names start with `prefix`, by the rest of it.
    pub(crate) fn under(&self, prefix: &str) -> Tensors {
        let named = |(name, data): (&String, &TensorData)| {
            Some((name.strip_prefix(prefix)?.to_string(), data.clone()))
        };
        self.tensors.iter().filter_map(named).collect()
    }

    /// Compares with the tensor `name`.
    pub(crate) fn check(&self, name: &str, what: &str, got: &TensorData, tolerance: f64) {
        self.asked.borrow_mut().insert(name.into());
        match self.tensors.get(name) {
            Some(expected) => self.compare(&format!("{name} {what}"), got, expected, tolerance),
            None => self.fail(format!("{name}: nothing to compare with")),
        }
    }

    /// Compares every tensor of a file with the one whose name is `prefix` and its own, and no other has the prefix.
    pub(crate) fn check_all(&self, prefix: &str, what: &str, got: &Tensors, relative: bool, tolerance: f64) {
        let expected = self.under(prefix);
        if !got.keys().eq(expected.keys()) {
            self.fail(format!("{prefix}*: {:?} instead of {:?}", got.keys(), expected.keys()));
        }
        for (name, data) in got {
            let largest =
                expected.get(name).map_or(0.0, |e| e.iter::<f64>().fold(0.0, |m, v| v.abs().max(m)));
            let tolerance = if relative { tolerance * largest } else { tolerance };
            self.check(&format!("{prefix}{name}"), what, data, tolerance);
        }
    }

    pub(crate) fn compare(&self, name: &str, got: &TensorData, expected: &TensorData, tolerance: f64) {
        if got.shape() != expected.shape() {
            return self.fail(format!("{name}: {:?} instead of {:?}", got.shape(), expected.shape()));
        }
        let pairs = got.iter::<f64>().zip(expected.iter::<f64>());
        let difference = pairs.fold(0f64, |worst, (g, e)| match (g - e).abs() {
            d if d.is_nan() => f64::INFINITY,
            d => worst.max(d),
        });
        if difference > tolerance {
            self.fail(format!("{name}: differs by {difference:.2e} > {tolerance:.0e}"));
        }
        let mut worst = self.worst.borrow_mut();
        if difference / tolerance > worst.0 {
            *worst = (difference / tolerance, name.into());
        }
    }

    pub(crate) fn fail(&self, text: String) {
        self.failures.borrow_mut().push(text);
    }

    /// What went wrong; that a tensor was compared with nothing, too.
    pub(crate) fn failures(&self) -> Vec<String> {
        let asked = self.asked.borrow();
        let unread = self.tensors.keys().filter(|name| !asked.contains(*name));
        let unread = unread.map(|name| format!("{name} was compared with nothing"));
        self.failures.borrow().iter().cloned().chain(unread).collect()
    }

    pub(crate) fn worst(&self) -> String {
        let (share, name) = &*self.worst.borrow();
        format!("{} tensors, nearest to its tolerance ({share:.1e} of it): {name}", self.tensors.len())
    }
}
