use burn::module::{Module, ModuleMapper, ModuleVisitor, Param};
use burn::tensor::Tensor;

/// Where a traversal of a module stands: the dotted path, and the types of the structs around it.
///
/// A [`ModuleVisitor`] or [`ModuleMapper`] calls [`enter`](Self::enter) and [`exit`](Self::exit) from its
/// `enter_module` and `exit_module`.
///
/// A field whose name Rust keeps for itself is written with an underscore behind it, which is no part of the path:
/// Hugging Face's `attention.self.key` is the field `self_`.
#[derive(Clone, Debug, Default)]
pub struct ParameterPath {
    names: Vec<String>,
    holders: Vec<String>,
}

impl ParameterPath {
    /// Steps into the field `name` of a container, e.g. `Struct:Linear`.
    pub fn enter(&mut self, name: &str, container_type: &str) {
        self.names.push(segment(name).to_string());
        self.holders.push(container_type.trim_start_matches("Struct:").to_string());
    }

    /// Steps out again.
    pub fn exit(&mut self) {
        self.names.pop();
        self.holders.pop();
    }

    /// The whole path: `encoder.block.0.layer.0.SelfAttention.k.weight`.
    pub fn parameter(&self) -> String {
        self.names.join(".")
    }

    /// The path without its last name, and that name: (`encoder.block.0.layer.0.SelfAttention.k`, `weight`).
    pub fn split(&self) -> (String, &str) {
        match self.names.split_last() {
            Some((leaf, module)) => (module.join("."), leaf),
            None => (String::new(), ""),
        }
    }

    /// The last name: `weight`.
    pub fn leaf(&self) -> &str {
        self.names.last().map_or("", String::as_str)
    }

    /// The type name of the struct (or container) that holds what the traversal stands at: `Linear`.
    pub fn holder(&self) -> &str {
        self.holders.last().map_or("", String::as_str)
    }

    /// Whether this is state attached to a parameter, such as an adapter's vector, and not the model itself.
    pub fn inside_reparameterization(&self) -> bool {
        self.holders.iter().any(|h| h == "Reparameterization")
    }

    /// The module whose weight carries the state that the traversal is inside of, if it is.
    pub(crate) fn adapted_module(&self) -> Option<String> {
        let state = self.holders.iter().position(|h| h == "Reparameterization")?;
        Some(self.names[..state.saturating_sub(1)].join("."))
    }
}

/// A field's name in paths.
fn segment(name: &str) -> &str {
    name.strip_suffix('_').unwrap_or(name)
}

/// The path that burn spells with the names of fields.
pub(crate) fn from_fields(path: &str) -> String {
    path.split('.').map(segment).collect::<Vec<_>>().join(".")
}

/// Maps every float parameter that belongs to the base itself, with its path.
pub(crate) fn map_base<M: Module>(module: M, f: impl MapBase) -> M {
    struct Mapper<F>(F, ParameterPath);
    impl<F: MapBase> ModuleMapper for Mapper<F> {
        fn enter_module(&mut self, name: &str, container_type: &str) {
            self.1.enter(name, container_type);
        }
        fn exit_module(&mut self, _: &str, _: &str) {
            self.1.exit();
        }
        fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
            if self.1.inside_reparameterization() {
                return param;
            }
            self.0.map(&self.1, param)
        }
    }
    module.map(&mut Mapper(f, ParameterPath::default()))
}

/// What [`map_base`] does to a parameter.
pub(crate) trait MapBase {
    fn map<const D: usize>(&mut self, path: &ParameterPath, param: Param<Tensor<D>>) -> Param<Tensor<D>>;
}

/// Visits every float parameter, those of attached vectors included, with its path.
pub(crate) fn visit<M: Module>(module: &M, f: &mut impl VisitParam) {
    struct Visitor<'a, F>(&'a mut F, ParameterPath);
    impl<F: VisitParam> ModuleVisitor for Visitor<'_, F> {
        fn enter_module(&mut self, name: &str, container_type: &str) {
            self.1.enter(name, container_type);
            self.0.enter(&self.1);
        }
        fn exit_module(&mut self, _: &str, _: &str) {
            self.1.exit();
        }
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            self.0.visit(&self.1, param);
        }
    }
    module.visit(&mut Visitor(f, ParameterPath::default()));
}

/// What [`visit`] does at each module and parameter.
pub(crate) trait VisitParam {
    fn enter(&mut self, _path: &ParameterPath) {}
    fn visit<const D: usize>(&mut self, path: &ParameterPath, param: &Param<Tensor<D>>);
}
