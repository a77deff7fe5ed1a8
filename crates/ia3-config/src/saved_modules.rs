//! Which modules `modules_to_save` names.

use std::collections::BTreeSet;

use crate::Ia3Config;
use crate::matcher::ends;

/// The names in `modules_to_save` of a configuration, ready to be compared with paths.
#[derive(Clone, Debug)]
pub struct SavedModules<'a> {
    names: BTreeSet<&'a str>,
}

impl Ia3Config {
    /// The names in [`modules_to_save`](Self::modules_to_save).
    pub fn saved_modules(&self) -> SavedModules<'_> {
        SavedModules { names: self.modules_to_save.iter().flatten().map(String::as_str).collect() }
    }
}

impl SavedModules<'_> {
    /// Whether the path of a module ends with one of the names. As in PEFT, no dot is required before the name
    /// (`utils/other.py`, `_set_trainable`).
    pub fn selects(&self, module: &str) -> bool {
        ends(module).any(|end| self.names.contains(end))
    }

    /// Whether the names select the module of a parameter, or one around it. Other parameters in an adapter file replace those
    /// of the base itself, as PEFT's `save_embedding_layers` writes them.
    pub fn hold(&self, parameter: &str) -> bool {
        parameter.rmatch_indices('.').any(|(end, _)| self.selects(&parameter[..end]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parameter_is_held_by_its_module_and_by_those_around_it() {
        let config = Ia3Config::new().with_modules_to_save(["wte", "encoder"]);
        let saved = config.saved_modules();
        for (parameter, held) in [
            ("transformer.wte.weight", true),
            ("encoder.embed_tokens.weight", true),
            ("the_encoder.final_layer_norm.weight", true),
            ("decoder.embed_tokens.weight", false),
            ("wte", false),
        ] {
            assert_eq!(saved.hold(parameter), held, "{parameter}");
        }
        assert!(!Ia3Config::new().saved_modules().hold("lm_head.weight"));
    }
}
