use burn::module::{Module, Param};
use burn::tensor::{Device, Distribution, Tensor};
use ia3::{ActivationSpace, Ia3Model, MergeOptions, SaveOptions};
use ia3_core::Affine;

use crate::common::{Mlp, assert_apart, assert_close, config, parameters, train, trained_parameters, two};

#[test]
fn attributes() {
    let model = two();
    assert_eq!(model.adapter_names().collect::<Vec<_>>(), ["default", "other"]);
    assert_eq!(model.active_adapters(), ["default"]);
    assert!(model.adapter("default").is_some() && model.adapter("x").is_none());
    assert!(model.merged_adapters().is_empty());
    assert_eq!(parameters(model.base()), parameters(&model.unload()));
}

#[test]
fn a_second_adapter_changes_nothing_until_it_is_active() {
    let mut model = Ia3Model::new(Mlp::new(), &config(&["lin0"], &[]), "default").unwrap();
    let before = model.model().output();
    model.add_adapter("other", &config(&["lin1"], &["lin1"])).unwrap();
    assert_eq!(model.model().output(), before);
    assert_eq!(trained_parameters(&model), ["default.lin0"]);
}

#[test]
fn set_adapter_non_overlapping_modules() {
    let mut model = Ia3Model::new(Mlp::new(), &config(&["lin0"], &[]), "default").unwrap();
    model.add_adapter("other", &config(&["lin1"], &["lin1"])).unwrap();
    for (names, trained) in [
        (vec!["default"], vec!["default.lin0"]),
        (vec!["other"], vec!["other.lin1"]),
        (vec!["other", "default"], vec!["default.lin0", "other.lin1"]),
        (vec!["default"], vec!["default.lin0"]),
    ] {
        model.set_adapter(names).unwrap();
        assert_eq!(trained_parameters(&model), trained);
    }
}

#[test]
fn requires_grad_ia3_same_targets() {
    let mut model = two();
    let names = |name: &str| [format!("{name}.lin0"), format!("{name}.lin1")];
    assert_eq!(trained_parameters(&model), names("default"));
    model.set_adapter(["other"]).unwrap();
    assert_eq!(trained_parameters(&model), names("other"));
    model.set_adapter(["default", "other"]).unwrap();
    assert_eq!(trained_parameters(&model), [names("default"), names("other")].concat());
    model.set_adapter_for_inference(["other"]).unwrap();
    assert!(trained_parameters(&model).is_empty());
    model.set_adapter(["other"]).unwrap();
    assert_eq!(
        trained_parameters(&model),
        names("other"),
        "inference mode lasted as long as it was asked for"
    );
}

#[test]
fn set_requires_grad() {
    let mut model = two();
    model.set_requires_grad(["default", "other"], false).unwrap();
    assert!(trained_parameters(&model).is_empty());
    model.set_adapter(["other"]).unwrap();
    assert!(trained_parameters(&model).is_empty(), "frozen stays frozen");
    model.set_requires_grad(["other"], true).unwrap();
    assert_eq!(trained_parameters(&model), ["other.lin0", "other.lin1"]);
    let unknown = model.set_requires_grad(["typo"], true).unwrap_err().to_string();
    assert_eq!(unknown, "there is no adapter `typo`; known are default, other");
    let inference = ia3::Ia3Config { inference_mode: true, ..config(&["lin0"], &[]) };
    model.add_adapter("frozen", &inference).unwrap();
    model.set_adapter(["frozen"]).unwrap();
    assert!(trained_parameters(&model).is_empty(), "`inference_mode` of the configuration");
}

/// GPT-2's layer, `[in, out]` as PEFT's `Conv1D`.
#[derive(Module, Debug)]
struct Conv1D {
    weight: Param<Tensor<2>>,
    bias: Param<Tensor<1>>,
}

impl Affine for Conv1D {
    fn weight(&self) -> &Param<Tensor<2>> {
        &self.weight
    }

    fn bias(&self) -> Option<&Param<Tensor<1>>> {
        Some(&self.bias)
    }
}

#[derive(Module, Debug)]
struct Net {
    conv1d: Conv1D,
}

impl ActivationSpace for Net {}

#[test]
fn requires_grad_and_merge_ia3_conv1d() {
    use ia3::Ia3Forward;
    let device = Device::flex();
    let random = |shape: [usize; 2]| Tensor::random(shape, Distribution::Default, &device);
    let net = Net {
        conv1d: Conv1D {
            weight: Param::from_tensor(random([4, 6])),
            bias: Param::from_tensor(random([1, 6]).squeeze_dim(0)),
        },
    };
    for feedforward in [&[][..], &["conv1d"]] {
        let model = Ia3Model::new(net.clone(), &config(&["conv1d"], feedforward), "default").unwrap();
        assert!(model.adapter("default").unwrap().config.fan_in_fan_out);
        let output = |net: &Net| -> Vec<f32> {
            net.conv1d.ia3_forward(Tensor::<2>::ones([2, 4], &device)).into_data().iter().collect()
        };
        let merged = model.merge_and_unload(&Default::default()).unwrap();
        assert_close(&output(&merged), &output(model.model()), 1e-5, "merged");
        assert_apart(&output(&merged), &output(&net), "merged and base");
    }
}

#[test]
fn delete_adapter() {
    let mut model = two();
    model.set_adapter(["other"]).unwrap();
    let deleted = model.delete_adapter("other").unwrap();
    assert_eq!(deleted.vectors.len(), 2);
    assert_eq!(model.adapter_names().collect::<Vec<_>>(), ["default"]);
    assert!(model.active_adapters().is_empty(), "nothing becomes active by itself");
    assert_eq!(model.model().output(), model.base().output());
    assert!(model.get_layer_status().iter().all(|layer| layer.available_adapters == ["default"]));
    model.insert_adapter("other", deleted).unwrap();
}

#[test]
fn delete_inactive_adapter() {
    let mut model = two();
    let before = model.model().output();
    model.delete_adapter("other").unwrap();
    assert_eq!(model.active_adapters(), ["default"]);
    assert_eq!(model.model().output(), before);
}

#[test]
fn delete_unknown_adapter_raises() {
    let mut model = two();
    let before = model.get_model_status();
    let error = model.delete_adapter("unknown").unwrap_err().to_string();
    assert_eq!(error, "there is no adapter `unknown`; known are default, other");
    assert_eq!(model.get_model_status(), before);
}

#[test]
fn delete_merged_adapter_only_rejects_the_merged_one() {
    let mut model = two();
    model.merge_adapter(&MergeOptions::new()).unwrap();
    let merged = parameters(model.model());
    let error = model.delete_adapter("default").unwrap_err().to_string();
    assert_eq!(error, "cannot delete the adapter `default` while it is merged; call `unmerge_adapter` first");
    model.delete_adapter("other").unwrap();
    assert_eq!((model.merged_adapters(), parameters(model.model())), (&["default".to_string()][..], merged));
    model.unmerge_adapter().unwrap();
    model.delete_adapter("default").unwrap();
}

#[test]
fn add_adapter_rejects_names_and_configs_without_mutation() {
    let mut model = two();
    let before = model.get_model_status();
    let good = config(&["lin0"], &[]);
    let mut message = |name: &str, config: &ia3::Ia3Config| {
        let error = model.add_adapter(name, config).unwrap_err().to_string();
        assert_eq!(model.get_model_status(), before);
        error
    };
    let twice = "an adapter `other` exists already; choose another name, or delete that adapter first";
    assert_eq!(message("other", &good), twice);
    for name in ["", "a.b", "a/b", "a\\b"] {
        let expected = format!(
            "`{name}` is not a valid adapter name: expected a name that is not empty, is not `__base__`, and has no `.`, `/` or `\\`"
        );
        assert_eq!(message(name, &good), expected);
    }
    assert!(message("x", &config(&["lin7"], &[])).starts_with("target modules not found in the base model"));
}

#[test]
fn adapter_name_makes_no_difference() {
    let trained = train(two().model());
    let model = two();
    let adapter = model.adapter("default").unwrap();
    let mut outputs = vec![];
    for name in ["default", "other", "1", "lin0", "ia3_", "ia3_l", "base_model", "model", "weight", "ü"] {
        let out = tempfile::tempdir().unwrap();
        let builder = Ia3Model::builder(model.base().clone()).adapter_name(name);
        let mut named = builder.init_from(adapter.clone()).unwrap();
        named.update(&train(named.model())).unwrap();
        named.save_pretrained(out.path(), &SaveOptions::new()).unwrap();
        let dir = if name == "default" { out.path().into() } else { out.path().join(name) };
        let loaded = Ia3Model::from_pretrained(model.base().clone(), dir, name).unwrap();
        assert_eq!(loaded.model().output(), named.model().output(), "{name}");
        outputs.push(loaded.model().output());
    }
    assert!(outputs.iter().all(|output| *output == outputs[0]));
    assert_apart(&outputs[0], &trained.output(), "other random vectors");
}

#[test]
fn unload_adapter() {
    let model = two();
    assert_eq!(parameters(&model.unload()), parameters(model.base()));
    assert_eq!(model.unload().output(), model.base().output());
    assert_apart(&model.model().output(), &model.base().output(), "unloading takes nothing off");
}
