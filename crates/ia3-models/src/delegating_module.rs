/// Implements burn's traits of modules for an enum of models by calling the model inside. `derive(Module)` would add a path
/// segment for the variant, and paths have to equal the keys of a checkpoint.
///
/// `$each!(enum, m => expression)` evaluates the expression on the model inside, and `$map_each!` wraps its result in the same
/// variant.
macro_rules! delegating_module {
    ($model:ty, $each:ident, $map_each:ident) => {
        impl burn::module::Module for $model {
            fn collect_devices(&self, devices: burn::module::Devices) -> burn::module::Devices {
                $each!(self, m => m.collect_devices(devices))
            }

            fn fork(self, device: &burn::tensor::Device) -> Self {
                $map_each!(self, m => m.fork(device))
            }

            fn to_device(self, device: &burn::tensor::Device) -> Self {
                $map_each!(self, m => m.to_device(device))
            }

            fn train(self) -> Self {
                $map_each!(self, m => m.train())
            }

            fn valid(&self) -> Self {
                $map_each!(self, m => m.valid())
            }

            fn materialize(self) -> Self {
                $map_each!(self, m => m.materialize())
            }

            fn visit<V: burn::module::ModuleVisitor>(&self, visitor: &mut V) {
                $each!(self, m => m.visit(visitor))
            }

            fn map<M: burn::module::ModuleMapper>(self, mapper: &mut M) -> Self {
                $map_each!(self, m => m.map(mapper))
            }
        }

        /// A model can be a field of another module, such as one that burn-train trains.
        impl burn::module::ModuleDisplayDefault for $model {
            fn content(&self, content: burn::module::Content) -> Option<burn::module::Content> {
                $each!(self, m => burn::module::ModuleDisplayDefault::content(m, content))
            }

            fn num_params(&self) -> usize {
                $each!(self, m => burn::module::Module::num_params(m))
            }
        }

        impl burn::module::ModuleDisplay for $model {
            fn format(&self, settings: burn::module::DisplaySettings) -> String {
                $each!(self, m => burn::module::ModuleDisplay::format(m, settings))
            }
        }

        impl std::fmt::Display for $model {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                $each!(self, m => m.fmt(f))
            }
        }
    };
}

pub(crate) use delegating_module;
