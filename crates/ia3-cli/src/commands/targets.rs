//! The targets that the options of a command name.

use ia3::{Ia3Config, Selector};

/// The configuration with what was given; the architecture's default for the rest.
pub(super) fn with(config: Ia3Config, targets: &[String], feedforward: Option<&[String]>) -> Ia3Config {
    let config = match targets {
        [] => config,
        targets => config.with_target_modules(selector(targets)),
    };
    match feedforward {
        None => config,
        Some(feedforward) => config.with_feedforward_modules(selector(feedforward)),
    }
}

/// One value with a metacharacter other than the dot is a pattern, anything else a list of names.
fn selector(values: &[String]) -> Selector {
    match values {
        [one] if one.contains(['*', '+', '?', '(', '[', '{', '|', '\\', '^', '$']) => one.as_str().into(),
        [one] if one.eq_ignore_ascii_case("all-linear") => Selector::AllLinear,
        _ => values.iter().flat_map(|v| v.split(',')).filter(|v| !v.is_empty()).collect(),
    }
}
