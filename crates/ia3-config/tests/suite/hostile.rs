//! Configurations and models that are made to take long: each of these tests takes minutes or gigabytes if the work is not
//! bounded by the size of the input.

use ia3_config::{
    ConfigError, Ia3Config, ModelInfo, ModuleInfo, ModuleKind, PlanOptions, PyRegex, nearest_name,
};

fn model(layers: usize) -> ModelInfo {
    let linear = ModuleKind::Linear { d_in: 2, d_out: 2, bias: false };
    let modules = (0..layers).flat_map(|layer| {
        ["q", "k", "v", "wo"].map(|name| ModuleInfo::new(format!("h.{layer}.{name}"), linear.clone()))
    });
    ModelInfo { model_type: None, modules: modules.collect() }
}

fn names(prefix: &str, count: usize) -> Vec<String> {
    (0..count).map(|i| format!("{prefix}{i}")).collect()
}

#[test]
fn long_lists_of_names_take_time_in_proportion() {
    let config = Ia3Config::new()
        .with_target_modules([vec!["k".to_owned()], names("t", 300_000)].concat())
        .with_feedforward_modules(names("f", 300_000))
        .with_exclude_modules(names("e", 300_000))
        .with_modules_to_save(names("s", 300_000));
    let error = config.plan(&model(10_000)).unwrap_err();
    let ConfigError::Unmatched { unmatched } = &error else { panic!("{error}") };
    assert_eq!(unmatched.len(), 900_000);
    let message = error.to_string();
    assert!(message.len() < 10_000 && message.ends_with(" and 899980 more"), "{message}");
    assert!(message.starts_with("no module matches target \"t0\"; closest: "), "{message}");

    let plan = config.plan_with(&model(10_000), PlanOptions::new().with_allow_unmatched(true)).unwrap();
    assert_eq!(plan.sites.len(), 10_000);
}

#[test]
fn targets_that_are_all_full_paths_take_time_in_proportion() {
    let model = model(50_000);
    let paths: Vec<String> = model.modules.iter().map(|module| module.path.clone()).collect();
    let inputs: Vec<String> = paths.iter().filter(|path| path.ends_with("wo")).cloned().collect();
    let config = Ia3Config::new().with_target_modules(paths).with_feedforward_modules(inputs);
    let plan = config.plan(&model).unwrap();
    assert_eq!(plan.sites.len(), 200_000);
    assert!(plan.to_string().starts_with("200000 vectors"));
}

#[test]
fn the_closest_name_is_not_looked_for_among_endless_names() {
    let long = "a".repeat(10 << 20);
    assert_eq!(nearest_name(&long, ["b", long.as_str()]), None);
    assert_eq!(nearest_name("lm_heat", [long.as_str(), "lm_head"]), Some("lm_head"));
}

#[test]
fn names_that_are_regular_expressions_are_few_and_small() {
    let patterns: Vec<String> = (0..900).map(|i| format!("(a{{{i}}}){{999}}")).collect();
    let config = Ia3Config::new()
        .with_target_modules(["k"])
        .with_feedforward_modules([])
        .with_modules_to_save(patterns);
    let error = config.plan(&model(2)).unwrap_err().to_string();
    assert!(
        error.starts_with("`modules_to_save` has 900 regular expressions, more than the limit of 100"),
        "{error}"
    );
}

#[test]
fn a_pattern_that_repeats_or_goes_back_for_long_ends() {
    let path = "model.decoder.layers.11.self_attn.q_proj.aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
    for pattern in [
        "(?(1)){9999999}k",
        "(?:(?=m)){9999999}k",
        "(?:(?:(?=m)){9999}){9999}k",
        "(?:(?:(?:(?:(?=m)?){999}){999}){999}){999}k",
        "(?:(?!k)m?){9999999}x",
        "(?=(.*)*)(a*)*(a*)*(a*)*\\1b",
        "(?>(?:a?){9999999})b",
    ] {
        let start = std::time::Instant::now();
        let answer = PyRegex::new(pattern).and_then(|regex| regex.fullmatch(path));
        assert!(!matches!(answer, Ok(true)), "{pattern}");
        assert!(start.elapsed().as_secs() < 20, "{pattern}: {answer:?}");
    }
    let long = PyRegex::new(&"a".repeat((64 << 10) + 1)).unwrap_err().to_string();
    assert_eq!(
        long,
        "a regular expression has 65537 bytes, more than the limit of 65536; list module names instead"
    );
    let braces = PyRegex::new(&"{".repeat(64 << 10)).unwrap();
    assert!(!braces.fullmatch(path).unwrap());
}

#[test]
fn text_from_a_configuration_cannot_forge_lines() {
    let config = Ia3Config::new()
        .with_target_modules(["k", "q\n\u{1b}[2Jerror: no\u{202e}"])
        .with_feedforward_modules([]);
    let error = config.plan(&model(1)).unwrap_err().to_string();
    let expected = r#"no module matches target "q\n\u{1b}[2Jerror: no\u{202e}""#;
    assert!(error.starts_with(expected), "{error}");
    let config = Ia3Config::new()
        .with_target_modules(vec![format!("k{}", "\u{9b}".repeat(100_000))])
        .with_feedforward_modules([]);
    let error = config.plan(&model(1)).unwrap_err().to_string();
    assert!(error.contains("… (100001 characters)") && error.len() < 3_000, "{error}");
}
