use ia3::MixMethod;

use crate::common::{assert_close, cases, config, trained_parameters, two};

const METHODS: [MixMethod; 3] = [MixMethod::Linear, MixMethod::Identity, MixMethod::Ties { density: 0.5 }];

/// PEFT's `_test_weighted_combination_of_adapters_ia3` checks that a forward runs; the numbers are PEFT's.
#[test]
fn weighted_combination_of_adapters_ia3() {
    for case in cases().into_iter().filter(|case| !case.replaces()) {
        let mut model = case.two();
        model.add_weighted_adapter(&[("default", 0.3), ("b", 0.7)], MixMethod::Linear, "mix").unwrap();
        assert_eq!(model.active_adapters(), ["default"], "a mix is not active by itself");
        model.set_adapter(["mix"]).unwrap();
        let (got, expected) = (case.logits(model.model()), case.expected("weighted_0.3_0.7_logits"));
        assert_close(&case.real(&got), &case.real(&expected), 1e-4, &case.name);
    }
}

#[test]
fn three_adapters_with_weights_beyond_one_and_below_zero() {
    let mut model = two();
    model.add_adapter("third", &config(&["lin0"], &[])).unwrap();
    let l = |model: &ia3::Ia3Model<_>, name: &str, path: &str| -> Vec<f32> {
        let adapter = model.adapter(name).unwrap();
        adapter.vectors.get(path).map_or(vec![1.0; 20], |v| v.values().into_data().iter().collect())
    };
    for (i, weights) in [[0.5, 1.5, 1.5], [-0.5, 1.0, -2.0]].into_iter().enumerate() {
        let named = [("default", weights[0]), ("other", weights[1]), ("third", weights[2])];
        for (j, method) in METHODS.into_iter().enumerate() {
            let name = format!("mix_{i}_{j}");
            model.add_weighted_adapter(&named, method, &name).unwrap();
            model.set_adapter([name.as_str()]).unwrap();
            assert_eq!(model.active_adapters(), [name.as_str()]);
            assert!(model.model().output().iter().all(|x| x.is_finite()));
            assert_eq!(trained_parameters(&model), [format!("{name}.lin0"), format!("{name}.lin1")]);
        }
        for path in ["lin0", "lin1"] {
            let sum = |i: usize| named.iter().map(|(name, w)| w * l(&model, name, path)[i]).sum::<f32>();
            let expected: Vec<f32> = (0..20).map(sum).collect();
            assert_close(&l(&model, &format!("mix_{i}_0"), path), &expected, 1e-6, path);
        }
    }
}

#[test]
fn a_mix_that_cannot_be_changes_nothing() {
    let mut model = two();
    let before = model.get_model_status();
    let mut message = |adapters: &[(&str, f32)], name: &str| {
        let error = model.add_weighted_adapter(adapters, MixMethod::Linear, name).unwrap_err().to_string();
        assert_eq!(model.get_model_status(), before);
        error
    };
    assert_eq!(message(&[("typo", 1.0)], "mix"), "there is no adapter `typo`; known are default, other");
    assert!(message(&[("other", 1.0)], "default").starts_with("an adapter `default` exists already"));
    assert_eq!(message(&[], "mix"), "there is no adapter to mix; give at least one");
}
