//! The task and the targets of an adapter's configuration.

use ia3::{Ia3Config, Selector};

/// The configuration with the targets that were given. Targets that were not given stay the architecture's defaults.
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

/// One value that has a metacharacter other than the dot is a regular expression. Everything else is a list of names.
fn selector(values: &[String]) -> Selector {
    match values {
        [one] if one.contains(['*', '+', '?', '(', '[', '{', '|', '\\', '^', '$']) => one.as_str().into(),
        [one] if one.eq_ignore_ascii_case("all-linear") => Selector::AllLinear,
        _ => values.iter().flat_map(|v| v.split(',')).filter(|v| !v.is_empty()).collect(),
    }
}
