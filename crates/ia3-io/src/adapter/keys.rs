//! The keys of an adapter file: `base_model.model.<module path>.ia3_l`.

const PREFIX: &str = "base_model.model.";
const SUFFIX: &str = ".ia3_l";

/// The meaning of a key of an adapter file.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Key<'a> {
    /// The vector of a module.
    Vector(&'a str),
    /// A parameter of the base that is saved whole.
    Parameter(&'a str),
}

/// Parses a key; `None` for a key that PEFT does not write.
///
/// The key of a vector may end in the name of the adapter (`.ia3_l.default`), as it does in PEFT's modules.
pub(crate) fn parse(key: &str) -> Option<Key<'_>> {
    let path = key.strip_prefix(PREFIX).filter(|path| !path.is_empty())?;
    let with_name = path.rsplit_once('.').map(|(start, _)| start);
    let vector = [Some(path), with_name].into_iter().flatten().find_map(|p| p.strip_suffix(SUFFIX));
    match vector {
        Some("") => None,
        Some(module) => Some(Key::Vector(module)),
        None if path.ends_with(&SUFFIX[1..]) => None,
        None => Some(Key::Parameter(path)),
    }
}

/// The key of a module's vector.
pub(crate) fn vector_key(module: &str) -> String {
    format!("{PREFIX}{module}{SUFFIX}")
}

/// The key of a parameter that is saved whole.
pub(crate) fn parameter_key(parameter: &str) -> String {
    format!("{PREFIX}{parameter}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_name_vectors_and_parameters() {
        let path = "encoder.block.0.layer.0.SelfAttention.k";
        assert_eq!(parse(&vector_key(path)), Some(Key::Vector(path)));
        assert_eq!(parse(&format!("{}.default", vector_key(path))), Some(Key::Vector(path)));
        assert_eq!(parse(&parameter_key("classifier.weight")), Some(Key::Parameter("classifier.weight")));
    }

    #[test]
    fn other_keys_are_refused() {
        for key in
            ["", "encoder.k.ia3_l", "base_model.model.", "base_model.model.ia3_l", "base_model.model..ia3_l"]
        {
            assert_eq!(parse(key), None, "{key}");
        }
    }
}
