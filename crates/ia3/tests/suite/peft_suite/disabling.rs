use ia3::{Ia3Model, MergeOptions};

use crate::common::{Mlp, assert_apart, cases, config, parameters, trained_parameters, two};

#[test]
fn disable_adapters() {
    for case in cases() {
        let model = case.model();
        let (base, before) = (case.logits(&case.base), case.logits(model.model()));
        assert_apart(&before, &base, &case.name);
        assert_eq!(case.logits(model.disable_adapter()), base, "{}", case.name);
        assert_eq!(case.logits(model.model()), before, "{}", case.name);
    }
}

#[test]
fn disable_adapters_with_merging() {
    let mut model = two();
    model.merge_adapter(&MergeOptions::new()).unwrap();
    let merged = parameters(model.model());
    assert_eq!(parameters(model.disable_adapter()), parameters(model.base()));
    assert_eq!(parameters(model.model()), merged, "disabling unmerges nothing");
    assert_eq!(model.merged_adapters(), ["default"]);
}

/// PEFT's `exiting_context_restores_previous_state` and `_irregular_state`: there is no state to restore.
#[test]
fn a_look_at_the_base_leaves_the_state_as_it_is() {
    let mut model = two();
    model.set_adapter(["default", "other"]).unwrap();
    model.set_requires_grad(["other"], false).unwrap();
    let (status, trained) = (model.get_model_status(), trained_parameters(&model));
    assert_eq!(trained, ["default.lin0", "default.lin1"]);
    assert_eq!(model.disable_adapter().output(), model.base().output());
    assert_eq!(model.get_model_status(), status);
    assert_eq!(trained_parameters(&model), trained);
}

#[test]
fn no_active_adapter_is_the_base() {
    let mut model = two();
    model.set_adapter(Vec::<String>::new()).unwrap();
    assert_eq!(model.model().output(), model.base().output());
    assert!(!model.get_model_status().enabled);
    assert!(trained_parameters(&model).is_empty());
    model.set_adapter(["default"]).unwrap();
    assert_apart(&model.model().output(), &model.base().output(), "enabled again");
}

#[test]
fn disabling_goes_back_to_the_modules_that_were_replaced() {
    let config = config(&["lin0"], &[]).with_modules_to_save(["lin1"]);
    let mut model = Ia3Model::new(Mlp::new(), &config, "default").unwrap();
    model.update(&crate::common::train(model.model())).unwrap();
    assert_ne!(model.model().lin1.weight.val().into_data(), model.base().lin1.weight.val().into_data());
    assert_eq!(parameters(model.disable_adapter()), parameters(model.base()));
}
