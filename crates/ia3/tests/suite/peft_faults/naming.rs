//! What an adapter's name, or another adapter, must not decide.

use ia3::io::AdapterFile;
use ia3::{Ia3Model, MixMethod, SaveOptions};

use crate::common::{assert_close, cases, config, on_lin0, trained_parameters, two};

/// `add_weighted_adapter` counts a module that one adapter does not target as 0, so that its activations shrink, and cuts
/// lists of adapters and weights to the shorter one.
#[test]
fn fault_04_an_absent_vector_counts_as_zero_in_a_mix() {
    let mut model = Ia3Model::builder(crate::common::Mlp::new()).init_from(on_lin0([3.0; 20])).unwrap();
    model.add_adapter("other", &config(&["lin1"], &["lin1"]).with_init_ia3_weights(true)).unwrap();
    let l = |model: &Ia3Model<_>, name: &str, path: &str| -> Vec<f32> {
        model.adapter(name).unwrap().vectors[path].values().into_data().iter().collect()
    };
    model.add_weighted_adapter(&[("default", 0.5), ("other", 0.5)], MixMethod::Linear, "mix").unwrap();
    assert_eq!(l(&model, "mix", "lin0"), [2.0; 20], "0.5·3 + 0.5·1");
    assert_eq!(l(&model, "mix", "lin1"), [1.0; 20]);
    // Weights that do not sum to 1 scale everything in a linear mix, which is PEFT's; around the identity they do not.
    let weights = [("default", 0.5), ("other", 2.0)];
    model.add_weighted_adapter(&weights, MixMethod::Identity, "around").unwrap();
    assert_eq!((l(&model, "around", "lin0"), l(&model, "around", "lin1")), (vec![2.0; 20], vec![1.0; 20]));
}

/// PEFT freezes a mix by `adapter_name in parameter_name`: a mix called `w` freezes the active adapter's vectors of `wo`,
/// one called `def` all of `default`.
#[test]
fn fault_05_the_name_of_a_mix_freezes_other_adapters() {
    for case in cases().into_iter().filter(|case| !case.replaces()) {
        let mut model = case.two();
        let before = model.trainable_parameters().trainable;
        assert!(before > 0);
        for name in ["w", "def", "default2", "ia3_l", "l", "k"] {
            model.add_weighted_adapter(&[("default", 0.5), ("b", 0.5)], MixMethod::Linear, name).unwrap();
            assert_eq!(model.trainable_parameters().trainable, before, "{} {name}", case.name);
            assert!(model.is_trained("default"));
        }
    }
    let mut model = two();
    model.add_weighted_adapter(&[("default", 1.0)], MixMethod::Linear, "lin").unwrap();
    assert_eq!(trained_parameters(&model), ["default.lin0", "default.lin1"]);
}

/// PEFT leaves keys of the default adapter out of its file if another adapter is named like a segment of their path: with
/// one called `k`, 10 of 16 are written, silently.
#[test]
fn fault_06_an_adapter_named_like_a_path_segment_drops_keys() {
    for case in cases() {
        let (out, mut model) = (tempfile::tempdir().unwrap(), case.model());
        let adapter = model.adapter("default").unwrap().fork();
        let names =
            ["k", "v", "wo", "encoder", "block", "0", "layer", "SelfAttention", "h", "attn", "c_attn"];
        for name in names {
            model.insert_adapter(name, adapter.fork()).unwrap();
        }
        model.save_pretrained(out.path(), &SaveOptions::new()).unwrap();
        let written = |dir: &std::path::Path| AdapterFile::open(dir).unwrap().vectors;
        for dir in [out.path().to_owned(), out.path().join("k"), out.path().join("encoder")] {
            let vectors = written(&dir);
            assert!(vectors.keys().eq(adapter.vectors.keys()), "{} {}", case.name, dir.display());
            assert_eq!(vectors, written(&case.dir.join("adapter")), "{}", case.name);
        }
    }
}

/// `disable_adapter()` and `set_adapter` unfreeze adapters that were loaded frozen.
#[test]
fn fault_07_disabling_and_switching_unfreeze() {
    let out = tempfile::tempdir().unwrap();
    two().save_pretrained(out.path(), &SaveOptions::new()).unwrap();
    let mut model = two();
    model.load_adapter(out.path(), "frozen").unwrap();
    model.set_adapter(["frozen"]).unwrap();
    assert!(trained_parameters(&model).is_empty());
    let _ = model.disable_adapter();
    assert!(trained_parameters(&model).is_empty());
    model.set_adapter(["default", "frozen"]).unwrap();
    assert_eq!(trained_parameters(&model), ["default.lin0", "default.lin1"]);
    model.set_adapter(["frozen"]).unwrap();
    model.merge_adapter(&Default::default()).unwrap();
    model.unmerge_adapter().unwrap();
    assert!(trained_parameters(&model).is_empty());
}

/// `load_adapter(...).missing_keys` of PEFT looks for the new name anywhere in a key: for an adapter called `b` it lists
/// the keys of all others, since `base_model` has a `b`.
#[test]
fn fault_08_missing_keys_lists_other_adapters() {
    for case in cases() {
        let mut model = case.model();
        for name in ["b", "e", "l", "model", "base_model"] {
            model.load_adapter(case.dir.join("adapter_b"), name).unwrap();
            let file = AdapterFile::open(case.dir.join("adapter_b")).unwrap();
            let (_, report) = file.into_adapter(model.info(), &burn::tensor::Device::flex()).unwrap();
            assert!(report.is_complete(), "{}: {report}", case.name);
        }
    }
}

/// `merge_adapter(["typo"])` does nothing and says nothing; so do other methods with lists of names.
#[test]
fn fault_17_unknown_names_do_nothing() {
    let mut model = two();
    let (before, output) = (model.get_model_status(), model.model().output());
    let options = ia3::MergeOptions::new().with_adapter_names(["typo"]);
    let expected = "there is no adapter `typo`; known are default, other";
    let errors = [
        model.merge_adapter(&options).unwrap_err(),
        model.merge_and_unload(&options).map(drop).unwrap_err(),
        model.set_adapter(["typo"]).unwrap_err(),
        model.set_adapter_for_inference(["default", "typo"]).unwrap_err(),
        model.set_requires_grad(["typo"], false).unwrap_err(),
        model.delete_adapter("typo").map(drop).unwrap_err(),
    ];
    assert!(errors.iter().all(|error| error.to_string() == expected), "{errors:?}");
    assert_eq!(model.get_model_status(), before);
    assert_close(&model.model().output(), &output, 0.0, "unchanged");
}
