#[cfg(debug_assertions)]
use std::sync::Arc;
#[cfg(debug_assertions)]
use std::sync::atomic::{AtomicBool, Ordering};

use burn::module::{
    Content, Devices, Module, ModuleDisplay, ModuleDisplayDefault, ModuleMapper, ModuleVisitor,
};
use burn::tensor::Device;

/// The container type that a visitor sees in the state of a layer that `ia3_forward` has not computed.
pub(crate) const UNTOUCHED: &str = "Untouched";

/// A flag that says, in builds with debug assertions, whether `ia3_forward` has computed the layer that carries a state.
///
/// Clones share the flag. It is set once and never reset, so a forward that runs only a part of the model does not clear the
/// flags that an earlier forward set. In builds without debug assertions the flag has no size, and every layer counts as
/// computed.
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

    /// Whether `ia3_forward` computed the layer. It is always `true` in builds without debug assertions.
    pub(crate) fn get(&self) -> bool {
        #[cfg(debug_assertions)]
        return self.flag.load(Ordering::Relaxed);
        #[cfg(not(debug_assertions))]
        true
    }
}

/// A module without parameters. If the layer has not been computed, a visitor enters a container named [`UNTOUCHED`], because
/// a visitor can see nothing of attached state except containers and parameters.
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
