use std::collections::BTreeMap;
use std::ops::{Deref, DerefMut};
use std::sync::{Arc, Mutex, PoisonError};

use burn::module::ParamId;
use burn::tensor::TensorData;

/// The parameters of `modules_to_save`, by parameter path (`classifier.weight`), in burn's layout.
///
/// It is a map from path to values. It also stores one identity for each path. A copy of the parameter in a mixed batch
/// ([`attach_rows`](crate::attach_rows)) has this identity in every model that the adapter is attached to. Clones share the
/// identities, as clones of a vector do. Two maps are equal if their values are equal.
#[derive(Clone, Debug, Default)]
pub struct SavedParams {
    values: BTreeMap<String, TensorData>,
    ids: Arc<Mutex<BTreeMap<String, ParamId>>>,
}

impl SavedParams {
    /// The identity that copies of the parameter at `path` have.
    pub(crate) fn id(&self, path: &str) -> ParamId {
        let mut ids = self.ids.lock().unwrap_or_else(PoisonError::into_inner);
        *ids.entry(path.to_string()).or_default()
    }

    /// The path of each copy, by its identity.
    pub(crate) fn paths_by_id(&self) -> BTreeMap<ParamId, String> {
        self.values.keys().map(|path| (self.id(path), path.clone())).collect()
    }

    /// A map with the same values and new identities.
    pub(crate) fn fork(&self) -> Self {
        self.values.clone().into()
    }
}

impl Deref for SavedParams {
    type Target = BTreeMap<String, TensorData>;

    fn deref(&self) -> &Self::Target {
        &self.values
    }
}

impl DerefMut for SavedParams {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.values
    }
}

impl PartialEq for SavedParams {
    fn eq(&self, other: &Self) -> bool {
        self.values == other.values
    }
}

impl From<BTreeMap<String, TensorData>> for SavedParams {
    fn from(values: BTreeMap<String, TensorData>) -> Self {
        Self { values, ids: Arc::default() }
    }
}

impl<const N: usize> From<[(String, TensorData); N]> for SavedParams {
    fn from(values: [(String, TensorData); N]) -> Self {
        BTreeMap::from(values).into()
    }
}

impl FromIterator<(String, TensorData)> for SavedParams {
    fn from_iter<T: IntoIterator<Item = (String, TensorData)>>(values: T) -> Self {
        BTreeMap::from_iter(values).into()
    }
}

impl<'a> IntoIterator for &'a SavedParams {
    type Item = (&'a String, &'a TensorData);
    type IntoIter = std::collections::btree_map::Iter<'a, String, TensorData>;

    fn into_iter(self) -> Self::IntoIter {
        self.values.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clones_share_identities_and_a_fork_has_its_own() {
        let one = || TensorData::from([1.0f32]);
        let mut saved = SavedParams::from([("a.weight".to_string(), one())]);
        let clone = saved.clone();
        saved.insert("b.weight".into(), one());
        for path in ["a.weight", "b.weight"] {
            assert_eq!(saved.id(path), clone.id(path), "also of a path that came later");
        }
        assert_ne!(saved.id("a.weight"), saved.id("b.weight"));
        let fork = saved.fork();
        assert_ne!(fork.id("a.weight"), saved.id("a.weight"));
        assert_eq!(fork, saved);
        assert_eq!(saved.paths_by_id()[&saved.id("b.weight")], "b.weight");
    }
}
