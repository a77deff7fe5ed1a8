//! LoRA adapters that approximate (IA)³ adapters.

use std::path::Path;

use crate::common::{Case, cases, device};
use ia3::convert::{ConvertError, ConvertedLora};
use ia3::io::safetensors::TensorFile;
use ia3::io::{AdapterFile, Checkpoint, OutputFolder};
use ia3::{Error, Placement};

fn case(name: &str) -> Case {
    cases().into_iter().find(|case| case.name == name).unwrap()
}

fn convert(
    case: &Case,
    adapter: &AdapterFile,
    rank: usize,
    max_error: f64,
    out: &Path,
) -> Result<ConvertedLora, ConvertError> {
    let (base, out) = (case.dir.join("base"), OutputFolder::lock(out).unwrap());
    let config = ia3::read_config(&base).unwrap();
    match ia3::convert_to_lora(adapter, &base, config, (rank, max_error), &out, &device()) {
        Err(Error::Convert(error)) => Err(*error),
        converted => Ok(converted.unwrap()),
    }
}

/// The largest difference of `W + BA` from the weight with the vector merged into it, of the largest value.
fn difference(case: &Case, adapter: &AdapterFile, out: &Path) -> f32 {
    let base = Checkpoint::open(case.dir.join("base")).unwrap();
    let lora = TensorFile::open(&out.join("adapter_model.safetensors")).unwrap();
    let tensor = |module: &str, name: &str| {
        let name = format!("base_model.model.{module}.{name}.weight");
        (lora.read_f32(&name, &lora.tensors[&name]).unwrap(), lora.tensors[&name].shape.clone())
    };
    let (mut worst, mut largest) = (0f32, 0f32);
    for (module, placement) in adapter.placements(Some(&case.base.info())).unwrap() {
        let weight = base.tensor(&format!("{module}.weight")).unwrap();
        let ((a, a_shape), (b, b_shape)) = (tensor(&module, "lora_A"), tensor(&module, "lora_B"));
        let ([rank, inputs], [outputs, _]) = ([a_shape[0], a_shape[1]], [b_shape[0], b_shape[1]]);
        let l = &adapter.vectors[&module].values;
        for (at, weight) in weight.iter::<f32>().enumerate() {
            let (o, i) = (at / inputs, at % inputs);
            assert!(o < outputs);
            let product: f32 = (0..rank).map(|r| b[o * rank + r] * a[r * inputs + i]).sum();
            let wanted = weight * if placement == Placement::Output { l[o] } else { l[i] };
            worst = worst.max((weight + product - wanted).abs());
            largest = largest.max(wanted.abs());
        }
    }
    worst / largest
}

#[test]
fn a_lora_of_the_full_rank_is_exact_and_one_of_a_low_rank_is_refused_with_its_error() {
    let (case, dir) = (case("llama"), tempfile::tempdir().unwrap());
    let adapter = AdapterFile::open(case.dir.join("adapter")).unwrap();
    let error = convert(&case, &adapter, 2, 0.05, &dir.path().join("low")).unwrap_err();
    let ConvertError::LoraError { error, rank: 2, max_error: 0.05, .. } = error else { panic!("{error}") };
    assert!((0.3..1.0).contains(&error), "{error}");
    assert!(!dir.path().join("low").exists());
    // The same with a bound that allows it.
    let allowed = convert(&case, &adapter, 2, 1.0, &dir.path().join("low")).unwrap();
    assert_eq!(allowed.errors.values().copied().fold(0.0, f64::max), error);

    let refused = convert(&case, &adapter, 0, 1.0, &dir.path().join("none")).unwrap_err();
    assert!(matches!(refused, ConvertError::LoraRank), "{refused}");
    let side = |module: &String| {
        let kind = case.base.info().module(module).unwrap().kind.clone();
        let len = |side| kind.vector_len(side).unwrap();
        len(Placement::Input).min(len(Placement::Output))
    };
    let (full, out) = (adapter.vectors.keys().map(side).max().unwrap(), dir.path().join("full"));
    let converted = convert(&case, &adapter, full, 1e-5, &out).unwrap();
    assert!(converted.errors.values().all(|error| *error < 1e-6), "{:?}", converted.errors);
    let apart = difference(&case, &adapter, &out);
    assert!(apart < 1e-6, "{apart}");
    let config: serde_json::Value =
        serde_json::from_slice(&std::fs::read(out.join("adapter_config.json")).unwrap()).unwrap();
    assert_eq!(
        (&config["peft_type"], &config["r"], &config["lora_alpha"]),
        (&"LORA".into(), &full.into(), &full.into())
    );
}

/// A vector that changes k outputs changes the weight by a matrix of rank k.
#[test]
fn few_factors_other_than_one_need_only_as_large_a_rank() {
    let (case, dir) = (case("llama"), tempfile::tempdir().unwrap());
    let mut adapter = AdapterFile::open(case.dir.join("adapter")).unwrap();
    for vector in adapter.vectors.values_mut() {
        vector.values.fill(1.0);
        (vector.values[1], vector.values[5], vector.values[6]) = (-0.5, 3.0, 0.0);
    }
    let out = dir.path().join("three");
    let converted = convert(&case, &adapter, 3, 1e-5, &out).unwrap();
    assert!(converted.errors.values().all(|error| *error < 1e-6), "{:?}", converted.errors);
    let apart = difference(&case, &adapter, &out);
    assert!(apart < 1e-6, "{apart}");
    let refused = convert(&case, &adapter, 2, 1e-5, &out).unwrap_err();
    assert!(matches!(refused, ConvertError::LoraError { .. }), "{refused}");
    assert!(difference(&case, &adapter, &out) < 1e-6, "the folder was changed");
}

#[test]
fn what_a_lora_does_not_hold_is_refused_by_name() {
    let dir = tempfile::tempdir().unwrap();
    for (name, expected) in [
        ("qwen2", "has a bias that the vector scales, which a LoRA does not hold"),
        ("bert", "is saved whole (modules_to_save)"),
    ] {
        let case = case(name);
        let adapter = AdapterFile::open(case.dir.join("adapter")).unwrap();
        let refused = convert(&case, &adapter, 1, 1.0, &dir.path().join(name)).unwrap_err().to_string();
        assert!(refused.contains(expected), "{name}: {refused}");
        assert!(!dir.path().join(name).exists());
    }
    // A folder of something else stays.
    let (case, other) = (case("llama"), dir.path().join("other"));
    std::fs::create_dir(&other).unwrap();
    std::fs::write(other.join("notes.txt"), "mine").unwrap();
    let adapter = AdapterFile::open(case.dir.join("adapter")).unwrap();
    let refused = convert(&case, &adapter, 1, 1.0, &other).unwrap_err();
    assert!(matches!(refused, ConvertError::LoraInTheWay { .. }), "{refused}");
}
