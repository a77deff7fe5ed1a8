use burn::module::{
    Content, Devices, DisplaySettings, Module, ModuleDisplay, ModuleDisplayDefault, ModuleMapper,
    ModuleVisitor,
};
use burn::tensor::Device;

use super::Model;
use crate::architecture::with_architectures;

/// The implementation delegates to the model inside, because `derive(Module)` would add a path segment for the variant.
impl Module for Model {
    fn collect_devices(&self, devices: Devices) -> Devices {
        each!(self, m => m.collect_devices(devices))
    }

    fn fork(self, device: &Device) -> Self {
        map_each!(self, m => m.fork(device))
    }

    fn to_device(self, device: &Device) -> Self {
        map_each!(self, m => m.to_device(device))
    }

    fn train(self) -> Self {
        map_each!(self, m => m.train())
    }

    fn valid(&self) -> Self {
        map_each!(self, m => m.valid())
    }

    fn materialize(self) -> Self {
        map_each!(self, m => m.materialize())
    }

    fn visit<V: ModuleVisitor>(&self, visitor: &mut V) {
        each!(self, m => m.visit(visitor))
    }

    fn map<M: ModuleMapper>(self, mapper: &mut M) -> Self {
        map_each!(self, m => m.map(mapper))
    }
}

/// A model can be a field of another module, such as one that burn-train trains.
impl ModuleDisplayDefault for Model {
    fn content(&self, content: Content) -> Option<Content> {
        each!(self, m => ModuleDisplayDefault::content(m, content))
    }

    fn num_params(&self) -> usize {
        each!(self, m => Module::num_params(m))
    }
}

impl ModuleDisplay for Model {
    fn format(&self, settings: DisplaySettings) -> String {
        each!(self, m => ModuleDisplay::format(m, settings))
    }
}

impl std::fmt::Display for Model {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        each!(self, m => m.fmt(f))
    }
}
