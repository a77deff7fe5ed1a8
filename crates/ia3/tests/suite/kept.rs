//! Bases of other programs whose integers are kept, against the same bases decoded to floats. `fixtures/oracle/gen_gguf.py` and
//! `gen_packed.py` made them.

use std::collections::BTreeSet;
use std::path::PathBuf;

use crate::common::{assert_apart, device, fixture};
use burn::module::Module;
use burn::optim::GradientsParams;
use burn::tensor::{DType, Tensor, TensorData};
use ia3::core::{Adapter, QuantizationError, visit_params};
use ia3::io::{Checkpoint, CheckpointError, save_checkpoint};
use ia3::models::Model;
use ia3::{
    AdapterError, Bits, Error, Ia3Config, Ia3Vector, ModelConfig, ModelInputs, Pretrained, PretrainedOptions,
};
use ia3::{QuantizedLayout, QuantizedWeight};

/// Largest difference of a logit or of a gradient between integers and decoded floats, of the largest: the order of summation,
/// and the rounding of the minima of 4 bits.
const TOLERANCE: f32 = 5e-5;

/// Largest difference of a logit between a merged base and the adapter on it: the rounding of each scale and minimum.
const MERGED: f32 = 5e-5;

/// The bases, and how many of their weights stay integers.
const BASES: [(&str, usize); 11] = [
    ("gguf/kept.gguf", 48),
    ("gguf/kept_gpt2.gguf", 2),
    ("gguf/kept_falcon40b.gguf", 2),
    ("packed/gptq_v2", 0),
    ("packed/gptqmodel", 0),
    ("packed/awq", 0),
    ("packed/autoawq", 0),
    ("packed/int8", 0),
    ("packed/torchao", 0),
    ("packed/opt_gptq", 0),
    ("packed/opt_int8", 0),
];

fn keeping() -> PretrainedOptions {
    PretrainedOptions::new().with_keep_quantized(true)
}

fn kept(base: &str) -> Pretrained {
    keeping().load(fixture(base), &device()).unwrap()
}

fn decoded(base: &str) -> Model {
    ia3::from_pretrained(fixture(base), &device()).unwrap().model
}

fn inputs([rows, tokens]: [usize; 2]) -> ModelInputs {
    let ids: Vec<i64> = (0..rows * tokens).map(|i| 2 + (i as i64 * 7) % 13).collect();
    let ids = Tensor::from_data(TensorData::new(ids, [rows, tokens]), &device());
    ModelInputs { input_ids: Some(ids), ..ModelInputs::default() }
}

fn logits(model: &Model, shape: [usize; 2]) -> Vec<f32> {
    model.forward(&inputs(shape)).unwrap().cast(DType::F32).into_data().iter().collect()
}

fn worst(a: &[f32], b: &[f32]) -> f32 {
    assert_eq!(a.len(), b.len());
    let largest = b.iter().fold(0f32, |most, b| most.max(b.abs()));
    let apart = a.iter().zip(b).map(|(a, b)| (a - b).abs());
    apart.fold(0.0, |most: f32, d| if d.is_nan() { f32::INFINITY } else { most.max(d) }) / largest
}

/// An adapter with vectors on the default targets; one factor in nine is negative.
fn adapter(model: &Model) -> Adapter {
    let plan = Ia3Config::new().plan(&model.info()).unwrap();
    let mut adapter = Adapter::init(model, &plan);
    for (seed, vector) in adapter.vectors.values_mut().enumerate() {
        let factor = |i: usize| {
            let size = 0.6 + ((i * 31 + seed * 17) % 97) as f32 / 110.0;
            if (i + seed) % 9 == 4 { -size } else { size }
        };
        let values: Vec<f32> = (0..vector.len()).map(factor).collect();
        let l = Tensor::<1>::from_floats(values.as_slice(), &device());
        *vector = Ia3Vector::new(l, vector.placement);
    }
    adapter
}

fn weights(model: &Model) -> Vec<(String, Tensor<2>)> {
    let mut found = vec![];
    visit_params(model, |path, param| {
        let weight = param.as_float::<2>().filter(|weight| weight.is_initialized()).map(|w| w.base());
        let quantised = weight.filter(|weight| matches!(weight.dtype(), DType::QFloat(_)));
        found.extend(quantised.map(|weight| (path.to_string(), weight)));
    });
    found
}

#[test]
fn logits_are_those_of_the_decoded_floats() {
    for (base, count) in BASES {
        let (found, floats) = (kept(base), decoded(base));
        let report = &found.report;
        assert!(report.missing.is_empty() && report.unused.is_empty(), "{base}: {report:?}");
        assert!(count == 0 || report.kept.len() == count, "{base}: {:?}", report.kept);
        assert!(!report.kept.is_empty() && report.kept.iter().all(|name| report.loaded.contains(name)));
        assert_eq!(weights(&found.model).len(), report.kept.len(), "{base}");
        let adapter = adapter(&floats);
        let adapted = |model: &Model| ia3::attach(model, &[&adapter]).unwrap();
        // A product of few rows, and one of many.
        for shape in [[1, 3], [3, 7]] {
            let (ours, theirs) = (logits(&found.model, shape), logits(&floats, shape));
            let (with, without) = (worst(&ours, &theirs), logits(&adapted(&floats), shape));
            let adapted = worst(&logits(&adapted(&found.model), shape), &without);
            println!("{base} {shape:?}: differs by {with:.1e}, with an adapter {adapted:.1e}");
            assert!(with <= TOLERANCE && adapted <= TOLERANCE, "{base} {shape:?}: {with:e}, {adapted:e}");
            assert_apart(&without, &theirs, base);
        }
    }
    let report = kept("gguf/kept.gguf").report;
    assert_eq!(report.decoded, ["model.embed_tokens.weight"]);
    assert!(report.kept.contains(&"lm_head.weight".into()));
}

/// Every weight has the decoded values: the same products and sums in float32, or a minimum of 4 bits that was rounded once.
#[test]
fn weights_are_the_decoded_ones() {
    let mut layouts = BTreeSet::new();
    for (base, _) in BASES {
        let checkpoint = Checkpoint::open(fixture(base)).unwrap();
        for (path, weight) in weights(&kept(base).model) {
            let layout = QuantizedLayout::of(&weight).unwrap();
            let [outputs, inputs] = layout.shape;
            let name = path.as_str();
            let stored = checkpoint.tensor(name).unwrap();
            let mut expected: Vec<f32> = stored.iter().collect();
            if stored.shape().as_slice() != [outputs, inputs] {
                let turned = |at: usize| expected[at % inputs * outputs + at / inputs];
                expected = (0..expected.len()).map(turned).collect();
            }
            let stored = QuantizedWeight::of(&weight).unwrap();
            assert_eq!(stored.minima().len(), if layout.minima { stored.scales().len() } else { 0 });
            for (at, (integer, expected)) in stored.values().iter().zip(&expected).enumerate() {
                let block = at / layout.block;
                let product = f32::from(*integer) * stored.scales()[block];
                let minimum = stored.minima().get(block).copied().unwrap_or(0.0);
                // Of the terms, as their sum may be near 0. bitsandbytes multiplies by 1 / 127 after the integer.
                let most = (product.abs() + minimum.abs()) * 2.0 * f32::EPSILON;
                let off = (product + minimum - expected).abs();
                assert!(off <= most, "{base} {name} at {at}: off by {off:e} of {expected}");
            }
            layouts.insert(format!(
                "{:?} {} {} {}",
                layout.bits, layout.block, layout.full_range, layout.minima
            ));
        }
    }
    println!("{layouts:?}");
    assert!(layouts.len() >= 8, "{layouts:?}");
}

/// The configuration of a base, with every dropout of a folder at 0.
fn without_dropout(base: &str) -> ModelConfig {
    let Ok(text) = std::fs::read_to_string(fixture(base).join("config.json")) else {
        return ia3::read_config(fixture(base)).unwrap();
    };
    let mut config: serde_json::Map<String, serde_json::Value> = serde_json::from_str(&text).unwrap();
    for (_, value) in config.iter_mut().filter(|(key, _)| key.contains("drop")) {
        *value = 0.0.into();
    }
    ModelConfig::from_json(&serde_json::Value::Object(config).to_string()).unwrap()
}

#[test]
fn gradients_are_those_of_the_decoded_floats() {
    // Dropout is drawn anew in each pass; a GGUF file says nothing of it, and GPT-2 has it then.
    for (base, _) in BASES.into_iter().filter(|(base, _)| !base.contains("gpt2")) {
        let load = |options: PretrainedOptions| {
            options.with_config(without_dropout(base)).load(fixture(base), &device()).unwrap().model
        };
        let (model, floats) = (load(keeping()), load(PretrainedOptions::new()));
        let adapter = adapter(&floats);
        let of = |model: &Model| {
            let model = ia3::attach(model, &[&adapter]).unwrap().train();
            let loss = model.forward(&inputs([2, 7])).unwrap().square().mean();
            let grads = GradientsParams::from_grads(loss.backward(), &model);
            let of = |v: &Ia3Vector| grads.get::<1>(v.l.id).unwrap().into_data().iter().collect::<Vec<f32>>();
            adapter.vectors.values().flat_map(of).collect::<Vec<f32>>()
        };
        let difference = worst(&of(&model), &of(&floats));
        println!("{base}: a gradient differs by {difference:.1e} of the largest");
        assert!(difference <= 2.0 * TOLERANCE, "{base}: {difference:e}");
    }
}

#[test]
fn generated_tokens_are_those_of_the_decoded_floats() {
    for (base, _) in BASES {
        let ids = |model: Model| {
            let model = ia3::Model::from(model);
            let run = model.generate([[5, 9, 3]]).max_new_tokens(5).run().unwrap();
            format!("{run}")
        };
        assert_eq!(ids(kept(base).model), ids(decoded(base)), "{base}");
    }
}

#[test]
fn rows_have_their_own_adapters() {
    for base in ["gguf/kept.gguf", "packed/awq"] {
        let model = kept(base).model;
        let adapter = adapter(&model);
        let mixed = logits(&ia3::attach_rows(&model, &[None, Some(&adapter)]).unwrap(), [2, 5]);
        let all = logits(&ia3::attach(&model, &[&adapter]).unwrap(), [2, 5]);
        let (half, none) = (mixed.len() / 2, logits(&model, [2, 5]));
        assert!(worst(&mixed[..half], &none[..half]) <= TOLERANCE, "{base}");
        assert!(worst(&mixed[half..], &all[half..]) <= TOLERANCE, "{base}");
    }
}

/// The activations become integers of eight bits too, which is a step of 1/127 at most.
#[test]
fn products_of_integers_are_near() {
    for (base, _) in BASES {
        let fast = keeping().with_fast_integers(true).load(fixture(base), &device()).unwrap().model;
        let difference = worst(&logits(&fast, [1, 3]), &logits(&kept(base).model, [1, 3]));
        println!("{base}: integer products change a logit by {difference:.1e} of the largest");
        assert!(0.0 < difference && difference < 0.2, "{base}: {difference}");
    }
}

/// Vectors on outputs, merged, and saved in this library's own format and loaded again, with a negative factor where an integer has
/// no opposite.
#[test]
fn merged_bases_are_saved_and_loaded_again() {
    let dir = tempfile::tempdir().unwrap();
    for (i, (base, _)) in BASES.into_iter().enumerate() {
        let loaded = kept(base);
        let adapter = adapter(&loaded.model);
        let adapted = logits(&ia3::attach(&loaded.model, &[&adapter]).unwrap(), [2, 6]);
        let moved = ia3::move_inputs(&loaded.model, &[&adapter]);
        let moved: Vec<&Adapter> = moved.iter().collect();
        let merged = match ia3::merge_safe(&loaded.model, &moved) {
            Ok(merged) => merged,
            Err(AdapterError::Quantization(why)) => {
                println!("{base}: {why}");
                let again = ia3::merge_requantizing(&loaded.model, &moved).unwrap();
                let most = again.errors.values().copied().fold(0.0, f64::max);
                println!("{base}: quantised again, error of a weight {most:.1e}");
                assert!(!again.errors.is_empty() && most < 0.2, "{base}: {:?}", again.errors);
                continue;
            }
            Err(other) => panic!("{base}: {other}"),
        };
        let difference = worst(&logits(&merged, [2, 6]), &adapted);
        println!("{base}: merged differs by {difference:.1e}");
        // The biases of OPT are in half precision.
        let most = if base.contains("opt") { 1e-3 } else { MERGED };
        assert!(difference <= most, "{base}: {difference:e}");

        let folder = dir.path().join(i.to_string());
        std::fs::create_dir(&folder).unwrap();
        let read = ia3::read_config(fixture(base)).unwrap();
        save_checkpoint(&merged, &folder).unwrap();
        let config = std::fs::read_to_string(folder.join("config.json")).unwrap();
        let layouts: Vec<QuantizedLayout> =
            weights(&merged).iter().map(|(_, weight)| QuantizedLayout::of(weight).unwrap()).collect();
        let is_plain = |of: &QuantizedLayout| !of.minima && !of.full_range && of.bits == layouts[0].bits;
        let version = if layouts.iter().all(is_plain) { 1 } else { 2 };
        assert!(config.contains(&format!("\"version\": {version}")), "{base}: {config}");
        let options = PretrainedOptions::new().with_config(read);
        let again = options.load(&folder, &device()).unwrap().model;
        assert_eq!(logits(&again, [2, 6]), logits(&merged, [2, 6]), "{base}");
        let stored = |model: &Model| -> Vec<QuantizedWeight> {
            weights(model).iter().map(|(_, weight)| QuantizedWeight::of(weight).unwrap()).collect()
        };
        assert_eq!(stored(&again), stored(&merged), "{base}");
    }
}

/// An output whose integers hold −128 or −8 takes the sign in its scales.
#[test]
fn a_negative_factor_is_exact_without_an_opposite_integer() {
    for base in ["gguf/kept.gguf", "packed/awq"] {
        let model = kept(base).model;
        let wanted = weights(&model).into_iter().find_map(|(path, weight)| {
            let stored = QuantizedWeight::of(&weight)?;
            let smallest = if stored.layout().bits == Bits::Four { -8 } else { -128 };
            let module = path.strip_suffix(".weight")?.to_string();
            (stored.values().contains(&smallest) && !module.contains("lm_head")).then_some((module, stored))
        });
        let (module, before) = wanted.unwrap();
        let config =
            Ia3Config::new().with_target_modules([module.as_str()]).with_feedforward_modules([""; 0]);
        let plan = config.plan(&model.info()).unwrap();
        let mut adapter = Adapter::init(&model, &plan);
        for vector in adapter.vectors.values_mut() {
            *vector = Ia3Vector::new(Tensor::ones([vector.len()], &device()) * -2.0, vector.placement);
        }
        let merged = ia3::merge(&model, &[&adapter]).unwrap();
        let (_, after) =
            weights(&merged).into_iter().find(|(path, _)| *path == format!("{module}.weight")).unwrap();
        let after = QuantizedWeight::of(&after).unwrap();
        let value = |weight: &QuantizedWeight, at: usize| {
            let block = at / weight.layout().block;
            let minimum = weight.minima().get(block).copied().unwrap_or(0.0);
            f32::from(weight.values()[at]) * weight.scales()[block] + minimum
        };
        for at in 0..before.values().len() {
            assert_eq!(value(&after, at), -2.0 * value(&before, at), "{base} {module} at {at}");
        }
    }
}

fn error(options: &PretrainedOptions, base: PathBuf) -> CheckpointError {
    match options.load(base, &device()) {
        Err(Error::Checkpoint(error)) => *error,
        other => panic!("{:?}", other.map(|loaded| loaded.report)),
    }
}

#[test]
fn what_cannot_be_kept_is_refused_by_name() {
    // Codes of a table, and floats.
    for (base, named) in [("packed/nf4", 4), ("packed/fp4", 4), ("gguf/llama.gguf", 0)] {
        match error(&keeping(), fixture(base)) {
            CheckpointError::NothingKept { decoded, .. } => {
                assert!(decoded.len() >= named, "{base}: {decoded:?}");
                assert_eq!(decoded.is_empty(), named == 0, "{base}: {decoded:?}");
            }
            other => panic!("{base}: {other}"),
        }
    }
    // Inputs whose groups are in another order; one weight has a single group.
    let report = kept("packed/gptq").report;
    assert_eq!((report.kept.len(), report.decoded.len()), (1, 6), "{report:?}");
    let checkpoint = Checkpoint::open(fixture("packed/gptq")).unwrap();
    let can_keep = |name: &String| checkpoint.can_keep(name).unwrap();
    assert!(report.kept.iter().all(can_keep) && !report.decoded.iter().any(can_keep));
    let both = keeping().with_quantization(Bits::Eight);
    assert!(matches!(error(&both, fixture("packed/awq")), CheckpointError::KeptAndQuantized { .. }));
    // This library's own integers are kept anyway.
    let dir = tempfile::tempdir().unwrap();
    let float = fixture("llama/base");
    let (quantised, _) =
        ia3::quantize(&ia3::from_pretrained(&float, &device()).unwrap().model, Bits::Four).unwrap();
    save_checkpoint(&quantised, dir.path()).unwrap();
    let options = keeping().with_config(ia3::read_config(&float).unwrap());
    assert!(options.load(dir.path(), &device()).unwrap().report.kept.is_empty());
}

/// A vector on inputs behind a ReLU becomes signs, which blocks with minima cannot take.
#[test]
fn signs_of_inputs_are_refused_where_blocks_have_minima() {
    let model = kept("packed/opt_gptq").model;
    let (path, weight) = weights(&model).remove(0);
    let stored = QuantizedWeight::of(&weight).unwrap();
    let minima = vec![0.5; stored.scales().len()];
    let affine = stored.clone().with_minima(minima).unwrap().into_tensor::<2>(&device()).unwrap();
    let net = Net { wo: burn::nn::Linear { weight: burn::module::Param::from_tensor(affine), bias: None } };
    let config = Ia3Config::new().with_target_modules(["wo"]).with_feedforward_modules(["wo"]);
    let plan = config.plan(&ia3::core::model_info(&net, None, None)).unwrap();
    let mut adapter = Adapter::init(&net, &plan);
    let set = |adapter: &mut Adapter, input: usize, value: f32| {
        for vector in adapter.vectors.values_mut() {
            let mut l = vec![1.0; vector.len()];
            l[input] = value;
            *vector = Ia3Vector::new(Tensor::from_floats(l.as_slice(), &device()), vector.placement);
        }
    };
    set(&mut adapter, 3, 1.0);
    ia3::merge(&net, &[&adapter]).unwrap();
    set(&mut adapter, 3, -1.0);
    let refused = ia3::merge(&net, &[&adapter]).unwrap_err();
    let is_named = matches!(
        &refused,
        AdapterError::Quantization(QuantizationError::SharedMinima { path, input: 3, factor: -1 }) if path == "wo"
    );
    assert!(is_named, "{path}: {refused}");
    let again = ia3::merge_requantizing(&net, &[&adapter]).unwrap();
    assert!(again.errors["wo"] > 0.0 && again.errors["wo"] < 0.2, "{:?}", again.errors);
}

#[derive(Module, Debug)]
struct Net {
    wo: burn::nn::Linear,
}

impl ia3::ActivationSpace for Net {}

/// Version 2 has more than version 1, and a reader of version 1 must not see it.
#[test]
fn changed_folders_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    save_checkpoint(&kept("packed/awq").model, dir.path()).unwrap();
    let options = PretrainedOptions::new().with_config(ia3::read_config(fixture("packed/awq")).unwrap());
    let config = dir.path().join("config.json");
    let text = std::fs::read_to_string(&config).unwrap();
    options.load(dir.path(), &device()).unwrap();
    std::fs::write(&config, text.replace("\"version\": 2", "\"version\": 1")).unwrap();
    assert!(matches!(error(&options, dir.path().into()), CheckpointError::Unannounced { .. }));
    std::fs::write(&config, text.replace("\"version\": 2", "\"version\": 3")).unwrap();
    assert!(matches!(error(&options, dir.path().into()), CheckpointError::QuantizationConfig { .. }));
    std::fs::write(&config, &text).unwrap();

    // Minima of another shape.
    let path = dir.path().join("model.safetensors");
    let bytes = std::fs::read(&path).unwrap();
    let len = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
    let header = String::from_utf8(bytes[8..8 + len].to_vec()).unwrap();
    let at = header.find("weight_minimum\":{").unwrap();
    let shape = at + header[at..].find("\"shape\":[").unwrap() + "\"shape\":[".len();
    let end = shape + header[shape..].find(']').unwrap();
    let (rows, columns) = header[shape..end].split_once(',').unwrap();
    assert_ne!(rows, columns);
    let other = format!("{}{columns},{rows}{}", &header[..shape], &header[end..]);
    let bytes = [&bytes[..8], other.as_bytes(), &bytes[8 + len..]].concat();
    std::fs::write(&path, bytes).unwrap();
    assert!(matches!(error(&options, dir.path().into()), CheckpointError::QuantizedTensor { .. }));
}
