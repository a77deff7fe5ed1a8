use burn::tensor::DType;
use ia3::io::{copy_sidecars, save_checkpoint};
use ia3::{Ia3Model, MergeOptions};

use crate::common::{Mlp, assert_apart, assert_close, cases, cast, config, on_lin0, parameters, two};

/// PEFT allows 1e-4; on these models its own merged logits are up to 1.4e-5 from its unmerged ones (mT5).
const MERGED: f32 = 3e-5;

fn options() -> MergeOptions {
    MergeOptions::new()
}

/// PEFT's cases of custom MLPs: targets, feed-forward targets.
const MLPS: [(&[&str], &[&str]); 6] = [
    (&["lin0"], &[]),
    (&["lin0"], &["lin0"]),
    (&["lin1"], &["lin1"]),
    (&["lin0", "lin1"], &[]),
    (&["lin0", "lin1"], &["lin1"]),
    (&["lin0", "lin1"], &["lin0", "lin1"]),
];

fn mlps() -> Vec<Ia3Model<Mlp>> {
    let model = |(targets, inputs): (&[&str], &[&str])| {
        Ia3Model::new(Mlp::new(), &config(targets, inputs), "default").unwrap()
    };
    MLPS.into_iter().map(model).collect()
}

#[test]
fn merge_layers() {
    for model in mlps() {
        let merged = model.merge_and_unload(&options()).unwrap();
        assert_close(&merged.output(), &model.model().output(), 1e-5, "merged");
        assert_apart(&merged.output(), &model.base().output(), "merged and base");
    }
    for case in cases() {
        let model = case.model();
        let merged = case.logits(&model.merge_and_unload(&options()).unwrap());
        assert_close(&merged, &case.logits(model.model()), MERGED, &case.name);
        assert_apart(&merged, &case.logits(model.base()), &case.name);
    }
}

#[test]
fn merge_layers_fp16() {
    for dtype in [DType::F16, DType::BF16] {
        let base = cast(Mlp::new(), dtype);
        let model = Ia3Model::new(base, &config(&["lin0", "lin1"], &["lin1"]), "default").unwrap();
        let merged = model.merge_and_unload(&options().with_safe_merge(true)).unwrap();
        assert_eq!(merged.lin0.weight.val().dtype(), dtype);
        assert_eq!(merged.lin0.bias.as_ref().unwrap().val().dtype(), dtype);
    }
}

#[test]
fn merge_layers_nan() {
    for broken in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        let mut l = [1.0; 20];
        l[7] = broken;
        let mut model = Ia3Model::builder(Mlp::new()).init_from(on_lin0(l)).unwrap();
        let message = model.merge_adapter(&options().with_safe_merge(true)).unwrap_err().to_string();
        assert!(message.starts_with("the merged weight of `lin0` is not finite"), "{message}");
        assert!(model.merge_and_unload(&options().with_safe_merge(true)).is_err());
        assert!(model.merge_and_unload(&options()).is_ok(), "only the safe merge looks");
    }
}

#[test]
fn safe_merge() {
    for model in mlps() {
        let merged = |safe| parameters(&model.merge_and_unload(&options().with_safe_merge(safe)).unwrap());
        assert_eq!(merged(true), merged(false));
    }
}

#[test]
fn merge_layers_is_idempotent() {
    let mut model = two();
    model.merge_adapter(&options()).unwrap();
    let once = model.model().output();
    let again = model.merge_adapter(&options()).unwrap_err().to_string();
    assert_eq!(again, "the adapter `default` is merged already; nothing was changed");
    assert_eq!(model.model().output(), once);
    assert_eq!(model.merged_adapters(), ["default"]);
    assert_eq!(parameters(&model.merge_and_unload(&options()).unwrap()), parameters(model.model()));
}

#[test]
fn merge_layers_multi() {
    for case in cases() {
        let mut model = case.two();
        let mut outputs = vec![];
        for name in ["default", "b"] {
            model.set_adapter([name]).unwrap();
            let adapted = case.logits(model.model());
            let merged = case.logits(&model.merge_and_unload(&options().with_adapter_names([name])).unwrap());
            assert_close(&merged, &adapted, MERGED, &case.name);
            outputs.push(merged);
        }
        assert_apart(&outputs[0], &outputs[1], &case.name);
        let named = model.merge_and_unload(&options().with_adapter_names(["default"])).unwrap();
        assert_eq!(case.logits(&named), outputs[0], "`adapter_names` counts, not what is active");
    }
}

#[test]
fn sequential_merge_matches_batch_merge() {
    let (mut sequential, mut batch) = (two(), two());
    batch.clone_from(&sequential);
    sequential.merge_adapter(&options().with_adapter_names(["default"])).unwrap();
    sequential.merge_adapter(&options().with_adapter_names(["other"])).unwrap();
    batch.merge_adapter(&options().with_adapter_names(["default", "other"])).unwrap();
    assert_eq!(parameters(sequential.model()), parameters(batch.model()));
    assert_eq!(sequential.merged_adapters(), ["default", "other"]);
}

#[test]
fn unmerge_after_sequential_merge_restores_base() {
    let mut model = two();
    let (base, adapted) = (parameters(model.base()), parameters(model.model()));
    model.merge_adapter(&options().with_adapter_names(["default"])).unwrap();
    model.merge_adapter(&options().with_adapter_names(["other"])).unwrap();
    assert_ne!(parameters(model.model()), base);
    model.unmerge_adapter().unwrap();
    assert_eq!(parameters(model.base()), base);
    assert_eq!(parameters(&model.unload()), base);
    assert_eq!(parameters(model.model()), adapted, "the active adapter is attached again");
    let again = model.unmerge_adapter().unwrap_err().to_string();
    assert_eq!(again, "no adapter is merged, so there is nothing to unmerge");
}

#[test]
fn multiple_active_adapters_merge_and_unmerge() {
    for case in cases().into_iter().filter(|case| !case.replaces()) {
        let mut model = case.two();
        model.set_adapter(["default", "b"]).unwrap();
        let (base, both) = (case.logits(model.base()), case.logits(model.model()));
        model.merge_adapter(&options()).unwrap();
        assert_close(&case.logits(model.model()), &both, MERGED, &case.name);
        model.unmerge_adapter().unwrap();
        assert_eq!(case.logits(model.model()), both, "{}", case.name);
        assert_eq!(case.logits(model.disable_adapter()), base, "{}", case.name);
    }
}

#[test]
fn a_merged_model_saved_and_loaded_gives_the_same_logits() {
    for case in cases() {
        let out = tempfile::tempdir().unwrap();
        let merged = case.model().merge_and_unload(&options()).unwrap();
        save_checkpoint(&merged, out.path()).unwrap();
        copy_sidecars(case.dir.join("base"), out.path()).unwrap();
        let device = burn::tensor::Device::flex();
        let loaded = ia3::from_pretrained(out.path(), &device).unwrap().model;
        assert_eq!(case.logits(&loaded), case.logits(&merged), "{}", case.name);
    }
}

#[test]
fn a_merged_model_is_not_changed_behind_ones_back() {
    let mut model = two();
    model.merge_adapter(&options()).unwrap();
    let merged = parameters(model.model());
    let message = |error: ia3::Error| error.to_string();
    assert_eq!(
        message(model.set_adapter(["other"]).unwrap_err()),
        "`default` is merged; call `unmerge_adapter` before you activate others"
    );
    let trained = model.model().clone();
    assert_eq!(
        message(model.update(&trained).unwrap_err()),
        "`default` is merged; call `unmerge_adapter` before you train"
    );
    model.set_requires_grad(["default"], false).unwrap();
    assert_eq!(parameters(model.model()), merged);
    assert_eq!(model.disable_adapter().output(), model.base().output());
    assert_eq!(parameters(model.model()), merged);
    let mut none = Ia3Model::builder(Mlp::new()).without_adapter().unwrap();
    assert_eq!(
        message(none.merge_adapter(&options()).unwrap_err()),
        "there is nothing to merge: no adapter is active, and none was named"
    );
}
