//! PEFT's rules for (IA)³, one test each: defaults, matching, and the configuration that is saved.

use crate::common::*;
use ia3_config::{
    ConfigError, Field, Ia3Config, ModelInfo, ModuleInfo, ModuleKind, Note, Selector, TaskType,
    default_targets, known_model_types,
};

fn config() -> Ia3Config {
    Ia3Config::new()
}

// ---- defaults by model type

#[test]
fn t5_scales_keys_and_values_and_the_input_of_wo() {
    let plan = plan(&config(), &t5());
    assert_eq!(names(&outputs(&plan)), ["k", "v"]);
    assert_eq!(names(&inputs(&plan)), ["wo"]);
    assert_eq!(outputs(&plan).len(), 2 * 2 + 2 * 4);
    assert!(outputs(&plan).contains(&"decoder.block.1.layer.1.EncDecAttention.v"));
    assert_eq!(plan.site("encoder.block.0.layer.0.SelfAttention.k").unwrap().file_shape(), [6, 1]);
    assert_eq!(plan.site("encoder.block.0.layer.1.DenseReluDense.wo").unwrap().file_shape(), [1, 20]);
}

#[test]
fn mt5_scales_the_output_of_wi_1_and_no_input() {
    let plan = plan(&config(), &mt5());
    assert_eq!(names(&outputs(&plan)), ["k", "v", "wi_1"]);
    assert!(inputs(&plan).is_empty());
    assert_eq!(plan.config.feedforward_modules, Some(Selector::from([])));
    assert_eq!(plan.site("encoder.block.1.layer.1.DenseReluDense.wi_1").unwrap().file_shape(), [20, 1]);
}

#[test]
fn gpt2_scales_c_attn_and_the_input_of_the_mlps_c_proj_only() {
    let plan = plan(&config(), &gpt2());
    assert_eq!(outputs(&plan), ["transformer.h.0.attn.c_attn", "transformer.h.1.attn.c_attn"]);
    assert_eq!(inputs(&plan), ["transformer.h.0.mlp.c_proj", "transformer.h.1.mlp.c_proj"]);
    assert_eq!(plan.trainable_parameters(), 2 * (18 + 24));
}

#[test]
fn bert_scales_the_input_of_the_attention_output_too() {
    let plan = plan(&config().with_task_type(TaskType::FeatureExtraction), &bert());
    assert!(inputs(&plan).contains(&"bert.encoder.layer.0.attention.output.dense"));
    assert!(inputs(&plan).contains(&"bert.encoder.layer.0.output.dense"));
    assert_eq!(inputs(&plan).len(), 4);
}

#[test]
fn llama_scales_keys_values_and_the_input_of_down_proj() {
    let plan = plan(&config(), &llama());
    assert_eq!(names(&outputs(&plan)), ["k_proj", "v_proj"]);
    assert_eq!(names(&inputs(&plan)), ["down_proj"]);
}

#[test]
fn model_types_of_peft_and_others_have_defaults_and_their_inputs_are_targets() {
    assert!(known_model_types().count() >= 27 + 9);
    for model_type in known_model_types() {
        let defaults = default_targets(model_type).unwrap();
        let is_target = |name| defaults.target_modules.contains(name);
        assert!(defaults.feedforward_modules.iter().all(is_target), "{model_type}");
    }
}

#[test]
fn an_unknown_model_type_needs_targets() {
    let model = ModelInfo { model_type: Some("mamba".into()), ..t5() };
    let error = error(&config(), &model);
    assert!(matches!(error, ConfigError::NoDefault { field: Field::TargetModules, .. }), "{error}");
    assert!(error.to_string().starts_with("please specify `target_modules`"));
}

#[test]
fn an_unknown_model_type_needs_feedforward_modules_as_well() {
    let model = ModelInfo { model_type: None, ..t5() };
    let targets = config().with_target_modules(["k"]);
    assert!(error(&targets, &model).to_string().starts_with("please specify `feedforward_modules`"));
    let plan = plan(&targets.with_feedforward_modules([]), &model);
    assert_eq!(names(&outputs(&plan)), ["k"]);
}

// ---- exclude_modules

#[test]
fn an_exclude_pattern_matches_the_whole_path() {
    let excluded = plan(&config().with_exclude_modules("decoder.*"), &t5());
    assert!(excluded.sites.iter().all(|site| site.path.starts_with("encoder")));
    let part = config().with_exclude_modules("decoder").plan(&t5()).unwrap();
    assert_eq!(part.excluded, ["decoder"]);
    assert_eq!(part.sites.len(), 16);
}

#[test]
fn an_exclude_name_is_the_path_or_its_end_after_a_dot() {
    let plan = plan(
        &config().with_exclude_modules(["EncDecAttention.k", "encoder.block.0.layer.0.SelfAttention.v"]),
        &t5(),
    );
    assert_eq!(plan.excluded.len(), 3);
    assert_eq!(plan.sites.len(), 16 - 3);
}

#[test]
fn excluding_a_parent_does_not_exclude_its_children() {
    let plan = plan(&config().with_exclude_modules(["EncDecAttention"]), &t5());
    assert_eq!(names(&plan.excluded.iter().map(String::as_str).collect::<Vec<_>>()), ["EncDecAttention"]);
    assert_eq!(plan.sites.len(), 16);
}

#[test]
fn an_empty_exclude_is_none() {
    for empty in [Selector::from([]), Selector::from("")] {
        assert_eq!(plan(&config().with_exclude_modules(empty), &t5()).sites.len(), 16);
    }
}

// ---- modules_to_save

#[test]
fn a_module_to_save_shields_every_path_with_that_segment() {
    let plan = plan(
        &config().with_modules_to_save(["output"]).with_target_modules(["key", "output.dense"]),
        &bert(),
    );
    assert_eq!(names(&outputs(&plan)), ["key"]);
    assert!(inputs(&plan).is_empty());
    assert!(plan.excluded.contains(&"bert.encoder.layer.1.attention.output.dense".to_owned()));
}

#[test]
fn a_module_to_save_is_an_unescaped_regular_expression() {
    let shielded = |name: &str| {
        let config = config().with_modules_to_save([name]).with_target_modules(["key", "value"]);
        let plan = config.plan_with(&bert(), LENIENT).unwrap();
        names(&outputs(&plan)).join(" ")
    };
    assert_eq!(shielded("v.l.e"), "key");
    assert_eq!(shielded("self.key"), "value");
    assert_eq!(shielded("ke"), "key value", "whole segments only");
    // `re.match` with an open alternation: (^|.*\.)layer | key($|\..*) takes whatever begins with the first branch.
    assert!(
        config()
            .with_modules_to_save(["layer|key"])
            .with_target_modules(["key"])
            .plan_with(&bert(), LENIENT)
            .is_err()
    );
    let broken = config().with_modules_to_save(["(key"]);
    assert!(matches!(error(&broken, &bert()), ConfigError::InvalidPattern { .. }));
}

#[test]
fn modules_to_save_are_found_by_the_end_of_the_path() {
    let plan = plan(&config().with_modules_to_save(["pooler", "classifier"]), &bert());
    assert_eq!(plan.modules_to_save, ["bert.pooler", "classifier"]);
}

#[test]
fn sequence_classification_saves_its_head() {
    let plan = plan(&config().with_task_type(TaskType::SeqCls).with_modules_to_save(["pooler"]), &bert());
    assert_eq!(plan.config.modules_to_save.as_ref().unwrap(), &["pooler", "classifier", "score"]);
    assert_eq!(plan.modules_to_save, ["bert.pooler", "classifier"]);
    let again = plan.config.plan(&bert()).unwrap();
    assert_eq!(again.config, plan.config, "PEFT would append the heads a second time");
}

#[test]
fn token_classification_and_question_answering_save_their_heads() {
    let saved = |task| plan(&config().with_task_type(task), &bert()).config.modules_to_save;
    assert_eq!(saved(TaskType::TokenCls).unwrap(), ["classifier", "score"]);
    assert_eq!(saved(TaskType::QuestionAns).unwrap(), ["qa_outputs"]);
    assert_eq!(saved(TaskType::CausalLm), None);
}

// ---- target_modules

#[test]
fn a_target_pattern_matches_the_whole_path() {
    let plan = plan(&config().with_target_modules(r".*\.(q|o)"), &t5());
    assert_eq!(names(&outputs(&plan)), ["q", "o"]);
    assert!(matches!(error(&config().with_target_modules("q"), &t5()), ConfigError::NothingMatched { .. }));
}

#[test]
fn a_target_name_ends_the_path_after_a_dot() {
    let plan = plan(&config().with_target_modules(["o"]).with_feedforward_modules([]), &t5());
    assert_eq!(names(&outputs(&plan)), ["o"], "o is not wo");
    let error = error(&config().with_target_modules(["Attention.k"]), &t5());
    assert!(matches!(error, ConfigError::NothingMatched { .. }), "no dot before Attention: {error}");
}

#[test]
fn a_target_name_may_be_a_whole_path() {
    let path = "encoder.block.0.layer.0.SelfAttention.k";
    let plan = plan(&config().with_target_modules([path]), &t5());
    assert_eq!(outputs(&plan), [path]);
}

// ---- feedforward_modules

#[test]
fn a_feedforward_pattern_matches_the_whole_path() {
    let config = config().with_target_modules(["k", "wo"]).with_feedforward_modules(r"encoder.*\.wo");
    let plan = plan(&config, &t5());
    assert_eq!(inputs(&plan).len(), 2);
    assert!(inputs(&plan).iter().all(|path| path.starts_with("encoder")));
}

#[test]
fn a_feedforward_name_needs_no_dot() {
    let config = config().with_target_modules(["o", "wo"]).with_feedforward_modules(["o"]);
    let plan = plan(&config, &t5());
    assert_eq!(names(&inputs(&plan)), ["o", "wo"]);
    assert!(outputs(&plan).is_empty());
    let [Note::LooseFeedforward { name, paths }] = plan.notes.as_slice() else { panic!("{:?}", plan.notes) };
    assert_eq!((name.as_str(), paths.len()), ("o", 4));
}

#[test]
fn an_empty_feedforward_name_ends_everything() {
    let config = config().with_target_modules(["k", ""]).with_feedforward_modules([""]);
    let plan = config.plan_with(&t5(), LENIENT).unwrap();
    assert_eq!(names(&inputs(&plan)), ["k"]);
}

#[test]
fn a_feedforward_name_makes_no_target() {
    let plan = plan(
        &config().with_target_modules("encoder.*SelfAttention.k").with_feedforward_modules(["wo"]),
        &t5(),
    );
    assert_eq!(names(&outputs(&plan)), ["k"]);
    assert!(inputs(&plan).is_empty());
    assert_eq!(plan.unmatched[0].pattern, "wo");
}

#[test]
fn the_subset_rule_compares_strings_and_lists_only() {
    let subset = |targets: Selector, inputs: Selector| {
        config().with_target_modules(targets).with_feedforward_modules(inputs).validate()
    };
    let error = subset(["SelfAttention.k"].into(), ["k"].into()).unwrap_err().to_string();
    assert!(error.contains("`feedforward_modules` should be a subset of `target_modules`"), "{error}");
    subset(["k", "v"].into(), ["k"].into()).unwrap();
    subset(["k"].into(), [].into()).unwrap();
    subset(r".*\.k".into(), ["wo"].into()).unwrap();
    subset(["k"].into(), "wo".into()).unwrap();
    subset("all-linear".into(), ["wo"].into()).unwrap();
    config().with_feedforward_modules(["wo"]).validate().unwrap();
    config().with_target_modules(["k"]).validate().unwrap();
}

#[test]
fn the_default_feedforward_modules_need_not_be_targets() {
    let plan = plan(&config().with_target_modules(["q", "v"]), &t5());
    assert_eq!(names(&outputs(&plan)), ["q", "v"]);
    assert!(inputs(&plan).is_empty());
    assert!(plan.unmatched.is_empty(), "nobody wrote wo");
}

#[test]
fn default_targets_go_with_given_feedforward_modules() {
    let plan = plan(&config().with_feedforward_modules(["k"]), &t5());
    assert_eq!(names(&inputs(&plan)), ["k"]);
    assert_eq!(names(&outputs(&plan)), ["v", "wo"]);
}

// ---- all-linear

#[test]
fn all_linear_takes_every_linear_layer_but_the_output_embedding() {
    for text in ["all-linear", "ALL-Linear"] {
        let plan = plan(&config().with_target_modules(text), &llama());
        let expected = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"];
        let paths: Vec<&str> = plan.sites.iter().map(|site| site.path.as_str()).collect();
        assert_eq!(names(&paths), expected);
        assert_eq!(paths.len(), 14);
        assert_eq!(plan.config.target_modules, Some(paths.into_iter().collect()), "full module names");
    }
}

#[test]
fn all_linear_takes_conv1d_and_keeps_the_default_feedforward_modules() {
    let plan = plan(&config().with_target_modules("all-linear"), &gpt2());
    assert_eq!(names(&outputs(&plan)), ["c_attn", "c_proj", "c_fc"]);
    assert_eq!(inputs(&plan), ["transformer.h.0.mlp.c_proj", "transformer.h.1.mlp.c_proj"]);
}

#[test]
fn all_linear_skips_the_head_of_a_sequence_classifier() {
    let with_task =
        plan(&config().with_target_modules("all-linear").with_task_type(TaskType::SeqCls), &bert());
    assert!(with_task.site("classifier").is_none());
    assert!(with_task.site("bert.pooler.dense").is_some(), "the pooler is a linear layer like any other");
    let Some(Selector::Names(names)) = &with_task.config.target_modules else { panic!() };
    assert!(!names.contains("classifier"));
}

#[test]
fn all_linear_without_a_task_takes_the_classifier() {
    let plan = plan(&config().with_target_modules("all-linear"), &bert());
    assert!(plan.site("classifier").is_some());
}

#[test]
fn all_linear_is_a_regular_expression_outside_of_the_targets() {
    let config = Ia3Config { feedforward_modules: Some(Selector::AllLinear), ..config() };
    let plan = plan(&config, &t5());
    assert!(inputs(&plan).is_empty());
    assert_eq!(plan.config.feedforward_modules, Some(Selector::Pattern("all-linear".into())));
    assert!(plan.notes.contains(&Note::AllLinearIsPattern { field: Field::FeedforwardModules }));
}

// ---- nothing to adapt

#[test]
fn no_target_in_the_model() {
    for options in [STRICT, LENIENT] {
        let error = config().with_target_modules(["nope"]).plan_with(&t5(), options).unwrap_err();
        assert!(error.to_string().starts_with("target modules not found in the base model"), "{error}");
    }
}

#[test]
fn a_list_that_matches_in_part() {
    let partly = config().with_target_modules(["k", "nope"]).with_feedforward_modules([]);
    let ConfigError::Unmatched { unmatched } = error(&partly, &t5()) else { panic!() };
    assert_eq!((unmatched.len(), unmatched[0].pattern.as_str()), (1, "nope"));
    let plan = partly.plan_with(&t5(), LENIENT).unwrap();
    assert_eq!(names(&outputs(&plan)), ["k"]);
    assert_eq!(plan.unmatched, unmatched);
}

#[test]
fn an_empty_target_list_or_string() {
    for empty in [Selector::from([]), Selector::from("")] {
        let error = error(&config().with_target_modules(empty), &t5());
        assert!(matches!(error, ConfigError::NoTargets), "{error}");
        assert!(error.to_string().contains("no `target_modules` passed"));
    }
}

#[test]
fn all_modules_excluded() {
    let error = error(&config().with_exclude_modules(".*"), &t5());
    assert!(error.to_string().starts_with("all modules were excluded"), "{error}");
}

#[test]
fn only_the_matches_excluded() {
    let excluded = config().with_target_modules(["k"]).with_exclude_modules(["k"]);
    let ConfigError::OnlyExcludedMatched { excluded } = error(&excluded, &t5()) else { panic!() };
    assert_eq!(excluded.len(), 6);
    let saved = config().with_target_modules(["lm_head"]).with_modules_to_save(["lm_head"]);
    let error = error(&saved, &t5()).to_string();
    assert!(error.starts_with("no modules were targeted for adaptation"), "{error}");
    assert!(error.contains("combination of mismatched target modules and excluded modules"), "{error}");
}

#[test]
fn an_exclude_list_that_hits_nothing() {
    let config = config().with_exclude_modules(["zzz"]);
    let error = error(&config, &t5()).to_string();
    assert!(
        error.contains("you have passed exclude_modules \"zzz\" but no modules were excluded"),
        "{error}"
    );
    assert_eq!(config.plan_with(&t5(), LENIENT).unwrap().unmatched[0].field, Field::ExcludeModules);
}

#[test]
fn a_module_to_save_that_does_not_exist() {
    let config = config().with_modules_to_save(["lm_hed"]);
    let ConfigError::Unmatched { unmatched } = error(&config, &t5()) else { panic!() };
    assert_eq!(unmatched[0].closest[0].name, "lm_head");
    assert!(config.plan_with(&t5(), LENIENT).unwrap().modules_to_save.is_empty());
}

#[test]
fn embeddings_and_containers_are_not_supported() {
    let error = error(&config().with_target_modules(["k", "shared"]), &t5()).to_string();
    assert!(error.starts_with("target module `shared` is not supported: it is Embedding(30, 8)"), "{error}");
    let error = config().with_target_modules(["SelfAttention"]).plan_with(&t5(), LENIENT).unwrap_err();
    let ConfigError::UnsupportedLayer { path, inside, .. } = error else { panic!() };
    assert_eq!(path, "encoder.block.0.layer.0.SelfAttention");
    assert_eq!(inside, ["q", "k", "v", "o"]);
}

#[test]
fn convolutions_are_supported_and_their_shapes_are_wider() {
    let conv2d = ModuleKind::Conv2d { channels_in: Some(4), channels_out: 6, bias: true };
    let conv3d = ModuleKind::Conv3d { channels_in: Some(4), channels_out: 6, bias: true };
    let model = model("custom", [("conv", conv2d), ("deep.conv", conv3d), ("norm", norm())]);
    let config = config().with_target_modules(["conv"]).with_feedforward_modules("conv");
    let plan = plan(&config, &model);
    let shapes: Vec<Vec<usize>> = plan.sites.iter().map(ia3_config::Site::file_shape).collect();
    assert_eq!(shapes, [vec![1, 4, 1, 1], vec![1, 6, 1, 1, 1]]);
}

#[test]
fn a_convolution_of_unknown_groups_takes_an_output_vector_only() {
    let conv = ModuleKind::Conv2d { channels_in: None, channels_out: 6, bias: true };
    let model = model("custom", [("conv", conv)]);
    let config = config().with_target_modules(["conv"]).with_feedforward_modules([]);
    assert_eq!(plan(&config, &model).sites[0].len, 6);
    let error = error(&config.with_feedforward_modules(["conv"]), &model).to_string();
    assert_eq!(
        error,
        "the input of `conv` cannot be scaled: the number of groups of Conv2d(?, 6) is not known, and so neither is its \
         number of input channels; derive `Debug` for the modules around it, from which the groups are read, or leave it \
         out of `feedforward_modules`"
    );
}

// ---- fan_in_fan_out

#[test]
fn fan_in_fan_out_follows_the_layer() {
    let plan = plan(&config(), &gpt2());
    assert!(plan.config.fan_in_fan_out);
    let path = "transformer.h.0.attn.c_attn".to_owned();
    assert_eq!(plan.notes, [Note::FanInFanOut { path, value: true }]);
}

#[test]
fn fan_in_fan_out_is_switched_off_for_linear() {
    let given = Ia3Config { fan_in_fan_out: true, ..config() };
    let fitted = plan(&given, &t5());
    assert!(!fitted.config.fan_in_fan_out);
    assert!(matches!(fitted.notes[..], [Note::FanInFanOut { value: false, .. }]));
    assert!(plan(&given, &gpt2()).notes.is_empty(), "it fits");
}

#[test]
fn fan_in_fan_out_ends_as_the_last_layer_wants_it() {
    let layers = [("a.k", conv1d(2, 2)), ("b.k", linear(2, 2))];
    let targets = config().with_target_modules(["k"]).with_feedforward_modules([]);
    assert!(!plan(&targets, &model("custom", layers.clone())).config.fan_in_fan_out);
    let [first, second] = layers;
    assert!(plan(&targets, &model("custom", [second, first])).config.fan_in_fan_out);
}

// ---- the plan

#[test]
fn the_output_embedding_can_be_a_target_with_a_note() {
    let plan = plan(&config().with_target_modules(["lm_head", "k"]), &t5());
    assert!(plan.site("lm_head").is_some());
    assert!(plan.notes.contains(&Note::OutputEmbedding { path: "lm_head".into() }));
}

#[test]
fn ignored_layers_could_be_adapted_but_are_not() {
    let plan = plan(&config(), &llama());
    let ignored: Vec<&str> = plan.ignored.iter().map(String::as_str).collect();
    assert_eq!(names(&ignored), ["q_proj", "o_proj", "gate_proj", "up_proj", "lm_head"]);
}

#[test]
fn the_root_is_never_a_target() {
    let mut model = t5();
    model.modules[0] = ModuleInfo::new("", linear(8, 8));
    let plan = plan(&config().with_target_modules(r".*\.[kv]|").with_feedforward_modules([]), &model);
    assert!(plan.sites.iter().all(|site| !site.path.is_empty()));
}

#[test]
fn nearest_names_are_counted() {
    let error = error(&config().with_target_modules(["q_prj", "mlp.gate_prj"]), &llama());
    let ConfigError::NothingMatched { unmatched } = error else { panic!() };
    let closest =
        |index: usize| (unmatched[index].closest[0].name.as_str(), unmatched[index].closest[0].modules);
    assert_eq!(closest(0), ("mlp.gate_proj", 2));
    assert_eq!(closest(1), ("q_proj", 2));
}
