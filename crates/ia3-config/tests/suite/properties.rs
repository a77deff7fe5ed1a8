//! Properties of configurations and patterns in general.

use std::collections::BTreeMap;

use ia3_config::{ConfigError, Ia3Config, PyRegex, Selector, TaskType};
use proptest::prelude::*;
use serde_json::{Value, json};

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(any::<String>(), inner, 0..4).prop_map(|map| json!(map)),
        ]
    })
}

fn selector() -> impl Strategy<Value = Option<Selector>> {
    let names = prop::collection::btree_set(any::<String>(), 0..4).prop_map(Selector::Names);
    let pattern = any::<String>().prop_map(Selector::Pattern);
    prop::option::of(prop_oneof![names, pattern])
}

fn targets() -> impl Strategy<Value = Option<Selector>> {
    prop_oneof![4 => selector(), 1 => Just(Some(Selector::AllLinear))]
}

fn unknown() -> impl Strategy<Value = BTreeMap<String, Value>> {
    prop::collection::btree_map("x_[a-zé]{1,8}", value(), 0..4)
}

fn text() -> impl Strategy<Value = Option<String>> {
    prop::option::of(any::<String>())
}

#[rustfmt::skip]
prop_compose! {
    fn config()(
        (auto_mapping, base_model_name_or_path, peft_version, revision) in (prop::option::of(
            prop::collection::btree_map(any::<String>(), value(), 0..3).prop_map(|map| json!(map)),
        ), text(), text(), text()),
        (target_modules, feedforward_modules, exclude_modules) in (targets(), selector(), selector()),
        (fan_in_fan_out, inference_mode, init_ia3_weights) in any::<(bool, bool, bool)>(),
        modules_to_save in prop::option::of(prop::collection::vec(any::<String>(), 0..4)),
        task_type in prop::option::of(prop::sample::select(&TaskType::ALL[..])),
        unknown in unknown(),
    ) -> Ia3Config {
        Ia3Config {
            auto_mapping, base_model_name_or_path, exclude_modules, fan_in_fan_out, feedforward_modules,
            inference_mode, init_ia3_weights, modules_to_save, peft_version, revision, target_modules, task_type,
            unknown,
        }
    }
}

/// Pieces of patterns, so that many of them parse.
fn pattern() -> impl Strategy<Value = String> {
    let pieces = [
        "a", "b", ".", "*", "+", "?", "|", "(", ")", "[", "]", "{", "}", "{2}", "{,2}", "^", "$", "\\", "-",
        "&&", "#", " ", "(?:", "(?=", "(?!", "(?<=", "(?P<n>", "(?P=n)", "(?>", "(?#", "(?(1)", "(?i)",
        "(?x)", "(?-i:", r"\d", r"\b", r"\Z", r"\1", r"\x61", "[^", "é",
    ];
    prop::collection::vec(prop::sample::select(pieces.to_vec()), 0..12).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn configurations_survive_the_round_trip(config in config()) {
        let text = config.to_json();
        prop_assert_eq!(Ia3Config::from_json(&text).unwrap(), config);
        prop_assert!(text.is_ascii());
        prop_assert_eq!(Ia3Config::from_json(&text).unwrap().to_json(), text);
    }

    #[test]
    fn reading_never_panics(text in any::<String>(), json in value()) {
        prop_assert!(Ia3Config::from_json(&text).is_err());
        let _ = Ia3Config::from_json(&json.to_string());
    }

    #[test]
    fn any_pattern_answers(pattern in prop_oneof![any::<String>(), pattern()], text in "[ab{}# é.-]{0,8}") {
        match PyRegex::new(&pattern).and_then(|regex| regex.fullmatch(&text)) {
            Ok(_) => {}
            Err(error) => prop_assert!(matches!(
                error,
                ConfigError::InvalidPattern { .. } | ConfigError::UnsupportedPattern { .. } | ConfigError::PatternTooSlow { .. }
            ), "{}", error),
        }
    }

    #[test]
    fn an_escaped_text_matches_itself_only(text in "[a-z.+*?()|{}\\[\\]^$#&~<> -]{1,8}", other in "[a-z.]{0,8}") {
        let escaped: String = text.chars().map(|c| if c.is_alphanumeric() || "<>".contains(c) { c.to_string() } else { format!("\\{c}") }).collect();
        let regex = PyRegex::new(&escaped).unwrap();
        prop_assert!(regex.fullmatch(&text).unwrap());
        prop_assert_eq!(regex.fullmatch(&other).unwrap(), other == text);
    }

    #[test]
    fn a_pattern_matches_whole_texts_only(text in "[ab.]{1,8}") {
        let regex = PyRegex::new("(?:a|b|ab)+").unwrap();
        prop_assert_eq!(regex.fullmatch(&text).unwrap(), !text.contains('.'));
    }
}
