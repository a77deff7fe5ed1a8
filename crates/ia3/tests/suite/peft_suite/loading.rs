use std::path::Path;

use burn::tensor::Device;
use ia3::Placement;
use ia3::io::AdapterFile;
use ia3::{AdapterModelStatus, Ia3Model, SaveOptions};

use crate::common::{Mlp, cases, config, gradients, parameters, train, trained_parameters, two};
use burn::module::Module;

fn saved(model: &Ia3Model<Mlp>) -> tempfile::TempDir {
    let out = tempfile::tempdir().unwrap();
    model.save_pretrained(out.path(), &SaveOptions::new()).unwrap();
    out
}

#[test]
fn from_pretrained_gives_the_same_outputs() {
    let model = two();
    let out = saved(&model);
    let loaded = Ia3Model::from_pretrained(model.base().clone(), out.path(), "default").unwrap();
    assert_eq!(loaded.model().output(), model.model().output());
    assert_eq!(loaded.active_adapters(), ["default"]);
}

#[test]
fn load_multiple_adapters() {
    let mut model = two();
    let out = saved(&model);
    let before = model.model().output();
    model.load_adapter(out.path(), "a").unwrap();
    model.load_adapter(out.path().join("other"), "b").unwrap();
    assert_eq!(model.model().output(), before, "loading activates nothing");
    model.set_adapter(["other"]).unwrap();
    let other = model.model().output();
    model.set_adapter(["b"]).unwrap();
    assert_eq!(model.model().output(), other);
    let twice = model.load_adapter(out.path(), "a").unwrap_err().to_string();
    assert_eq!(twice, "an adapter `a` exists already; choose another name, or delete that adapter first");
}

#[test]
fn load_model_low_cpu_mem_usage() {
    let ones = config(&["lin0", "lin1"], &["lin1"]).with_init_ia3_weights(true);
    let lazy = |low| Ia3Model::builder(Mlp::new()).low_cpu_mem_usage(low).init(&ones).unwrap();
    let read = |model: &Ia3Model<Mlp>| {
        model.adapter("default").unwrap().vectors.values().filter(|v| v.l.is_initialized()).count()
    };
    let (mut low, high) = (lazy(true), lazy(false));
    assert_eq!((read(&low), read(&high)), (0, 2));
    low.add_adapter("b", &ones).unwrap();
    assert!(low.adapter("b").unwrap().vectors.values().all(|v| !v.l.is_initialized()));
    assert_eq!(low.get_model_status().trainable_params, high.get_model_status().trainable_params);
    assert_eq!(low.model().output(), low.base().output());
    assert_eq!(gradients(&low.model().clone().train()).len(), 2);
    low.update(&train(low.model())).unwrap();
    assert_eq!(trained_parameters(&low), ["default.lin0", "default.lin1"]);
}

#[test]
fn parameters_after_loading_model() {
    let mut model = two();
    model.update(&train(model.model())).unwrap();
    let out = saved(&model);
    let loaded = Ia3Model::from_pretrained(model.base().clone(), out.path(), "default").unwrap();
    assert_eq!(parameters(loaded.model()), parameters(model.model()));
}

#[test]
fn loading_model_requires_grad_set_correctly() {
    let out = saved(&two());
    let mut model = Ia3Model::from_pretrained(Mlp::new(), out.path(), "default").unwrap();
    assert!(trained_parameters(&model).is_empty(), "is_trainable=False");
    model.set_requires_grad(["default"], true).unwrap();
    assert_eq!(trained_parameters(&model), ["default.lin0", "default.lin1"], "is_trainable=True");
}

#[test]
fn loading_model_with_modules_to_save_requires_grad_set_correctly() {
    let config = config(&["lin0"], &[]).with_modules_to_save(["lin1"]);
    let out = saved(&Ia3Model::new(Mlp::new(), &config, "default").unwrap());
    let mut model = Ia3Model::from_pretrained(Mlp::new(), out.path(), "default").unwrap();
    assert!(trained_parameters(&model).is_empty());
    model.set_requires_grad(["default"], true).unwrap();
    assert_eq!(
        trained_parameters(&model),
        ["*", "*", "default.lin0"],
        "weight and bias of lin1, and the vector"
    );
}

#[test]
fn get_model_status_and_get_layer_status() {
    let mut model = two();
    model.set_adapter(["default", "other"]).unwrap();
    let AdapterModelStatus { trainable_params, total_params, devices, .. } = model.get_model_status();
    assert_eq!((trainable_params, total_params), (80, 10 * 20 + 20 + 20 * 2 + 2 + 80));
    assert_eq!(devices["default"].len(), 1);
    model.set_adapter_for_inference(["other"]).unwrap();
    let status = serde_json::to_value(model.get_model_status()).unwrap();
    assert_eq!(status["base_model_type"], "Mlp");
    assert_eq!(status["adapter_model_type"], "IA3Model");
    assert_eq!(status["peft_types"], serde_json::json!({"default": "IA3", "other": "IA3"}));
    assert_eq!(status["num_adapter_layers"], 2);
    assert_eq!(status["enabled"], true);
    assert_eq!(status["active_adapters"], serde_json::json!(["other"]));
    assert_eq!(status["merged_adapters"], serde_json::json!([]));
    assert_eq!(status["requires_grad"], serde_json::json!({"default": false, "other": false}));
    assert_eq!(status["available_adapters"], serde_json::json!(["default", "other"]));
    let layers = serde_json::to_value(model.get_layer_status()).unwrap();
    assert_eq!((&layers[1]["name"], &layers[1]["module_type"]), (&"lin1".into(), &"Linear(20, 2)".into()));
    assert_eq!(layers[1]["placements"], serde_json::json!({"default": "input", "other": "input"}));
    let expected = "IA3Model over Mlp: 2 layers scaled, 0 of 342 parameters trained\n  default: not active, 160 bytes\n  \
                    other: active, 160 bytes\n  lin0: Linear(10, 20), default (output), other* (output)\n  \
                    lin1: Linear(20, 2), default (input), other* (input)";
    assert_eq!(model.to_string(), expected);
    let line = "trainable params: 0 || all params: 342 || trainable%: 0.0000";
    assert_eq!(model.trainable_parameters().to_string(), line);
}

/// Whether every vector has a layer of its size: Llama and its kin, and two of Falcon's, share names and sizes.
fn fits(adapter: &Path, base: &Path) -> bool {
    let info = ia3::read_config(base).unwrap().init(&Device::flex()).info();
    let length = |path: &str, side| info.modules.iter().find(|m| m.path == path)?.kind.vector_len(side);
    AdapterFile::open(adapter).unwrap().vectors.iter().all(|(path, vector)| {
        let side = if vector.shape[0] == 1 { Placement::Input } else { Placement::Output };
        length(path, side) == Some(vector.values.len())
    })
}

#[test]
fn an_adapter_of_another_base_is_refused_with_the_reason_and_nothing_changes() {
    let cases = cases();
    let mut refused = 0;
    for case in &cases {
        for other in cases.iter().filter(|other| !fits(&other.dir.join("adapter"), &case.dir.join("base"))) {
            let mut model = case.model();
            let before = model.get_model_status();
            let error = model.load_adapter(other.dir.join("adapter"), "b").unwrap_err().to_string();
            assert!(
                error.contains("was the adapter trained on another base?")
                    || error.contains("was it trained on another base?"),
                "{error}"
            );
            assert_eq!(model.get_model_status(), before);
            refused += 1;
        }
    }
    assert!(refused >= 2 * cases.len(), "{refused}");
}
