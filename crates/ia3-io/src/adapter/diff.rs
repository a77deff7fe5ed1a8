//! The differences between two adapter files.

use std::collections::BTreeSet;

use serde::Serialize;
use serde_json::Value;

use crate::adapter::VectorDistance;
use crate::adapter::file::{AdapterFile, FileVector};

/// The differences between two adapters, `a` and `b`.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct AdapterDiff {
    /// Whether the adapters are equal.
    pub identical: bool,
    /// The fields of the configuration that differ. The order of a list of modules does not count.
    pub config: Vec<FieldDiff>,
    /// The vectors that both have with the same shape, by module path.
    pub sites: Vec<SiteDiff>,
    /// The vectors that both have with different shapes.
    pub reshaped: Vec<ShapeDiff>,
    /// The module paths that only `a` scales.
    pub only_a: Vec<String>,
    /// The module paths that only `b` scales.
    pub only_b: Vec<String>,
    /// The parameters saved whole (`modules_to_save`) that differ, or that only one of the adapters has.
    pub saved: Vec<String>,
}

/// A field of `adapter_config.json` that differs.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct FieldDiff {
    /// Name of the field.
    pub field: String,
    /// Its value in `a`; null if `a` does not have it.
    pub a: Value,
    /// Its value in `b`; null if `b` does not have it.
    pub b: Value,
}

/// A layer that both adapters scale.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct SiteDiff {
    /// Module path.
    pub path: String,
    /// Number of values.
    pub len: usize,
    /// The distance between the vectors.
    #[serde(flatten)]
    pub distance: VectorDistance,
}

/// A layer that both adapters scale with vectors of different shapes.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct ShapeDiff {
    /// Module path.
    pub path: String,
    /// The shape in `a`.
    pub a: Vec<usize>,
    /// The shape in `b`.
    pub b: Vec<usize>,
}

impl AdapterFile {
    /// Compares this adapter with another.
    pub fn diff(&self, other: &Self) -> AdapterDiff {
        let mut diff = AdapterDiff {
            identical: false,
            config: fields(self, other),
            sites: vec![],
            reshaped: vec![],
            only_a: vec![],
            only_b: other.vectors.keys().filter(|path| !self.vectors.contains_key(*path)).cloned().collect(),
            saved: saved(self, other),
        };
        for (path, a) in &self.vectors {
            match other.vectors.get(path) {
                Some(b) => diff.compare(path, a, b),
                None => diff.only_a.push(path.clone()),
            }
        }
        diff.identical = diff.is_empty();
        diff
    }
}

impl AdapterDiff {
    fn compare(&mut self, path: &str, a: &FileVector, b: &FileVector) {
        let path = path.to_string();
        match a.shape == b.shape {
            true => self.sites.push(SiteDiff {
                path,
                len: a.values.len(),
                distance: VectorDistance::of(&a.values, &b.values),
            }),
            false => self.reshaped.push(ShapeDiff { path, a: a.shape.clone(), b: b.shape.clone() }),
        }
    }

    fn is_empty(&self) -> bool {
        let names = [&self.only_a, &self.only_b, &self.saved];
        self.config.is_empty()
            && self.reshaped.is_empty()
            && names.iter().all(|names| names.is_empty())
            && self.sites.iter().all(|site| site.distance.max_abs == 0.0)
    }
}

fn fields(a: &AdapterFile, b: &AdapterFile) -> Vec<FieldDiff> {
    let parsed = |file: &AdapterFile| -> serde_json::Map<String, Value> {
        serde_json::from_str(&file.config.to_json()).unwrap_or_default()
    };
    let (a, b) = (parsed(a), parsed(b));
    let value =
        |map: &serde_json::Map<String, Value>, field: &str| map.get(field).cloned().unwrap_or_default();
    let all: BTreeSet<&String> = a.keys().chain(b.keys()).collect();
    let differing = all.into_iter().filter(|field| a.get(*field) != b.get(*field));
    differing
        .map(|field| FieldDiff { field: field.clone(), a: value(&a, field), b: value(&b, field) })
        .collect()
}

fn saved(a: &AdapterFile, b: &AdapterFile) -> Vec<String> {
    let all: BTreeSet<&String> = a.saved.keys().chain(b.saved.keys()).collect();
    all.into_iter().filter(|path| a.saved.get(*path) != b.saved.get(*path)).cloned().collect()
}
