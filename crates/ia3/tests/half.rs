//! Bases in bfloat16, computed in as PEFT does: vectors, losses and softmax in float32.

#[path = "common/mod.rs"]
mod common;

use burn::module::Module;
use burn::optim::GradientsParams;
use burn::tensor::{DType, FloatDType};
use common::{beside_gates, cases, device};
use ia3::core::{ParamKind, visit_params};
use ia3::models::Model;
use ia3::{Bits, PretrainedOptions};

/// Largest difference of a logit in bfloat16 from float32, of the largest logit. PyTorch's own is up to 0.10 on this corpus.
const TOLERANCE: f32 = 0.2;

fn worst(a: &[f32], b: &[f32]) -> f32 {
    assert_eq!(a.len(), b.len());
    let largest = b.iter().fold(0f32, |m, b| m.max(b.abs()));
    a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max) / largest
}

fn dtypes(model: &Model) -> Vec<DType> {
    let mut dtypes = vec![];
    visit_params(model, |_, param| {
        dtypes.extend((param.kind() == ParamKind::Float).then(|| param.data().dtype()));
    });
    dtypes
}

fn load(dir: &std::path::Path, options: PretrainedOptions) -> Model {
    options.load(dir.join("base"), &device()).unwrap().model
}

fn half() -> PretrainedOptions {
    PretrainedOptions::new().with_dtype(FloatDType::BF16)
}

#[test]
fn bases_are_loaded_run_trained_and_merged_in_bfloat16() {
    if !device().supports_dtype(DType::BF16) {
        return ia3_testing::skip("the device has no bfloat16");
    }
    for case in cases() {
        let base = load(&case.dir, half());
        assert!(dtypes(&base).iter().all(|dtype| *dtype == DType::BF16), "{}", case.name);
        let adapter = beside_gates(&case.dir, &case.base);
        let float = case.logits(&ia3::attach(&case.base, &[&adapter]).unwrap());
        let adapted = ia3::attach(&base, &[&adapter]).unwrap();
        let difference = worst(&case.real(&case.logits(&adapted)), &case.real(&float));
        let merged = ia3::merge(&base, &[&adapter]).unwrap();
        let folded = worst(&case.real(&case.logits(&merged)), &case.real(&float));
        println!("{}: a logit differs by {difference:.1e}, merged {folded:.1e}", case.name);
        assert!(0.0 < difference && difference < TOLERANCE, "{}: {difference}", case.name);
        assert!(folded < TOLERANCE, "{}: {folded}", case.name);

        let model = adapted.train();
        let loss = model.forward(case.inputs()).unwrap().cast(DType::F32).square().mean();
        let grads = GradientsParams::from_grads(loss.backward(), &model);
        for (path, vector) in &adapter.vectors {
            let gradient = grads.get::<1>(vector.l.id).unwrap_or_else(|| panic!("{}: {path}", case.name));
            assert_eq!(gradient.dtype(), DType::F32, "{}: {path}", case.name);
            let sum: f32 = gradient.abs().sum().into_scalar();
            assert!(sum.is_finite(), "{}: {path}", case.name);
        }
    }
}

#[test]
fn a_bfloat16_base_is_quantised_and_run() {
    if !device().supports_dtype(DType::BF16) {
        return ia3_testing::skip("the device has no bfloat16");
    }
    for case in cases() {
        let quantized = load(&case.dir, half().with_quantization(Bits::Eight));
        let float = load(&case.dir, PretrainedOptions::new().with_quantization(Bits::Eight));
        let difference = worst(&case.real(&case.logits(&quantized)), &case.real(&case.logits(&float)));
        println!("{}: quantised, a logit differs by {difference:.1e}", case.name);
        assert!(difference < TOLERANCE, "{}: {difference}", case.name);
    }
}
