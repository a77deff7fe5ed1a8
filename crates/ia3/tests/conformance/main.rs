//! One table a device: how far its numbers are from float64, from PyTorch and from themselves.
//!
//! `IA3_TEST_DEVICE=wgpu cargo test -p ia3 --features wgpu --test conformance -- --nocapture` prints the table of
//! docs/backends.md for a device that [`ia3::device`] knows; without the variable it is the CPU's.
#![cfg(feature = "train")]

#[path = "../parity/case.rs"]
#[allow(dead_code)] // Each test target uses a part.
mod case;
#[path = "../common/mod.rs"]
mod common;
#[path = "../parity/compare.rs"]
#[allow(dead_code)]
mod compare;
mod measure;
#[path = "../tfew/case.rs"]
#[allow(dead_code)]
mod recipe;
#[path = "../parity/training.rs"]
mod training;

use burn::module::Module;
use ia3::core::Adapter;
use ia3::core::QuantizationError;
use ia3::models::Model;
use ia3::{AdapterError, Bits};

use case::{Case, values};
use common::beside_gates;
use compare::{Comparison, LOGITS};
use ia3_testing::{case_dirs, corpus};
use measure::Table;

#[test]
fn conformance() {
    let mut table = Table::default();
    for dir in case_dirs(&corpus()) {
        let case = Case::open(&dir);
        logits(&case, &mut table);
        training(&case, &mut table);
        rows(&case, &mut table);
        quantised(&case, &mut table);
    }
    for name in ["t_few", "pretraining"] {
        twenty_steps(&recipe::Case::read(name), &mut table);
    }
    println!("\n{table}");
    assert!(table.failures().is_empty(), "{}", table.failures().join("\n"));
}

fn of(case: &Case, model: &Model) -> Vec<f64> {
    values(model.forward(&case.inputs("")).unwrap())
}

/// Under an adapter, and merged, against PyTorch in float64; beside it PyTorch's own float32.
fn logits(case: &Case, table: &mut Table) {
    let adapter = case.adapter("adapter");
    let exact = &case.io.get("adapter_logits_f64").unwrap().values;
    let mut difference = |what: &str, got: &[f64]| {
        let mut comparison = Comparison::new("");
        comparison.tensor(what, got, exact, &case.real(), LOGITS);
        table.add(what, comparison.largest(|_| true), LOGITS);
    };
    difference(
        "logits under an adapter, from float64",
        &of(case, &ia3::attach(&case.model, &[&adapter]).unwrap()),
    );
    difference("logits merged, from float64", &of(case, &ia3::merge(&case.model, &[&adapter]).unwrap()));
    difference("(PyTorch's logits in float32, from float64)", &case.io.get("adapter_logits").unwrap().values);
}

/// Gradients, relative to the largest of a tensor, and five steps of every optimiser.
fn training(case: &Case, table: &mut Table) {
    let mut comparison = Comparison::new("");
    training::run(case, &mut comparison);
    table.add(
        "gradients, from float64",
        comparison.largest(|name| name.starts_with("grad_f64.")),
        compare::GRADIENT,
    );
    for (name, of) in [("AdamW", "adamw"), ("Adafactor", "adafactor"), ("T-Few's settings", "tfew")] {
        let what = format!("parameters after 5 steps, {name}, from PEFT");
        table.add(
            &what,
            comparison.largest(|name| name.starts_with(of) && name.contains('.')),
            measure::FIVE_STEPS,
        );
    }
}

/// Each row of a mixed batch beside the same row under its adapter alone.
fn rows(case: &Case, table: &mut Table) {
    let adapters = ["adapter", "adapter_b", "adapter_alt"].map(|name| case.adapter(name));
    let inputs = case.inputs("");
    let count = inputs.rows();
    let of_row: Vec<Option<&Adapter>> = (0..count)
        .map(|i| [Some(&adapters[0]), None, Some(&adapters[1]), Some(&adapters[2])][i % 4])
        .collect();
    let mixed = of(case, &ia3::attach_rows(&case.model, &of_row).unwrap());
    let width = mixed.len() / count;
    for (i, adapter) in of_row.iter().enumerate() {
        let single: Vec<&Adapter> = adapter.iter().copied().collect();
        let alone = of(case, &ia3::attach(&case.model, &single).unwrap());
        let own = i * width..(i + 1) * width;
        let difference = measure::relative(&mixed[own.clone()], &alone[own]);
        table.add("a row of a mixed batch, from its adapter alone", difference, 1e-5);
    }
}

/// Vectors folded into the scales of quantised weights, against the adapter on the same quantised base.
fn quantised(case: &Case, table: &mut Table) {
    let adapter = beside_gates(&case.dir, &case.model);
    for (bits, name) in [(Bits::Eight, "8"), (Bits::Four, "4")] {
        let (base, _) = ia3::quantize(&case.model, bits).unwrap();
        let adapted = of(case, &ia3::attach(&base, &[&adapter]).unwrap());
        let merged = match ia3::merge(&base, &[&adapter]) {
            // An input vector without a gate has no exact merge.
            Err(AdapterError::Quantization(QuantizationError::InputVector { .. })) => continue,
            merged => of(case, &merged.unwrap()),
        };
        let what = format!("merged into {name} bits, from the adapter on them");
        table.add(&what, measure::relative(&merged, &adapted), 1e-5);
    }
}

/// A preset for 20 steps, against PyTorch.
fn twenty_steps(case: &recipe::Case, table: &mut Table) {
    let fresh = case.fresh();
    let model = ia3::attach(&case.model, &[&fresh]).unwrap();
    let (model, _) = ia3::train::train(model, &case.examples, &case.config).unwrap();
    let learned = fresh.extract(&model.valid()).unwrap();
    for (path, vector) in &case.trained().vectors {
        let difference = measure::absolute(&values(learned.vectors[path].values()), &values(vector.values()));
        table.add("vectors after 20 steps, from PyTorch", difference, measure::TWENTY_STEPS);
    }
}
