use ia3::{Ia3Config, Ia3Model, MergeOptions};

use crate::common::{Mlp, config, train, trained_parameters};

fn saving(targets: &[&str], saved: &[&str]) -> Ia3Config {
    config(targets, &[]).with_modules_to_save(saved.iter().copied())
}

fn two(first: &Ia3Config, second: &Ia3Config) -> Ia3Model<Mlp> {
    let mut model = Ia3Model::new(Mlp::new(), first, "default").unwrap();
    model.add_adapter("other", second).unwrap();
    model
}

#[test]
fn multiple_active_adapters_with_same_modules_to_save_raises() {
    let mut model = two(&saving(&["lin0"], &["lin1"]), &saving(&["lin0"], &["lin1"]));
    let before = model.get_model_status();
    let expected = "the adapters `default` and `other` both replace `lin1.bias`; use one of them at a time";
    assert_eq!(model.set_adapter(["default", "other"]).unwrap_err().to_string(), expected);
    let both = MergeOptions::new().with_adapter_names(["default", "other"]);
    assert_eq!(model.merge_and_unload(&both).unwrap_err().to_string(), expected);
    assert_eq!(model.get_model_status(), before);
}

#[test]
fn each_adapter_has_its_own_copy() {
    let mut model = two(&saving(&["lin0"], &["lin1"]), &saving(&["lin0"], &["lin1"]));
    let weight = |m: &Mlp| m.lin1.weight.val().into_data();
    model.update(&train(model.model())).unwrap();
    let first = weight(model.model());
    model.set_adapter(["other"]).unwrap();
    assert_eq!(weight(model.model()), weight(model.base()), "the other was not trained");
    model.set_adapter(["default"]).unwrap();
    assert_eq!(weight(model.model()), first);
    let merged = model.merge_and_unload(&MergeOptions::new()).unwrap();
    assert_eq!(weight(&merged), first, "merging keeps the trained copy");
}

#[test]
fn multiple_active_adapters_with_different_modules_to_save_works() {
    let mut model = two(&saving(&["lin0"], &["lin1"]), &config(&["lin0"], &[]));
    model.set_adapter(["other", "default"]).unwrap();
    assert_eq!(trained_parameters(&model), ["*", "*", "default.lin0", "other.lin0"]);
    let (mut model, weight) =
        (two(&saving(&["lin0"], &["lin1"]), &saving(&["lin1"], &["lin0"])), |m: &Mlp| {
            m.lin1.weight.base().into_data()
        });
    model.set_adapter(["default", "other"]).unwrap();
    let trained = train(model.model());
    model.update(&trained).unwrap();
    assert_eq!(weight(model.model()), weight(&trained));
    assert_eq!(model.model().output(), trained.output());
}

#[test]
fn mixed_modules_to_save_in_any_order() {
    for switched in [false, true] {
        let (plain, saved) = (config(&["lin0"], &[]), saving(&["lin0"], &["lin1"]));
        let mut model = if switched { two(&saved, &plain) } else { two(&plain, &saved) };
        let (without, with) = if switched { ("other", "default") } else { ("default", "other") };
        model.set_adapter([with]).unwrap();
        model.update(&train(model.model())).unwrap();
        let changed =
            |m: &Mlp, base: &Mlp| m.lin1.weight.val().into_data() != base.lin1.weight.val().into_data();
        assert!(changed(model.model(), model.base()));
        model.set_adapter([without]).unwrap();
        assert!(!changed(model.model(), model.base()));
    }
}

#[test]
fn a_sequence_classifier_saves_its_head_by_itself() {
    use ia3::TaskType;
    use ia3_config::{ModelInfo, ModuleInfo, ModuleKind};
    let linear = |path: &str| ModuleInfo::new(path, ModuleKind::Linear { d_in: 4, d_out: 4, bias: true });
    let info =
        ModelInfo::new("bert", vec![linear("encoder.layer.0.attention.self.key"), linear("classifier")]);
    let config = Ia3Config::new().with_target_modules(["key"]).with_task_type(TaskType::SeqCls);
    let plan = config.plan(&info).unwrap();
    assert_eq!(plan.modules_to_save, ["classifier"]);
    assert_eq!(plan.config.modules_to_save, Some(vec!["classifier".into(), "score".into()]));
}
