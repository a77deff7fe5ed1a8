//! Bases in half precision: computed in it as PEFT does, with vectors, losses and softmax in float32; and computed in float32 with
//! the weights in half precision, as such files are on the CPU.

use std::path::Path;

use crate::common::{Case, beside_gates, cases, device};
use burn::module::Module;
use burn::optim::GradientsParams;
use burn::tensor::{DType, FloatDType};
use ia3::core::{Adapter, ParamKind, visit_params};
use ia3::models::Model;
use ia3::{ActivationSpace, Bits, PretrainedOptions};
use tempfile::TempDir;

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

/// What the states in float32 may differ by from a base in float32, of the largest value: sums in another order.
const NOISE: f32 = 1e-5;

/// The base of a case as a file in half precision.
fn half_file(case: &Case, dtype: FloatDType) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    let folder = case.dir.join("base");
    let model = PretrainedOptions::new().with_dtype(dtype).load(&folder, &device()).unwrap().model;
    ia3::io::save_checkpoint(&model, dir.path()).unwrap();
    std::fs::copy(folder.join("config.json"), dir.path().join("config.json")).unwrap();
    dir
}

/// The same file as it is, and in float32.
fn both(dir: &Path, options: &PretrainedOptions) -> [Model; 2] {
    let float = options.clone().with_dtype(FloatDType::F32);
    [options, &float].map(|options| options.load(dir, &device()).unwrap().model)
}

/// The gradients of all trained parameters of `model`, in the order of the module.
fn gradients(case: &Case, model: Model) -> Vec<Vec<f32>> {
    let model = model.train();
    let loss = model.forward(case.inputs()).unwrap().square().mean();
    let grads = GradientsParams::from_grads(loss.backward(), &model);
    let mut all = vec![];
    visit_params(&model, |_, param| {
        if !param.requires_grad() {
            return;
        }
        let data = match param.shape().len() {
            1 => grads.get::<1>(param.id()).map(|g| g.into_data()),
            _ => grads.get::<2>(param.id()).map(|g| g.into_data()),
        };
        all.extend(data.map(|data| data.iter().collect()));
    });
    all
}

fn assert_same(case: &Case, what: &str, got: &Model, expected: &Model) {
    let [got, expected] = [got, expected].map(|model| case.real(&case.logits(model)));
    let difference = worst(&got, &expected);
    assert!(difference < NOISE, "{}, {what}: {difference:e}", case.name);
}

#[test]
fn files_in_half_precision_give_the_numbers_of_float32() {
    if !ia3_ops::widens_as_it_reads(&device()) {
        return ia3_testing::skip("the device computes in the dtype of the file");
    }
    for (case, dtype) in cases().iter().flat_map(|case| [(case, FloatDType::BF16), (case, FloatDType::F16)]) {
        let dir = half_file(case, dtype);
        let [base, float] = both(dir.path(), &PretrainedOptions::new());
        assert!(base.float32_states() && !float.float32_states());
        assert!(dtypes(&base).iter().any(|found| *found == dtype.into()), "{}", case.name);
        assert_same(case, "base", &base, &float);

        let adapter = beside_gates(&case.dir, &float);
        let [adapted, expected] = [&base, &float].map(|base| ia3::attach(base, &[&adapter]).unwrap());
        assert_same(case, "adapted", &adapted, &expected);
        let [got, expected] = [adapted, expected].map(|model| gradients(case, model));
        assert!(!got.is_empty() && got.len() == expected.len(), "{}", case.name);
        for (got, expected) in got.iter().zip(&expected) {
            let difference = worst(got, expected);
            assert!(difference < 10.0 * NOISE, "{}: a gradient differs by {difference:e}", case.name);
        }

        // A merged base has the dtypes of the file, as before.
        let merged = ia3::merge(&base, &[&adapter]).unwrap();
        assert_eq!(dtypes(&merged), dtypes(&base), "{}", case.name);

        let quantized = PretrainedOptions::new().with_quantization(Bits::Eight);
        let [base, float] = both(dir.path(), &quantized);
        assert_same(case, "quantised", &base, &float);
    }
}

#[test]
fn rows_with_adapters_of_their_own_give_the_numbers_of_float32() {
    if !ia3_ops::widens_as_it_reads(&device()) {
        return ia3_testing::skip("the device computes in the dtype of the file");
    }
    for case in cases() {
        let dir = half_file(&case, FloatDType::BF16);
        let models = both(dir.path(), &PretrainedOptions::new());
        let adapter = beside_gates(&case.dir, &models[1]);
        let batch = case.inputs().rows();
        let rows: Vec<Option<&Adapter>> = (0..batch).map(|i| (i % 2 == 0).then_some(&adapter)).collect();
        let [got, expected] = models.map(|base| ia3::core::attach_rows(&base, &rows).unwrap());
        assert_same(&case, "rows", &got, &expected);
    }
}
