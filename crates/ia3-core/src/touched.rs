#[cfg(debug_assertions)]
use std::sync::Arc;
#[cfg(debug_assertions)]
use std::sync::atomic::{AtomicBool, Ordering};

use burn::module::{
    Content, Devices, Module, ModuleDisplay, ModuleDisplayDefault, ModuleMapper, ModuleVisitor,
};
use burn::tensor::Device;

/// The container type under which a visitor enters the state of a layer that is not touched.
pub(crate) const UNTOUCHED: &str = "Untouched";

/// Whether `ia3_forward` has computed the layer that carries a state, in builds with debug assertions.
///
/// Clones share the flag. It is set once and never reset: a forward that leaves a part of the model out does not undo
/// what an earlier one touched. In builds without debug assertions it has no size, and a layer counts as touched.
#[derive(Clone, Debug, Default)]
pub(crate) struct Touched {
    #[cfg(debug_assertions)]
    flag: Arc<AtomicBool>,
}

impl Touched {
    /// Records that `ia3_forward` computed the layer.
    pub(crate) fn set(&self) {
        #[cfg(debug_assertions)]
        self.flag.store(true, Ordering::Relaxed);
    }

    /// Whether `ia3_forward` computed the layer; `true` in builds without debug assertions.
    pub(crate) fn get(&self) -> bool {
        #[cfg(debug_assertions)]
        return self.flag.load(Ordering::Relaxed);
        #[cfg(not(debug_assertions))]
        true
    }
}

/// A module without parameters, into which a visitor steps where the layer is not touched: visitors see nothing else of
/// attached state.
impl Module for Touched {
    fn collect_devices(&self, devices: Devices) -> Devices {
        devices
    }

    fn fork(self, _: &Device) -> Self {
        self
    }

    fn to_device(self, _: &Device) -> Self {
        self
    }

    fn train(self) -> Self {
        self
    }

    fn valid(&self) -> Self {
        self.clone()
    }

    fn materialize(self) -> Self {
        self
    }

    fn visit<V: ModuleVisitor>(&self, visitor: &mut V) {
        if !self.get() {
            visitor.enter_module("untouched", UNTOUCHED);
            visitor.exit_module("untouched", UNTOUCHED);
        }
    }

    fn map<M: ModuleMapper>(self, _: &mut M) -> Self {
        self
    }
}

impl ModuleDisplayDefault for Touched {
    fn content(&self, content: Content) -> Option<Content> {
        Some(content)
    }
}

impl ModuleDisplay for Touched {}
