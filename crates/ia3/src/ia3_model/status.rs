//! Reports on all adapters and on each layer, as PEFT's `get_model_status` and `get_layer_status`.

use std::collections::BTreeMap;

use burn::module::Module;
use ia3_core::{Adapter, Ia3Vector, Placement};
use serde::Serialize;

use super::Ia3Model;

/// The state of a model and its adapters: PEFT's `TunerModelStatus` (`peft_model.py`). No value is `irregular` as in PEFT,
/// because an adapter is active on all of its layers or on none.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct AdapterModelStatus {
    /// `model_type`, or the Rust type of a module without one.
    pub base_model_type: String,
    /// `IA3Model`.
    pub adapter_model_type: String,
    /// `IA3` for every adapter.
    pub peft_types: BTreeMap<String, String>,
    /// The number of values that are trained now.
    pub trainable_params: usize,
    /// The number of values of the base and of all adapters.
    pub total_params: usize,
    /// The number of layers that an adapter scales.
    pub num_adapter_layers: usize,
    /// Whether an adapter is active.
    pub enabled: bool,
    /// The active adapters, in the order in which they multiply.
    pub active_adapters: Vec<String>,
    /// The merged adapters, in the order in which they were merged.
    pub merged_adapters: Vec<String>,
    /// Whether an adapter is trained now: active and not frozen.
    pub requires_grad: BTreeMap<String, bool>,
    /// All adapters.
    pub available_adapters: Vec<String>,
    /// The devices of each adapter's vectors.
    pub devices: BTreeMap<String, Vec<String>>,
    /// Bytes of memory that each adapter's values take now.
    pub bytes: BTreeMap<String, usize>,
}

/// The state of one layer that an adapter scales: PEFT's `TunerLayerStatus`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct LayerStatus {
    /// Module path.
    pub name: String,
    /// Class and sizes, such as `Linear(24, 40)`.
    pub module_type: String,
    /// Whether an adapter is active here.
    pub enabled: bool,
    /// The active adapters that scale the layer.
    pub active_adapters: Vec<String>,
    /// The merged adapters that scale the layer.
    pub merged_adapters: Vec<String>,
    /// Whether an adapter's vector is trained now.
    pub requires_grad: BTreeMap<String, bool>,
    /// The adapters that scale the layer.
    pub available_adapters: Vec<String>,
    /// What each adapter's vector multiplies.
    pub placements: BTreeMap<String, Placement>,
    /// The device of each adapter's vector.
    pub devices: BTreeMap<String, String>,
}

impl<M: Module> Ia3Model<M> {
    /// Returns the state of the model and its adapters, as PEFT's `get_model_status` does.
    pub fn get_model_status(&self) -> AdapterModelStatus {
        let params = self.trainable_parameters();
        AdapterModelStatus {
            base_model_type: self.base_model_type(),
            adapter_model_type: "IA3Model".into(),
            peft_types: self.each(|_| "IA3".into()),
            trainable_params: params.trainable,
            total_params: params.all,
            num_adapter_layers: self.get_layer_status().len(),
            enabled: !self.active.is_empty(),
            active_adapters: self.active.clone(),
            merged_adapters: self.merged.clone(),
            requires_grad: self.each(|name| self.is_trained(name)),
            available_adapters: self.adapters.keys().cloned().collect(),
            devices: self.each(|name| {
                let vectors = self.adapter(name).map(|adapter| adapter.vectors.values());
                let mut devices: Vec<String> = vectors.into_iter().flatten().map(device).collect();
                devices.sort();
                devices.dedup();
                devices
            }),
            bytes: self.each(|name| self.adapter(name).map_or(0, Adapter::num_bytes)),
        }
    }

    /// Returns the state of each layer that an adapter scales, in the order of their paths, as PEFT's `get_layer_status` does.
    pub fn get_layer_status(&self) -> Vec<LayerStatus> {
        let mut layers = BTreeMap::<&String, Vec<(&String, &Ia3Vector)>>::new();
        for (name, entry) in &self.adapters {
            for (path, vector) in &entry.adapter.vectors {
                layers.entry(path).or_default().push((name, vector));
            }
        }
        layers.into_iter().map(|(path, vectors)| self.layer(path, &vectors)).collect()
    }

    fn layer(&self, path: &str, vectors: &[(&String, &Ia3Vector)]) -> LayerStatus {
        let here = |names: &[String]| -> Vec<String> {
            names.iter().filter(|name| vectors.iter().any(|(n, _)| n == name)).cloned().collect()
        };
        let module = self.info.module(path);
        let active_adapters = here(&self.active);
        LayerStatus {
            name: path.into(),
            module_type: module.map(|m| m.kind.to_string()).unwrap_or_default(),
            enabled: !active_adapters.is_empty(),
            active_adapters,
            merged_adapters: here(&self.merged),
            requires_grad: vectors.iter().map(|(n, _)| (n.to_string(), self.is_trained(n))).collect(),
            available_adapters: vectors.iter().map(|(n, _)| n.to_string()).collect(),
            placements: vectors.iter().map(|(n, v)| (n.to_string(), v.placement)).collect(),
            devices: vectors.iter().map(|(n, v)| (n.to_string(), device(v))).collect(),
        }
    }

    pub(super) fn base_model_type(&self) -> String {
        let rust = || std::any::type_name::<M>().rsplit("::").next().unwrap_or_default().to_string();
        self.info.model_type.clone().unwrap_or_else(rust)
    }

    fn each<T>(&self, f: impl Fn(&str) -> T) -> BTreeMap<String, T> {
        self.adapters.keys().map(|name| (name.clone(), f(name))).collect()
    }
}

fn device(vector: &Ia3Vector) -> String {
    format!("{:?}", vector.l.lazy_device())
}
