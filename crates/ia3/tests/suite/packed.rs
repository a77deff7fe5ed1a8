//! Folders of GPTQ, AWQ and bitsandbytes as bases, and merges into them. `fixtures/oracle/gen_packed.py` made the folders and
//! computed values and logits.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use crate::common::{assert_apart, assert_close, device, fixture};
use burn::tensor::{DType, FloatDType, Tensor, TensorData};
use ia3::io::safetensors::TensorFile;
use ia3::io::{AdapterFile, Checkpoint, OutputFolder, PackedMergeError, read_tensors, save_adapter};
use ia3::models::Model;
use ia3::{Adapter, Bits, Error, ModelInputs, PretrainedOptions};

/// The folders, the largest difference of a logit after a merge from PEFT's adapter on the dequantised weights, of the largest
/// logit, and the tensors of a layer that a merge of outputs changes.
const FOLDERS: [(&str, f32, &[&str]); 10] = [
    // Scales in half precision are rounded once.
    ("gptq", 1e-3, &["scales"]),
    ("gptq_v2", 1e-3, &["scales"]),
    ("awq", 1e-3, &["scales"]),
    ("gptqmodel", 1e-3, &["scales"]),
    ("int8", 1e-5, &["SCB"]),
    // The scales are quantised again.
    ("nf4", 0.1, &["weight.absmax", "weight.nested_absmax", "weight.quant_state.bitsandbytes__nf4"]),
    ("fp4", 1e-5, &["weight.absmax"]),
    ("torchao", 1e-5, &["_weight_scale"]),
    ("opt_gptq", 1e-3, &["scales"]),
    // Its biases are in half precision.
    ("opt_int8", 1e-3, &["SCB"]),
];

fn folder(name: &str) -> PathBuf {
    fixture(&format!("packed/{name}"))
}

fn adapter_of(name: &str) -> PathBuf {
    let kind = if name.starts_with("opt") { "opt" } else { "llama" };
    fixture(&format!("packed/{kind}_adapter"))
}

fn expected(name: &str, what: &str) -> Vec<f32> {
    let tensors = read_tensors(fixture(&format!("packed/{name}.io.safetensors")), &[what]).unwrap();
    tensors[what].iter().collect()
}

fn logits(name: &str, model: &Model) -> Vec<f32> {
    let path = fixture(&format!("packed/{name}.io.safetensors"));
    let ids = read_tensors(path, &["input_ids"]).unwrap().remove("input_ids").unwrap();
    let ids = Tensor::from_data(ids.convert::<i64>(), &device());
    let inputs = ModelInputs { input_ids: Some(ids), ..ModelInputs::default() };
    model.forward(&inputs).unwrap().cast(DType::F32).into_data().iter().collect()
}

fn load(dir: &Path) -> Model {
    ia3::from_pretrained(dir, &device()).unwrap().model
}

fn largest(values: &[f32]) -> f32 {
    values.iter().fold(0.0, |most, value| most.max(value.abs()))
}

fn merge(base: &Path, adapters: &[PathBuf], out: &Path) -> Result<ia3_gguf::MergeReport, Error> {
    merge_with(base, adapters, out, false)
}

fn merge_with(
    base: &Path,
    adapters: &[PathBuf],
    out: &Path,
    requantize: bool,
) -> Result<ia3_gguf::MergeReport, Error> {
    let out = OutputFolder::lock(out).unwrap();
    ia3::merge_packed(base, ia3::read_config(base).unwrap(), adapters, &out, requantize, &device())
}

#[test]
fn values_are_those_of_the_oracle_to_the_bit() {
    let text = std::fs::read(fixture("packed/values.json")).unwrap();
    let expected: BTreeMap<String, BTreeMap<String, String>> = serde_json::from_slice(&text).unwrap();
    assert_eq!(expected.len(), FOLDERS.len());
    for (name, expected) in &expected {
        let checkpoint = Checkpoint::open(folder(name)).unwrap();
        let program = match name.trim_start_matches("opt_") {
            "gptq" | "gptq_v2" | "gptqmodel" => "GPTQ",
            "awq" => "AWQ",
            "torchao" => "torchao",
            _ => "bitsandbytes",
        };
        assert_eq!(checkpoint.quantized_by(), Some(program), "{name}");
        assert!(checkpoint.quantization().unwrap().is_none(), "{name}");
        for (weight, hash) in expected {
            let values = checkpoint.tensor(weight).unwrap();
            let bytes: Vec<u8> = values.iter::<f32>().flat_map(f32::to_le_bytes).collect();
            assert_eq!(&ia3_guard::sha256::of_bytes(&bytes)[..16], hash, "{name} {weight}");
        }
        // No part of a weight is a tensor of its own.
        let names: Vec<&str> = checkpoint.tensors().map(|tensor| tensor.name).collect();
        assert!(names.iter().all(|name| name.ends_with(".weight") || name.ends_with(".bias")), "{names:?}");
    }
}

/// `fixtures/oracle/gen_packed_programs.py` made the folder with AutoAWQ's own tensors and values.
#[test]
fn values_of_autoawq_are_its_own_to_the_bit() {
    let hashes = std::fs::read(fixture("packed/autoawq.json")).unwrap();
    let expected: BTreeMap<String, String> = serde_json::from_slice(&hashes).unwrap();
    assert_eq!(expected.len(), 7);
    let checkpoint = Checkpoint::open(folder("autoawq")).unwrap();
    for (weight, hash) in &expected {
        let values = checkpoint.tensor(weight).unwrap();
        let bytes: Vec<u8> = values.iter::<f32>().flat_map(f32::to_le_bytes).collect();
        assert_eq!(&ia3_guard::sha256::of_bytes(&bytes)[..16], hash, "{weight}");
    }
    let model = load(&folder("autoawq"));
    assert_close(&logits("autoawq", &model), &self::expected("autoawq", "base_logits"), 1e-5, "autoawq");
}

#[test]
fn logits_are_those_of_the_dequantised_model() {
    for (name, ..) in FOLDERS {
        let loaded = ia3::from_pretrained(folder(name), &device()).unwrap();
        assert!(loaded.report.missing.is_empty() && loaded.report.unused.is_empty(), "{:?}", loaded.report);
        assert_close(&logits(name, &loaded.model), &expected(name, "base_logits"), 1e-5, name);
        let adapter = Adapter::load(adapter_of(name), &ia3::Model::from(loaded.model.clone())).unwrap();
        let adapted = ia3::attach(&loaded.model, &[&adapter]).unwrap();
        assert_close(&logits(name, &adapted), &expected(name, "adapter_logits"), 1e-5, name);
        assert_apart(&expected(name, "adapter_logits"), &expected(name, "base_logits"), name);
    }
}

#[test]
fn weights_are_decoded_to_the_dtype_asked_for_and_can_be_quantised_in_the_own_format() {
    for (name, ..) in FOLDERS {
        for (dtype, tolerance) in [(FloatDType::F32, 1e-6), (FloatDType::BF16, 0.15)] {
            let options = PretrainedOptions::new().with_dtype(dtype);
            let model = options.load(folder(name), &device()).unwrap().model;
            let (found, expected) = (logits(name, &model), expected(name, "base_logits"));
            let apart = found.iter().zip(&expected).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
            assert!(apart <= tolerance * largest(&expected) + 1e-5, "{name} {dtype:?}: {apart}");
        }
        let options = PretrainedOptions::new().with_quantization(Bits::Eight);
        let loaded = options.load(folder(name), &device()).unwrap();
        let errors = loaded.quantized.unwrap().errors;
        assert!(errors.len() >= 6 && errors.values().all(|error| *error < 0.01), "{name}: {errors:?}");
    }
}

/// The bytes of every tensor of a file.
fn tensors(dir: &Path) -> BTreeMap<String, Vec<u8>> {
    let bytes = std::fs::read(dir.join("model.safetensors")).unwrap();
    let file = safetensors::SafeTensors::deserialize(&bytes).unwrap();
    file.tensors().into_iter().map(|(name, tensor)| (name, tensor.data().to_vec())).collect()
}

#[test]
fn a_merge_keeps_the_format_and_computes_what_the_adapter_does() {
    let dir = tempfile::tempdir().unwrap();
    for (name, tolerance, parts) in FOLDERS {
        let (base, out) = (folder(name), dir.path().join(name));
        let report = merge(&base, &[adapter_of(name)], &out).unwrap();
        let (found, expected) = (logits(name, &load(&out)), expected(name, "adapter_logits"));
        let apart = found.iter().zip(&expected).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        let relative = apart / largest(&expected);
        println!("{name}: logits differ by {relative:.1e} of the largest; {:?}", report.rounding);
        println!("{name}: quantised again {:?}", report.requantized);
        assert!(relative <= tolerance, "{name}: {relative}");

        // The tensors that changed are the scales of scaled layers, the biases, and the integers behind a ReLU.
        let (before, after) = (tensors(&base), tensors(&out));
        assert!(before.keys().eq(after.keys()), "{name}");
        let changed: BTreeSet<&String> = before.keys().filter(|key| before[*key] != after[*key]).collect();
        let layer = match name.starts_with("opt") {
            true => "model.decoder.layers.0.",
            false => "model.layers.0.",
        };
        let (scaled, flipped): (&[&str], _) = match name {
            "opt_gptq" => (&["self_attn.k_proj", "self_attn.v_proj", "fc1"], Some("fc2.qweight")),
            "opt_int8" => (&["self_attn.k_proj", "self_attn.v_proj", "fc1"], Some("fc2.weight")),
            _ => (&["self_attn.k_proj", "self_attn.v_proj", "mlp.up_proj"], None),
        };
        let bias = name.starts_with("opt").then_some("bias");
        let parts = || parts.iter().copied().chain(bias);
        let scales =
            scaled.iter().flat_map(|module| parts().map(move |part| format!("{layer}{module}.{part}")));
        let wanted: BTreeSet<String> =
            scales.chain(flipped.map(|tensor| format!("{layer}{tensor}"))).collect();
        assert!(changed.iter().copied().eq(&wanted), "{name}: {changed:?}, expected {wanted:?}");
        assert_eq!(report.tensors.keys().cloned().collect::<BTreeSet<_>>(), wanted, "{name}");

        let config = |dir: &Path| std::fs::read(dir.join("config.json")).unwrap();
        assert_eq!(config(&base), config(&out), "{name}");
        let metadata = TensorFile::open(&out.join("model.safetensors")).unwrap().metadata;
        assert_eq!(metadata["format"], "pt");
        let of_base = ia3_guard::sha256::of_file(&base.join("model.safetensors")).unwrap();
        assert_eq!(metadata["ia3.merged.base_sha256"], of_base);
        let twice = merge(&out, &[adapter_of(name)], &dir.path().join("twice")).unwrap_err().to_string();
        assert!(twice.contains("already has adapters merged into it"), "{twice}");
    }
}

/// Every weight is the dequantised one times its factors within the rounding of its scale.
#[test]
fn merged_weights_are_the_dequantised_ones_times_their_factors() {
    let dir = tempfile::tempdir().unwrap();
    for (name, ..) in FOLDERS.into_iter().filter(|(name, ..)| *name != "nf4") {
        let (base, out) = (folder(name), dir.path().join(name));
        let report = merge(&base, &[adapter_of(name)], &out).unwrap();
        assert!(report.rounding.largest <= 0.5_f64.powi(11), "{name}: {:?}", report.rounding);
        let model = load(&base);
        let blocks = model.feed_forwards();
        let file = AdapterFile::open(adapter_of(name)).unwrap();
        let (before, after) = (Checkpoint::open(&base).unwrap(), Checkpoint::open(&out).unwrap());
        let (mut rows, mut columns) = (BTreeMap::new(), BTreeMap::new());
        for (module, placement) in file.placements(Some(&model.info())).unwrap() {
            let values = &file.vectors[&module].values;
            match (placement, blocks.iter().find(|block| block.second == module)) {
                (ia3::Placement::Output, _) => drop(rows.insert(module, values.clone())),
                (ia3::Placement::Input, block) => {
                    let (block, moved) = (block.unwrap(), block.unwrap().moved(values));
                    rows.insert(block.first.clone(), moved.outputs);
                    columns.extend(moved.signs.map(|signs| (module, signs)));
                }
            }
        }
        for tensor in before.tensors() {
            let (module, leaf) = tensor.name.rsplit_once('.').unwrap();
            let width = if leaf == "weight" { tensor.shape.last().copied().unwrap() } else { 1 };
            let factor = |at: usize| {
                let row = rows.get(module).map_or(1.0, |rows| rows[at / width]);
                row * columns.get(module).filter(|_| leaf == "weight").map_or(1.0, |all| all[at % width])
            };
            let values =
                |file: &Checkpoint| -> Vec<f32> { file.tensor(tensor.name).unwrap().iter().collect() };
            for (at, (before, after)) in values(&before).iter().zip(values(&after)).enumerate() {
                let wanted = before * factor(at);
                let within = (after - wanted).abs() <= wanted.abs() * 5e-4 + 1e-7;
                assert!(within, "{name} {} at {at}: {after} instead of {wanted}", tensor.name);
            }
        }
    }
}

/// An adapter with one vector on the model of a folder.
fn with_vector(name: &str, module: &str, input: bool, values: &[f32], dir: &Path) -> PathBuf {
    let model = load(&folder(name));
    let feed_forward: &[&str] = if input { &[module] } else { &[] };
    let config = ia3::Ia3Config::new().with_target_modules([module]).with_feedforward_modules(feed_forward);
    let plan = config.plan(&model.info()).unwrap();
    let mut adapter = ia3::core::Adapter::init(&model, &plan);
    for vector in adapter.vectors.values_mut() {
        let l = Tensor::<1>::from_data(TensorData::from(values), &device());
        *vector = ia3::Ia3Vector::new(l, vector.placement);
    }
    save_adapter(&adapter, dir).unwrap();
    dir.to_owned()
}

#[test]
fn what_cannot_be_merged_exactly_is_refused_by_name() {
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name);
    let refused = |base: &str, adapter: PathBuf| match merge(&folder(base), &[adapter], &at("out")) {
        Err(Error::PackedMerge(error)) => *error,
        other => panic!("{base}: {other:?}"),
    };
    // An input vector with no layer before it.
    let inputs = with_vector("gptq", "self_attn.o_proj", true, &[2.0; 16], &at("inputs"));
    let error = refused("gptq", inputs);
    assert!(
        matches!(&error, PackedMergeError::InputVector { module } if module.contains("o_proj")),
        "{error}"
    );
    // The rows of `o_proj` have 16 values, and blocks 64.
    let mut values = [1.0; 64];
    values[5] = 3.0;
    let outputs = with_vector("nf4", "self_attn.o_proj", false, &values, &at("outputs"));
    let error = refused("nf4", outputs);
    assert!(matches!(error, PackedMergeError::SharedScale { block: 64, inputs: 16, .. }), "{error}");
    // A scale leaves the range of half precision, and one of float32 does not.
    let huge = with_vector("awq", "self_attn.k_proj", false, &[1e7; 8], &at("huge"));
    let error = refused("awq", huge.clone());
    assert!(matches!(error, PackedMergeError::Range { .. }), "{error}");
    merge(&folder("int8"), &[huge], &at("in range")).unwrap();
    assert!(!at("out").exists());
    // Into floats, into the base itself, with a replaced parameter.
    let error = refused_by(&fixture("llama/base"), &fixture("llama/adapter"), &at("out"));
    assert!(matches!(error, PackedMergeError::NotPacked { .. }), "{error}");
}

fn refused_by(base: &Path, adapter: &Path, out: &Path) -> PackedMergeError {
    match merge(base, &[adapter.to_owned()], out) {
        Err(Error::PackedMerge(error)) => *error,
        other => panic!("{}: {other:?}", base.display()),
    }
}

/// A column of GPTQ whose integers have the largest distance below their zero point has no opposite.
#[test]
fn a_sign_without_an_opposite_is_refused_and_names_the_column() {
    let dir = tempfile::tempdir().unwrap();
    let base = dir.path().join("base");
    std::fs::create_dir(&base).unwrap();
    std::fs::copy(folder("opt_gptq").join("config.json"), base.join("config.json")).unwrap();
    let bytes = std::fs::read(folder("opt_gptq").join("model.safetensors")).unwrap();
    let file = safetensors::SafeTensors::deserialize(&bytes).unwrap();
    let mut tensors: BTreeMap<String, (safetensors::Dtype, Vec<usize>, Vec<u8>)> = BTreeMap::new();
    for (name, tensor) in file.tensors() {
        tensors.insert(name, (tensor.dtype(), tensor.shape().to_vec(), tensor.data().to_vec()));
    }
    // The fourth input of the first output is 0, and the zero point 8.
    let qweight = tensors.get_mut("model.decoder.layers.0.fc2.qweight").unwrap();
    qweight.2[1] &= 0x0f;
    let views = tensors.iter().map(|(name, (dtype, shape, data))| {
        (name, safetensors::tensor::TensorView::new(*dtype, shape.clone(), data).unwrap())
    });
    safetensors::serialize_to_file(views, None, &base.join("model.safetensors")).unwrap();
    let signs: Vec<f32> = (0..48).map(|i| if i == 3 { -1.0 } else { 1.0 }).collect();
    let adapter = with_vector("opt_gptq", "fc2", true, &signs, &dir.path().join("adapter"));
    let error = refused_by(&base, &adapter, &dir.path().join("out"));
    assert!(matches!(error, PackedMergeError::Sign { column: 3, .. }), "{error}");
    assert!(!dir.path().join("out").exists());
    // With rounding it has one.
    let report = merge_with(&base, &[adapter], &dir.path().join("out"), true).unwrap();
    let errors: Vec<f64> = report.requantized.into_values().collect();
    assert!(errors.len() == 1 && errors[0] > 0.0 && errors[0] < 0.1, "{errors:?}");
}

/// What [`requantised_weights_are_within_their_format`] merges: the layer, whether its inputs are scaled, and the largest relative
/// error of its weight, which is that of the format.
const REQUANTISED: [(&str, &str, bool, f64); 9] = [
    ("gptq", "self_attn.o_proj", true, 0.12),
    ("gptq_v2", "self_attn.o_proj", true, 0.01),
    ("awq", "self_attn.o_proj", true, 0.12),
    ("int8", "self_attn.o_proj", true, 0.01),
    ("nf4", "self_attn.o_proj", true, 0.15),
    ("fp4", "self_attn.o_proj", true, 0.2),
    ("torchao", "self_attn.o_proj", true, 0.01),
    // Outputs that share a scale.
    ("fp4", "self_attn.o_proj", false, 0.2),
    ("opt_gptq", "self_attn.out_proj", true, 0.12),
];

/// Weights into which a vector cannot be merged exactly are quantised again: each is the dequantised weight times its factors within
/// the error that the report names, which is that of the format, and nothing else changes.
#[test]
fn requantised_weights_are_within_their_format() {
    let dir = tempfile::tempdir().unwrap();
    for (name, layer, is_input, bound) in REQUANTISED {
        let side = if is_input { "inputs" } else { "outputs" };
        let (base, at) = (folder(name), |what: &str| dir.path().join(format!("{name}-{side}-{what}")));
        let width = match (name.starts_with("opt"), is_input) {
            (true, _) => 32,
            (false, true) => 16,
            (false, false) => 64,
        };
        let values: Vec<f32> =
            (0..width).map(|i| [0.3, 1.0, 1.9, -0.7, 1.2][i % 5] + 0.01 * i as f32).collect();
        let adapter = with_vector(name, layer, is_input, &values, &at("adapter"));
        let refused = merge(&base, std::slice::from_ref(&adapter), &at("exact")).unwrap_err().to_string();
        assert!(refused.contains(layer), "{name}: {refused}");
        let report = merge_with(&base, &[adapter], &at("merged"), true).unwrap();
        let (before, after) = (Checkpoint::open(&base).unwrap(), Checkpoint::open(at("merged")).unwrap());
        let [(weight, error)] = report.requantized.iter().collect::<Vec<_>>()[..] else { panic!("{name}") };
        assert!(weight.ends_with(&format!("{layer}.weight")), "{name}: {weight}");
        let read =
            |file: &Checkpoint, tensor: &str| -> Vec<f32> { file.tensor(tensor).unwrap().iter().collect() };
        let (old, new) = (read(&before, weight), read(&after, weight));
        let inputs = before.tensors().find(|tensor| tensor.name == weight).unwrap().shape[1];
        let factor = |at: usize| if is_input { values[at % inputs] } else { values[at / inputs] };
        let wanted: Vec<f32> = old.iter().enumerate().map(|(at, value)| value * factor(at)).collect();
        let norm = |values: &mut dyn Iterator<Item = f32>| {
            values.map(|value| f64::from(value).powi(2)).sum::<f64>().sqrt()
        };
        let found =
            norm(&mut wanted.iter().zip(&new).map(|(a, b)| a - b)) / norm(&mut wanted.iter().copied());
        println!("{name} {side}: {found:.2e}");
        assert!((found - error).abs() < 1e-5, "{name}: {found}, reported {error}");
        assert!(found > 0.0 && found < bound, "{name} {side}: {found}");
        for tensor in before.tensors().filter(|tensor| tensor.name != weight) {
            let is_same = read(&before, tensor.name) == read(&after, tensor.name);
            assert!(is_same || tensor.name.ends_with(&format!("{layer}.bias")), "{name}: {}", tensor.name);
        }
    }
}

/// An adapter that can be merged exactly is merged so, whether or not weights may be quantised again.
#[test]
fn what_can_be_merged_exactly_is_not_quantised_again() {
    let dir = tempfile::tempdir().unwrap();
    for (name, ..) in FOLDERS {
        let [exact, again] = ["exact", "again"].map(|what| dir.path().join(format!("{name}-{what}")));
        let adapters = [adapter_of(name)];
        let report = merge_with(&folder(name), &adapters, &again, true).unwrap();
        assert_eq!(merge(&folder(name), &adapters, &exact).unwrap(), report, "{name}");
        assert_eq!(tensors(&exact), tensors(&again), "{name}");
    }
}
