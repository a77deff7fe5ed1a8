//! Logits and hidden states under every adapter and combination, losses and merged weights.

use burn::tensor::Tensor;
use ia3::core::Adapter;
use ia3::models::Model;

use crate::case::{Case, Tensors, values};
use crate::compare::{Comparison, LOGITS, LOSS, WEIGHTS};

pub(crate) fn run(case: &Case, comparison: &mut Comparison) {
    let (a, b, alt) = (case.adapter("adapter"), case.adapter("adapter_b"), case.adapter("adapter_alt"));
    let table: [(&str, &[&Adapter]); 7] = [
        ("base_logits", &[]),
        ("adapter_logits", &[&a]),
        ("adapter_logits_f64", &[&a]),
        ("adapter_b_logits", &[&b]),
        ("adapter_alt_logits", &[&alt]),
        ("both_logits", &[&a, &b]),
        ("default_alt_logits", &[&a, &alt]),
    ];
    for (name, adapters) in table.into_iter().filter(|(name, _)| case.io.has(name)) {
        logits(case, name, &ia3::attach(&case.model, adapters).unwrap(), comparison);
    }
    if case.io.has("weighted_0.3_0.7_logits") {
        let mixed = ia3::mix_linear(&[(&a, 0.3), (&b, 0.7)]).unwrap();
        logits(case, "weighted_0.3_0.7_logits", &ia3::attach(&case.model, &[&mixed]).unwrap(), comparison);
    }
    let merged = ia3::merge_safe(&case.model, &[&a]).unwrap();
    logits(case, "merged_logits", &merged, comparison);
    merged_weights(case, &merged, comparison);
    let adapted = ia3::attach(&case.model, &[&a]).unwrap();
    hidden_states(case, &adapted, comparison);
    left_padded(case, &adapted, comparison);
    loss(case, "base_loss", &case.model, comparison);
    loss(case, "adapter_loss", &adapted, comparison);
}

fn logits(case: &Case, name: &str, model: &Model, comparison: &mut Comparison) {
    let got = model.forward(&case.inputs("")).unwrap();
    compare(case, name, got, &case.real(), comparison);
}

fn compare<const D: usize>(
    case: &Case,
    name: &str,
    got: Tensor<D>,
    counts: &[bool],
    comparison: &mut Comparison,
) {
    if let Some(expected) = case.io.get(name) {
        comparison.tensor(name, &values(got), &expected.values, counts, LOGITS);
    }
}

fn hidden_states(case: &Case, model: &Model, comparison: &mut Comparison) {
    let output = model.forward_traced(&case.inputs("")).unwrap();
    if let Some(pooled) = output.pooler_output.clone() {
        compare(case, "adapter_pooler", pooled, &[], comparison);
    }
    let stacks = [
        ("encoder_hidden", output.encoder_hidden_states, "attention_mask"),
        ("decoder_hidden", output.decoder_hidden_states, "decoder_attention_mask"),
        ("hidden", output.hidden_states, "attention_mask"),
    ];
    for (stack, states, mask) in stacks {
        for (i, state) in states.into_iter().enumerate() {
            compare(case, &format!("adapter_{stack}.{i}"), state, &case.mask(mask), comparison);
        }
    }
}

fn left_padded(case: &Case, adapted: &Model, comparison: &mut Comparison) {
    if !case.io.has("left.input_ids") {
        return;
    }
    for (name, model) in [("left.base_logits", &case.model), ("left.adapter_logits", adapted)] {
        let got = model.forward(&case.inputs("left.")).unwrap();
        compare(case, name, got, &case.mask("left.attention_mask"), comparison);
    }
}

fn loss(case: &Case, name: &str, model: &Model, comparison: &mut Comparison) {
    let got = case.loss(model);
    let expected = case.meta[name].as_f64().unwrap();
    comparison.tensor(name, &values(got), &[expected], &[], LOSS);
}

/// Every tensor that the merge changed, as our own checkpoint holds it, and no other tensor changed.
fn merged_weights(case: &Case, merged: &Model, comparison: &mut Comparison) {
    let out = tempfile::tempdir().unwrap();
    let options = ia3::io::CheckpointOptions::new().with_names(merged.checkpoint_names());
    ia3::io::save_checkpoint_with(merged, out.path(), &options).unwrap();
    let ours = Tensors::read(&out.path().join("model.safetensors"));
    let base = Tensors::read(&case.dir.join("base/model.safetensors"));
    let expected = Tensors::read(&case.dir.join("merged_weights.safetensors"));
    for name in ours.names() {
        let (got, tolerance) = (&ours.get(name).unwrap().values, WEIGHTS);
        match expected.get(name) {
            Some(e) => comparison.tensor(&format!("merged_weights.{name}"), got, &e.values, &[], tolerance),
            None => {
                comparison.tensor(&format!("unmerged.{name}"), got, &base.get(name).unwrap().values, &[], 0.0)
            }
        }
    }
    let (ours, base): (Vec<_>, Vec<_>) = (ours.names().collect(), base.names().collect());
    comparison.equal("names of the merged checkpoint", &ours, &base);
}
