use std::fmt;

/// The path of a parameter in a module: the names from the root to the parameter, and the types that hold them.
///
/// [`visit_params`](crate::visit_params) and [`map_params`](crate::map_params) pass it with each parameter.
/// [`Display`](fmt::Display) writes the whole path, such as `encoder.block.0.layer.0.SelfAttention.k.weight`.
///
/// If a name is a keyword of Rust, the field has an underscore at its end, which is not part of the path: the field `self_` is
/// the `self` in Hugging Face's `attention.self.key`.
#[derive(Clone, Debug, Default)]
pub struct ParamPath {
    fields: Vec<String>,
    containers: Vec<String>,
}

impl ParamPath {
    /// Enters `field` of a container, such as `Struct:Linear`.
    pub(crate) fn enter(&mut self, field: &str, container_type: &str) {
        self.fields.push(field.to_string());
        self.containers.push(container_type.trim_start_matches("Struct:").to_string());
    }

    /// Leaves the field that was entered last.
    pub(crate) fn exit(&mut self) {
        self.fields.pop();
        self.containers.pop();
    }

    /// The path of the module that holds the parameter, such as `encoder.block.0.layer.0.SelfAttention.k`.
    pub fn module(&self) -> String {
        let module = self.fields.split_last().map_or(&[][..], |(_, module)| module);
        join(module)
    }

    /// The name of the parameter in its module, such as `weight`.
    pub fn name(&self) -> &str {
        self.fields.last().map_or("", |field| without_underscore(field))
    }

    /// The type of the struct, enum or container that holds the parameter, such as `Linear`.
    pub fn container(&self) -> &str {
        self.containers.last().map_or("", String::as_str)
    }

    /// The names from the root to the parameter.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.fields.iter().map(|field| without_underscore(field))
    }

    /// The whole path with the names of the Rust fields, including underscores. This is the path that burn gives a parameter.
    pub fn field_path(&self) -> String {
        self.fields.join(".")
    }

    /// Whether the parameter belongs to state that is attached to another parameter, such as the vector of an adapter. It is
    /// `false` for a parameter of the model itself.
    pub fn inside_reparameterization(&self) -> bool {
        self.containers.iter().any(|container| container == REPARAMETERIZATION)
    }

    /// If this parameter belongs to attached state, the path of the parameter that carries the state. It is `None` for a
    /// parameter of the model itself.
    pub fn reparameterized(&self) -> Option<String> {
        let state = self.containers.iter().position(|container| container == REPARAMETERIZATION)?;
        Some(join(&self.fields[..state]))
    }
}

impl fmt::Display for ParamPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&join(&self.fields))
    }
}

/// The container type under which burn visits attached state.
const REPARAMETERIZATION: &str = "Reparameterization";

/// Converts burn's `field_path`, which has the names of the Rust fields, to a Hugging Face path.
pub(crate) fn from_field_path(field_path: &str) -> String {
    field_path.split('.').map(without_underscore).collect::<Vec<_>>().join(".")
}

fn join(fields: &[String]) -> String {
    fields.iter().map(|field| without_underscore(field)).collect::<Vec<_>>().join(".")
}

fn without_underscore(field: &str) -> &str {
    field.strip_suffix('_').unwrap_or(field)
}
