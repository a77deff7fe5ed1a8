use burn::nn::transformer::{TransformerEncoder, TransformerEncoderConfig, TransformerEncoderInput};
use burn::tensor::{DType, Device, Tensor};
use ia3::{Ia3Model, ModelInfo};

use crate::common::{Mlp, assert_apart, assert_close, cases, cast, config, input, two};

#[test]
fn multiple_active_adapters_forward() {
    let mut model = two();
    let mut output = |names: &[&str]| {
        model.set_adapter(names.iter().copied()).unwrap();
        model.model().output()
    };
    let (a, b, both) = (output(&["default"]), output(&["other"]), output(&["default", "other"]));
    assert_apart(&both, &a, "both and the first");
    assert_apart(&both, &b, "both and the second");
    assert_close(&output(&["other", "default"]), &both, 1e-5, "the other order");
    let message = model.set_adapter(["other", "other"]).unwrap_err().to_string();
    assert_eq!(message, "the adapter `other` is named twice; name each once");
    assert_eq!(model.active_adapters(), ["other", "default"]);
}

/// The numbers are PEFT's.
#[test]
fn the_logits_of_every_combination_are_pefts() {
    for case in cases() {
        let mut model = case.two();
        let mut table = vec![("adapter_logits", vec!["default"]), ("adapter_b_logits", vec!["b"])];
        if !case.replaces() {
            table.push(("both_logits", vec!["default", "b"]));
        }
        for (name, names) in table {
            model.set_adapter(names).unwrap();
            let (got, expected) = (case.logits(model.model()), case.expected(name));
            assert_close(&case.real(&got), &case.real(&expected), 1e-4, &format!("{} {name}", case.name));
        }
    }
}

#[test]
fn forward_in_half_precision_keeps_the_vectors_in_float32() {
    for dtype in [DType::F16, DType::BF16] {
        let config = config(&["lin0", "lin1"], &["lin1"]);
        let mut model = Ia3Model::new(cast(Mlp::new(), dtype), &config, "default").unwrap();
        model.add_adapter("other", &config).unwrap();
        model.set_adapter(["default", "other"]).unwrap();
        let output = model.model().forward(input().cast(dtype));
        assert_eq!(output.dtype(), dtype);
        let finite: bool = output.cast(DType::F32).is_finite().all().into_scalar::<bool>();
        assert!(finite);
        for name in ["default", "other"] {
            let vectors = model.adapter(name).unwrap().vectors.values();
            assert!(vectors.into_iter().all(|v| v.l.val().dtype() == DType::F32));
        }
    }
}

#[test]
fn forward_output_finite() {
    for case in cases() {
        assert!(case.logits(case.model().model()).iter().all(|x| x.is_finite()), "{}", case.name);
    }
}

/// PEFT's `in_features_out_features_exposed` and `weight_bias_attributes`: a layer with vectors is the layer itself.
#[test]
fn an_adapted_layer_has_its_weight_and_bias() {
    let model = two();
    let (layer, base) = (&model.model().lin0, &model.base().lin0);
    assert_eq!(layer.weight.lazy_shape().to_vec(), [10, 20]);
    assert_eq!(layer.weight.base().into_data(), base.weight.val().into_data());
    let bias = |l: &burn::nn::Linear| l.bias.as_ref().unwrap().val().into_data();
    assert_eq!(bias(layer), bias(base));
}

/// Any burn module can be a base, here one that knows nothing of adapters.
#[test]
fn an_unmodified_module_runs_trains_and_merges() {
    let device = Device::flex();
    let base: TransformerEncoder =
        TransformerEncoderConfig::new(16, 32, 4, 2).with_dropout(0.0).init(&device);
    let forward = |m: &TransformerEncoder| -> Vec<f32> {
        let x = Tensor::<3>::ones([1, 3, 16], &device).cumsum(1);
        m.forward(TransformerEncoderInput::new(x)).into_data().iter().collect()
    };
    let inputs = config(&["linear_outer"], &["linear_outer"]);
    let model = Ia3Model::weights_builder(base.clone()).init(&inputs).unwrap();
    assert_apart(&forward(model.model()), &forward(&base), "adapted and base");
    let merged = model.merge_and_unload(&Default::default()).unwrap();
    assert_close(&forward(&merged), &forward(model.model()), 1e-5, "merged");
    let outputs = Ia3Model::weights_builder(base).init(&config(&["key"], &[])).unwrap_err().to_string();
    assert!(outputs.starts_with("`layers.0.mha.key` has a bias"), "{outputs}");
}

#[test]
fn a_model_without_a_type_needs_targets_and_takes_the_facts_it_is_given() {
    let bare = || Ia3Model::builder(Mlp::new());
    let error = bare().init(&Default::default()).unwrap_err().to_string();
    assert!(error.starts_with("please specify `target_modules`"), "{error}");
    let info = ModelInfo { model_type: Some("llama".into()), ..ia3::model_info(&Mlp::new(), None, None) };
    let error = bare().model_info(info).init(&Default::default()).unwrap_err().to_string();
    assert!(error.contains("no module matches target \"down_proj\""), "{error}");
    let attached = two().model().clone();
    let error = Ia3Model::builder(attached).without_adapter().unwrap_err().to_string();
    assert!(error.contains("already carries adapter vectors"), "{error}");
}
