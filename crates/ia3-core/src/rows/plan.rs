use std::collections::BTreeSet;

use burn::module::Param;
use burn::tensor::{Device, Int, Tensor, TensorData};
use ia3_config::{ModelInfo, Placement};

use super::state::{Ia3Rows, RowVectors};
use crate::adapter::Adapter;
use crate::check::replaces_linear;
use crate::copies::{Copies, SavedLayer, index};
use crate::error::AdapterError;
use crate::touched::Touched;
use crate::vector::Ia3Vector;

/// The distinct adapters of a batch, and the adapter of each batch entry.
pub(super) struct Rows<'a> {
    pub(super) adapters: Vec<&'a Adapter>,
    /// For each batch entry the index of its adapter in `adapters`, or `None` for the base.
    pub(super) slots: Vec<Option<usize>>,
}

impl<'a> Rows<'a> {
    pub(super) fn new(rows: &[Option<&'a Adapter>]) -> Self {
        let mut adapters: Vec<&Adapter> = vec![];
        let mut slot = |adapter: &'a Adapter| {
            let known = adapters.iter().position(|a| std::ptr::eq(*a, adapter) || a.is(adapter));
            known.unwrap_or_else(|| {
                adapters.push(adapter);
                adapters.len() - 1
            })
        };
        let slots = rows.iter().map(|row| row.map(&mut slot)).collect();
        Self { adapters, slots }
    }

    /// The modules that the adapter of some batch entry scales or replaces.
    pub(super) fn modules(&self) -> BTreeSet<String> {
        let vectors = self.adapters.iter().flat_map(|a| a.vectors.keys().cloned());
        let module = |path: &String| path.rsplit_once('.').map_or(path.as_str(), |(m, _)| m).to_string();
        let saved = self.adapters.iter().flat_map(|a| a.saved.keys().map(module));
        vectors.chain(saved).collect()
    }

    /// The state of the module at `path`.
    pub(super) fn state(&self, path: &str, device: &Device) -> Ia3Rows {
        let slots: Vec<i64> = self.slots.iter().map(|slot| slot.map_or(-1, |s| s as i64)).collect();
        let rows = Tensor::<1, Int>::from_data(TensorData::from(slots.as_slice()), device);
        Ia3Rows {
            rows: Param::initialized(burn::module::ParamId::new(), rows),
            input: self.vectors(path, Placement::Input, device),
            output: self.vectors(path, Placement::Output, device),
            copies: self.copies(path, device),
            touched: Touched::default(),
        }
    }

    /// The copies of the layer at `path`, if an adapter has one.
    fn copies(&self, path: &str, device: &Device) -> Option<Copies> {
        let of_adapter = |(slot, adapter): (usize, &&Adapter)| {
            let rows = (0..self.slots.len()).filter(|row| self.slots[*row] == Some(slot)).collect();
            Some((SavedLayer::of(adapter, path, device)?, rows))
        };
        let layers = self.adapters.iter().enumerate().filter_map(of_adapter);
        Copies::new(layers, self.slots.len(), device)
    }

    fn vectors(&self, path: &str, placement: Placement, device: &Device) -> Option<RowVectors> {
        let vector = |a: &&Adapter| a.vectors.get(path).filter(|v| v.placement == placement).cloned();
        let of_adapter: Vec<Option<Ia3Vector>> = self.adapters.iter().map(vector).collect();
        let vectors: Vec<Ia3Vector> = of_adapter.iter().flatten().cloned().collect();
        if vectors.is_empty() {
            return None;
        }
        let place = |slot: usize| {
            let before = of_adapter[..slot].iter().flatten().count();
            of_adapter[slot].as_ref().map_or(vectors.len(), |_| before)
        };
        let places: Vec<usize> = self.slots.iter().map(|s| s.map_or(vectors.len(), place)).collect();
        let ones = places.contains(&vectors.len());
        let count = vectors.len() + usize::from(ones);
        let as_they_are = count == 1 || places.iter().copied().eq(0..count);
        let index = (!as_they_are).then(|| index(&places, device));
        Some(RowVectors { vectors, ones, index })
    }

    /// Checks that the adapters replace only what can differ by row: whole linear layers, which `ia3_forward` computes, and
    /// `embeddings`.
    pub(super) fn check_saved(&self, info: &ModelInfo, embeddings: &[String]) -> Result<(), AdapterError> {
        let paths = self.adapters.iter().flat_map(|a| a.saved.keys().map(move |path| (a, path)));
        for (adapter, path) in paths {
            let module = path.strip_suffix(".weight");
            let embedding = module.is_some_and(|module| embeddings.iter().any(|path| path == module));
            if !embedding && !replaces_linear(adapter, path, info) {
                return Err(AdapterError::SavedByRow { path: path.clone() });
            }
        }
        Ok(())
    }
}
