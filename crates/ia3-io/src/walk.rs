//! Where a traversal of a module stands.

use crate::layout;

/// The dotted path of what a traversal stands at, and the types of the structs around it.
#[derive(Default)]
pub(crate) struct Walk {
    names: Vec<String>,
    holders: Vec<String>,
}

impl Walk {
    pub(crate) fn enter(&mut self, name: &str, container_type: &str) {
        self.names.push(name.to_string());
        self.holders.push(container_type.trim_start_matches("Struct:").to_string());
    }

    pub(crate) fn exit(&mut self) {
        self.names.pop();
        self.holders.pop();
    }

    /// `encoder.block.0.layer.0.SelfAttention.k.weight`
    pub(crate) fn path(&self) -> String {
        self.names.join(".")
    }

    /// Hugging Face's name of the parameter.
    pub(crate) fn file_name(&self) -> String {
        let leaf = layout::file_leaf(self.holder(), self.leaf());
        let module = self.names.split_last().map_or(&[][..], |(_, module)| module);
        let names = module.iter().map(String::as_str).chain([leaf]);
        names.collect::<Vec<_>>().join(".")
    }

    /// The name of the field.
    pub(crate) fn leaf(&self) -> &str {
        self.names.last().map_or("", String::as_str)
    }

    /// The type name of the struct that holds the field.
    pub(crate) fn holder(&self) -> &str {
        self.holders.last().map_or("", String::as_str)
    }

    /// Whether this is state attached to a parameter, not the model itself.
    pub(crate) fn is_attached_state(&self) -> bool {
        self.holders.iter().any(|holder| holder == "Reparameterization")
    }
}
