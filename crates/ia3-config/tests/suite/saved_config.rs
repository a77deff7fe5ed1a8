//! The configuration to save: PEFT can load it, and places every vector where it was trained.

use std::collections::BTreeSet;

use crate::common::*;
use ia3_config::{Ia3Config, ModelInfo, Note, Placement, Plan, PyRegex, Selector};
use proptest::prelude::*;

type Placements = Vec<(String, Placement)>;

fn config() -> Ia3Config {
    Ia3Config::new()
}

fn placements(plan: &Plan) -> Placements {
    plan.sites.iter().map(|site| (site.path.clone(), site.placement)).collect()
}

fn matches(selector: &Selector, path: &str, dot: &str) -> bool {
    match selector {
        Selector::Names(names) => {
            names.iter().any(|name| path == name || path.ends_with(&format!("{dot}{name}")))
        }
        Selector::Pattern(pattern) => PyRegex::new(pattern).unwrap().fullmatch(path).unwrap(),
        Selector::AllLinear => panic!("all-linear in a saved configuration"),
    }
}

/// What PEFT does with a file, written down once more and shorter: the check, then both rules.
fn loaded_by_peft(config: &Ia3Config, model: &ModelInfo) -> Placements {
    config.validate().unwrap();
    let targets = config.target_modules.as_ref().expect("resolved");
    let inputs = config.feedforward_modules.as_ref().expect("resolved");
    let exclude = config.exclude_modules.as_ref();
    let paths = model.modules.iter().map(|module| module.path.as_str()).filter(|path| !path.is_empty());
    let kept =
        paths.filter(|path| matches(targets, path, ".") && !exclude.is_some_and(|e| matches(e, path, ".")));
    kept.map(|path| match matches(inputs, path, "") {
        true => (path.to_owned(), Placement::Input),
        false => (path.to_owned(), Placement::Output),
    })
    .collect()
}

/// Plans, and checks that the saved configuration gives the same places to PEFT and to us.
fn saved(config: &Ia3Config, model: &ModelInfo) -> Plan {
    let plan = config.plan_with(model, LENIENT).unwrap();
    assert_eq!(loaded_by_peft(&plan.config, model), placements(&plan));
    let file = Ia3Config::from_json(&plan.config.to_json()).unwrap();
    assert_eq!(file, plan.config);
    let again = file.plan_with(model, LENIENT).unwrap();
    assert_eq!(placements(&again), placements(&plan));
    assert_eq!(again.config, plan.config, "planning what was planned changes nothing");
    let strict = |config: &Ia3Config| config.plan(model).is_ok();
    assert!(!strict(config) || strict(&file), "a name that selects nothing was added");
    plan
}

fn lists(plan: &Plan) -> (String, String) {
    let text = |selector: &Option<Selector>| serde_json::to_string(selector).unwrap();
    (text(&plan.config.target_modules), text(&plan.config.feedforward_modules))
}

#[test]
fn defaults_are_written_out() {
    let plan = saved(&config(), &t5());
    assert_eq!(lists(&plan), (r#"["k","v","wo"]"#.into(), r#"["wo"]"#.into()));
    assert!(plan.notes.is_empty());
}

#[test]
fn a_pattern_stays_a_pattern() {
    let plan = saved(&config().with_target_modules(r".*\.(k|wo)"), &t5());
    assert_eq!(lists(&plan), (r#"".*\\.(k|wo)""#.into(), r#"["wo"]"#.into()));
}

#[test]
fn default_feedforward_names_that_are_no_targets_are_left_out() {
    for (model, targets) in [(t5(), ["q", "v"]), (gpt2(), ["c_attn", "c_fc"]), (bert(), ["query", "key"])] {
        let plan = saved(&config().with_target_modules(targets), &model);
        assert_eq!(plan.config.feedforward_modules, Some(Selector::from([])));
        let rewritten = |note: &Note| matches!(note, Note::ListsRewritten { .. });
        assert!(!plan.notes.iter().any(rewritten), "nobody wrote a feed-forward name");
    }
}

#[test]
fn full_paths_of_the_targets_stand_for_a_shorter_feedforward_name() {
    let plan = saved(&config().with_target_modules("all-linear"), &gpt2());
    let expected = ["transformer.h.0.mlp.c_proj", "transformer.h.1.mlp.c_proj"];
    assert_eq!(plan.config.feedforward_modules, Some(Selector::from(expected)));
}

#[test]
fn a_narrower_feedforward_name_becomes_a_target_too() {
    // `dense` has both placements: the default `output.dense` scales the input of some.
    let plan = saved(&config().with_target_modules(["key", "dense"]), &bert());
    assert_eq!(lists(&plan), (r#"["dense","key","output.dense"]"#.into(), r#"["output.dense"]"#.into()));
    assert_eq!(inputs(&plan).len(), 4);
    assert!(outputs(&plan).contains(&"bert.encoder.layer.0.intermediate.dense"));
}

#[test]
fn a_loose_feedforward_name_that_is_a_target_stays() {
    let plan = saved(&config().with_target_modules(["o", "wo"]).with_feedforward_modules(["o"]), &t5());
    assert_eq!(lists(&plan), (r#"["o","wo"]"#.into(), r#"["o"]"#.into()));
    assert_eq!(names(&inputs(&plan)), ["o", "wo"]);
}

#[test]
fn a_loose_feedforward_name_that_is_no_target() {
    // `o` ends `wo`; as a target it would add the attention's `o`.
    let plan = saved(&config().with_target_modules(["k", "wo"]).with_feedforward_modules(["o"]), &t5());
    assert_eq!(lists(&plan), (r#"["k","wo"]"#.into(), r#"["wo"]"#.into()));
}

#[test]
fn full_paths_are_the_last_resort() {
    // `fAttention.k` ends some of the keys, and as a target it would select nothing.
    let plan = saved(&config().with_target_modules(["k"]).with_feedforward_modules(["fAttention.k"]), &t5());
    let keys = ["encoder.block.0", "encoder.block.1", "decoder.block.0", "decoder.block.1"];
    let keys = keys.map(|block| format!("{block}.layer.0.SelfAttention.k"));
    assert_eq!(inputs(&plan), keys);
    assert_eq!(plan.config.feedforward_modules, Some(keys.clone().into_iter().collect()));
    let targets = keys.into_iter().chain(["k".to_owned()]);
    assert_eq!(plan.config.target_modules, Some(targets.collect()));
}

#[test]
fn each_site_is_named_by_what_serves_it() {
    // `o` cannot be a target, for then attention's `o` were one; `output.dense` can, for `dense` is one.
    let layers = [("x.wo", 2), ("x.o", 2), ("x.output.dense", 2), ("x.dense", 2)];
    let model = model("custom", layers.map(|(path, size)| (path, linear(size, size))));
    let config =
        config().with_target_modules(["wo", "dense"]).with_feedforward_modules(["o", "output.dense"]);
    let plan = saved(&config, &model);
    assert_eq!(lists(&plan), (r#"["dense","output.dense","wo"]"#.into(), r#"["output.dense","wo"]"#.into()));
    assert_eq!((inputs(&plan), outputs(&plan)), (vec!["x.wo", "x.output.dense"], vec!["x.dense"]));
}

#[test]
fn a_file_that_peft_cannot_load_back_is_placed_as_it_was_trained() {
    let file = r#"{"peft_type": "IA3", "target_modules": ["key", "dense"], "feedforward_modules": ["output.dense"]}"#;
    let config = Ia3Config::from_json(file).unwrap();
    assert!(config.validate().is_err(), "PEFT refuses it");
    let plan = config.plan(&bert()).unwrap();
    assert_eq!(inputs(&plan).len(), 4);
    assert_eq!(outputs(&plan).len(), 2 + 2 + 1);
    saved(&config, &bert());

    let file = r#"{"peft_type": "IA3", "target_modules": ["q", "v"], "feedforward_modules": ["wo"]}"#;
    let plan = Ia3Config::from_json(file).unwrap().plan(&t5()).unwrap();
    assert_eq!((names(&outputs(&plan)), inputs(&plan).len()), (vec!["q", "v"], 0));
}

#[test]
fn more_than_twenty_full_names_survive() {
    let paths: BTreeSet<String> = (0..30).map(|index| format!("layers.{index}.k")).collect();
    let model = model("custom", paths.iter().map(|path| (path.clone(), linear(2, 3))));
    let config = config().with_target_modules(paths.clone()).with_feedforward_modules([]);
    assert_eq!(saved(&config, &model).config.target_modules, Some(Selector::Names(paths)));
}

/// Paths of few letters, so that names end each other's paths in every way.
fn path() -> impl Strategy<Value = String> {
    prop::collection::vec("[ab]{1,2}", 1..4).prop_map(|segments| segments.join("."))
}

fn name() -> impl Strategy<Value = String> {
    "[ab.]{1,4}"
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn any_lists_are_saved_so_that_peft_places_alike(
        paths in prop::collection::btree_set(path(), 1..8),
        targets in prop::collection::btree_set(name(), 1..4),
        inputs in prop::collection::btree_set(name(), 0..4),
        exclude in prop::option::of(prop::collection::btree_set(name(), 0..2)),
    ) {
        let modules = paths.iter().map(|path| ia3_config::ModuleInfo::new(path, linear(2, 3))).collect();
        let model = ModelInfo::new("custom", modules);
        let config = Ia3Config {
            target_modules: Some(Selector::Names(targets)),
            feedforward_modules: Some(Selector::Names(inputs)),
            exclude_modules: exclude.map(Selector::Names),
            ..config()
        };
        if config.plan_with(&model, LENIENT).is_ok() {
            saved(&config, &model);
        }
    }

    #[test]
    fn every_module_is_a_site_or_excluded_or_ignored(
        paths in prop::collection::btree_set(path(), 1..8),
        targets in prop::collection::btree_set(name(), 1..4),
        exclude in prop::collection::btree_set(name(), 0..3),
    ) {
        let modules: Vec<_> = paths.iter().map(|path| ia3_config::ModuleInfo::new(path, linear(2, 3))).collect();
        let model = ModelInfo::new("custom", modules);
        let config = Ia3Config { exclude_modules: Some(Selector::Names(exclude)), ..config() }
            .with_target_modules(targets)
            .with_feedforward_modules([]);
        if let Ok(plan) = config.plan_with(&model, LENIENT) {
            let sites = plan.sites.iter().map(|site| &site.path);
            let all: Vec<&String> = sites.chain(&plan.excluded).chain(&plan.ignored).collect();
            let distinct: BTreeSet<&String> = all.iter().copied().collect();
            prop_assert_eq!(all.len(), paths.len());
            prop_assert_eq!(distinct, paths.iter().collect());
        }
    }
}
