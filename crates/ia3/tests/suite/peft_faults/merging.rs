//! Merging and unmerging.

use burn::tensor::{DType, Device, Tensor};
use ia3::io::save_checkpoint;
use ia3::{ActivationSpace, Ia3Config, Ia3Model, Ia3Vector, MergeOptions, Placement};

use crate::common::{Mlp, assert_close, cases, cast, config, fixture, on_lin0, parameters};

/// PEFT unmerges by dividing by `l + 1e-8`: a 0 destroys its row, −1e-8 gives infinity, 1e-6 is 1 % off, bfloat16 drifts;
/// disabling and switching on a merged model do it silently.
#[test]
fn fault_09_unmerging_divides() {
    let mut l = [0.0; 20];
    let hard = [0.0, -0.0, -1e-8, 1e-6, f32::MIN_POSITIVE / 4.0, -1e-40, 1e30, 1.0 / 3.0, 1.0 + f32::EPSILON];
    l[..hard.len()].copy_from_slice(&hard);
    for dtype in [DType::F32, DType::BF16, DType::F16] {
        let base = cast(Mlp::new(), dtype);
        let mut model = Ia3Model::builder(base).init_from(on_lin0(l)).unwrap();
        let (before, adapted) = (parameters(model.base()), parameters(model.model()));
        for _ in 0..3 {
            model.merge_adapter(&MergeOptions::new()).unwrap();
            assert_ne!(parameters(model.model()), before, "{dtype:?}");
            assert_eq!(parameters(model.disable_adapter()), before, "{dtype:?}");
            model.unmerge_adapter().unwrap();
            assert_eq!(parameters(model.model()), adapted, "{dtype:?}");
            assert_eq!(parameters(model.base()), before, "{dtype:?}");
        }
        model.set_adapter(Vec::<String>::new()).unwrap();
        assert_eq!(parameters(model.model()), before, "{dtype:?}");
    }
}

/// A safe merge of PEFT that fails halfway leaves the layers before it merged.
#[test]
fn fault_10_a_failed_safe_merge_leaves_a_half_merged_model() {
    let mut adapter = on_lin0([2.0; 20]);
    let broken = Tensor::full([20], f32::NAN, &Device::flex());
    adapter.vectors.insert("lin1".into(), Ia3Vector::new(broken, Placement::Input));
    let mut model = Ia3Model::builder(Mlp::new()).init_from(adapter).unwrap();
    let (status, before) = (model.get_model_status(), parameters(model.model()));
    let safe = MergeOptions::new().with_safe_merge(true);
    let error = model.merge_adapter(&safe).unwrap_err().to_string();
    assert!(error.starts_with("the merged weight of `lin1` is not finite (40 values)"), "{error}");
    assert_eq!(model.get_model_status(), status);
    // NaN is unequal to itself, so it is the bytes that are compared.
    let bytes = |all: &[burn::tensor::TensorData]| all.iter().map(|d| d.bytes().to_vec()).collect::<Vec<_>>();
    assert_eq!(bytes(&parameters(model.model())), bytes(&before));
    // After one good merge, too.
    model.insert_adapter("good", on_lin0([0.5; 20])).unwrap();
    model.merge_adapter(&MergeOptions::new().with_adapter_names(["good"])).unwrap();
    let merged = parameters(model.model());
    assert!(model.merge_adapter(&safe).is_err());
    assert_eq!((model.merged_adapters(), parameters(model.model())), (&["good".to_string()][..], merged));
}

/// Merging a head that is tied to the embedding changes the embedding in PEFT, with a warning: its logits are 0.54 off.
#[test]
fn fault_14_merging_a_tied_head_changes_the_embedding() {
    let device = Device::flex();
    let head = Ia3Config::new().with_target_modules(["lm_head"]).with_feedforward_modules([]);
    let head = head.with_init_ia3_weights(false);
    let builder = |case: &str| {
        let base = ia3::from_pretrained(fixture(case).join("base"), &device).unwrap().model;
        let info = base.info();
        Ia3Model::builder(base).model_info(info)
    };
    // A tied head is no layer of its own.
    let error = builder("t5").init(&head).unwrap_err().to_string();
    assert!(
        error.starts_with("target modules not found in the base model: no module matches target \"lm_head\""),
        "{error}"
    );
    // One of its own is scaled alone, and the logits are the unmerged ones.
    let model = builder("t5v11").init(&head).unwrap();
    let merged = model.merge_and_unload(&MergeOptions::new()).unwrap();
    let case = cases().into_iter().find(|case| case.name == "t5v11").unwrap();
    assert_close(&case.logits(&merged), &case.logits(model.model()), 1e-5, "merged");
    let tensor = |m: &ia3::models::Model, name: &str| {
        let out = tempfile::tempdir().unwrap();
        save_checkpoint(m, out.path()).unwrap();
        let path = out.path().join("model.safetensors");
        ia3::io::read_tensors(path, &[name]).unwrap().remove(name).unwrap()
    };
    assert_eq!(tensor(&merged, "shared.weight"), tensor(model.base(), "shared.weight"));
    assert_ne!(tensor(&merged, "lm_head.weight"), tensor(model.base(), "lm_head.weight"));
}

/// Merged adapters are named, so nothing can be merged that is not there.
#[test]
fn a_merge_names_what_is_merged() {
    let mut model = Ia3Model::new(Mlp::new(), &config(&["lin0"], &[]), "default").unwrap();
    model.merge_adapter(&MergeOptions::new()).unwrap();
    assert_eq!(model.get_model_status().merged_adapters, ["default"]);
    assert_eq!(model.get_layer_status()[0].merged_adapters, ["default"]);
}

/// PEFT has no merge of (IA)³ into 8-bit or 4-bit weights: `merge_and_unload` raises. (Its `hotswap_adapter` and
/// `PeftMixedModel` refuse (IA)³, too; here attaching is both, see `fault_07`.)
#[test]
fn fault_15_quantised_weights_do_not_merge() {
    let mlp = Mlp::new();
    let (base, report) = ia3::quantize(&mlp, ia3::Bits::Eight).unwrap();
    assert_eq!(report.errors.len(), 2, "{report:?}");
    let plan = config(&["lin0", "lin1"], &[]).plan(&mlp.info()).unwrap();
    let adapter = ia3::core::Adapter::init(&mlp, &plan);
    let adapted = ia3::attach(&base, &[&adapter]).unwrap().output();
    let merged = ia3::merge(&base, &[&adapter]).unwrap();
    assert!(matches!(merged.lin0.weight.base().dtype(), burn::tensor::DType::QFloat(_)), "it stays packed");
    assert_close(&merged.output(), &adapted, 1e-6, "merged");
    // Where it cannot be exact it says so.
    let plan = config(&["lin1"], &["lin1"]).plan(&mlp.info()).unwrap();
    let input = ia3::core::Adapter::init(&mlp, &plan);
    let error = ia3::merge(&base, &[&input]).unwrap_err().to_string();
    assert!(
        error.starts_with(
            "`lin1` is quantised, and a vector on the input of a quantised layer cannot be merged exactly"
        ),
        "{error}"
    );
    let again = ia3::merge_requantizing(&base, &[&input]).unwrap();
    assert!(again.errors["lin1"] < 0.01, "{:?}", again.errors);
}
