//! Quantised weights in checkpoints: what comes back is what was saved, to the bit, and nothing else is taken for it.

use std::fs;
use std::path::Path;

use crate::common::{Conv1D, raw, values};
use burn::module::{Module, Param};
use burn::nn::{Embedding, EmbeddingConfig, Linear, LinearConfig, LinearLayout};
use burn::tensor::quantization::QuantScheme;
use burn::tensor::{Device, Distribution, Tensor};
use ia3_core::{ActivationSpace, Bits, QuantizedWeight, quantize};
use ia3_io::{Checkpoint, CheckpointOptions, Dtype, copy_sidecars, save_checkpoint, save_checkpoint_with};
use proptest::prelude::*;
use serde_json::{Value, json};

/// Layers of every kind: an odd number of inputs, the two layouts, GPT-2's, and one that is too small to quantise.
#[derive(Module, Debug)]
struct Net {
    shared: Embedding,
    k: Linear,
    odd: Linear,
    column: Linear,
    c_fc: Conv1D,
    small: Linear,
}

impl ActivationSpace for Net {}

impl Net {
    fn new(device: &Device) -> Self {
        let linear = |d_in, d_out, layout| LinearConfig::new(d_in, d_out).with_layout(layout).init(device);
        Self {
            shared: EmbeddingConfig::new(7, 24).init(device),
            k: linear(24, 5, LinearLayout::Row),
            odd: linear(9, 4, LinearLayout::Row),
            column: linear(16, 3, LinearLayout::Col),
            c_fc: Conv1D {
                weight: Param::from_tensor(Tensor::random([40, 7], Distribution::Default, device)),
            },
            small: linear(6, 2, LinearLayout::Row),
        }
    }
}

fn load<M: Module>(dir: impl AsRef<Path>, module: M) -> M {
    let (module, report) = Checkpoint::open(dir).unwrap().load(module).unwrap();
    assert!(report.unused.is_empty() && report.missing.is_empty(), "{report}");
    module
}

fn save<M: Module>(module: &M, dir: &Path) {
    save_checkpoint_with(module, dir, &CheckpointOptions::new().with_overwrite(true)).unwrap();
}

fn config(dir: &Path) -> Value {
    serde_json::from_slice(&fs::read(dir.join("config.json")).unwrap()).unwrap()
}

#[test]
fn what_is_saved_comes_back_to_the_bit() {
    let (device, dir) = (Device::flex(), tempfile::tempdir().unwrap());
    let net = Net::new(&device);
    save(&net, &dir.path().join("float"));
    for (bits, name, word) in [(Bits::Eight, "8", "int8"), (Bits::Four, "4", "int4")] {
        let (quantized, report) = quantize(&net, bits).unwrap();
        assert_eq!(report.errors.len(), 4);
        let saved = dir.path().join(name);
        save(&quantized, &saved);
        let loaded = load(&saved, Net::new(&device));
        assert_eq!(values(&loaded), values(&quantized));
        assert_eq!(loaded.num_params(), net.num_params());
        // The same bytes again, sharded or not, and the same values from the shards.
        let again = dir.path().join("again");
        save(&loaded, &again);
        let weights = |dir: &Path| fs::read(dir.join("model.safetensors")).unwrap();
        assert_eq!(weights(&again), weights(&saved));
        let options = CheckpointOptions::new().with_max_shard_bytes(300).with_overwrite(true);
        assert!(save_checkpoint_with(&loaded, &again, &options).unwrap().files.len() > 3);
        assert_eq!(values(&load(&again, Net::new(&device))), values(&quantized));
        assert_eq!(
            config(&saved),
            json!({ "quantization_config": { "quant_method": "ia3", "version": 1, "weights": word } })
        );
        // Quantising while loading is the same.
        let checkpoint = Checkpoint::open(dir.path().join("float")).unwrap();
        let (loading, _, during) = checkpoint.load_quantized(Net::new(&device), bits).unwrap();
        assert_eq!((values(&loading), during), (values(&quantized), report));
    }
}

#[test]
fn the_file_has_a_row_an_output() {
    let (device, dir) = (Device::flex(), tempfile::tempdir().unwrap());
    let (quantized, _) = quantize(&Net::new(&device), Bits::Four).unwrap();
    save(&quantized, dir.path());
    let checkpoint = Checkpoint::open(dir.path()).unwrap();
    assert_eq!(checkpoint.quantization().unwrap(), Some(Bits::Four));
    let facts = |name: &str| checkpoint.facts(name).map(|facts| (facts.dtype, facts.shape.to_vec()));
    let expected = [
        ("k", (vec![5, 12], vec![5, 1])),
        ("odd", (vec![4, 5], vec![4, 1])),
        ("column", (vec![3, 8], vec![3, 1])),
        ("c_fc", (vec![7, 20], vec![7, 1])),
    ];
    for (layer, (integers, scales)) in expected {
        assert_eq!(facts(&format!("{layer}.weight_int4")), Some((Dtype::U8, integers)), "{layer}");
        assert_eq!(facts(&format!("{layer}.weight_scale")), Some((Dtype::F32, scales)), "{layer}");
        assert!(!checkpoint.contains(&format!("{layer}.weight")));
    }
    assert_eq!(facts("small.weight"), Some((Dtype::F32, vec![2, 6])));
    // By hand: the lower four bits are the first input of an output's row.
    let bytes = fs::read(dir.path().join("model.safetensors")).unwrap();
    let file = safetensors::SafeTensors::deserialize(&bytes).unwrap();
    let pair = file.tensor("odd.weight_int4").unwrap().data()[0];
    let weight = QuantizedWeight::of(&quantized.odd.weight.base()).unwrap();
    let nibbles: Vec<u8> = weight.values()[..2].iter().map(|v| v.cast_unsigned() & 15).collect();
    assert_eq!(pair, nibbles[0] | (nibbles[1] << 4));
}

#[test]
fn config_json_is_kept_and_says_what_the_weights_are() {
    let (device, dir) = (Device::flex(), tempfile::tempdir().unwrap());
    let net = Net::new(&device);
    let (quantized, _) = quantize(&net, Bits::Eight).unwrap();
    let (base, out) = (dir.path().join("base"), dir.path().join("out"));
    fs::create_dir(&base).unwrap();
    fs::write(base.join("config.json"), r#"{"model_type": "net", "d_model": 24}"#).unwrap();
    let options = CheckpointOptions::new().with_base(base).with_overwrite(true);
    save_checkpoint_with(&quantized, &out, &options).unwrap();
    assert_eq!(config(&out)["model_type"], "net");
    assert_eq!(config(&out)["quantization_config"]["weights"], "int8");
    // Floats over it: the rest stays.
    save_checkpoint_with(&net, &out, &options).unwrap();
    assert_eq!(config(&out), json!({ "model_type": "net", "d_model": 24 }));
    assert_eq!(values(&load(&out, Net::new(&device))), values(&net));
}

/// A base quantised at load has a `config.json` that says nothing of integers, and the reverse for one that was
/// dequantised.
#[test]
fn sidecars_may_be_copied_before_or_after_the_weights_are_saved() {
    let (device, dir) = (Device::flex(), tempfile::tempdir().unwrap());
    let net = Net::new(&device);
    let (quantized, _) = quantize(&net, Bits::Four).unwrap();
    let [base, of_integers, first, last] =
        ["base", "of integers", "first", "last"].map(|name| dir.path().join(name));
    fs::create_dir(&base).unwrap();
    let text = r#"{"model_type": "net", "d_model": 24}"#;
    fs::write(base.join("config.json"), text).unwrap();
    copy_sidecars(&base, &first).unwrap();
    save(&quantized, &first);
    save(&quantized, &last);
    copy_sidecars(&base, &last).unwrap();
    assert_eq!(config(&first), config(&last));
    assert_eq!(config(&last)["model_type"], "net");
    assert_eq!(config(&last)["quantization_config"]["weights"], "int4");
    assert_eq!(values(&load(&last, Net::new(&device))), values(&load(&first, Net::new(&device))));
    // Floats made of a base of integers.
    save(&net, &of_integers);
    copy_sidecars(&last, &of_integers).unwrap();
    assert_eq!(config(&of_integers), json!({ "model_type": "net", "d_model": 24 }));
    assert_eq!(values(&load(&of_integers, Net::new(&device))), values(&net));
    // Nothing to change: the bytes are copied.
    copy_sidecars(&base, &of_integers).unwrap();
    assert_eq!(fs::read_to_string(of_integers.join("config.json")).unwrap(), text);
}

#[test]
fn weights_of_both_sizes_are_saved_and_others_are_not() {
    let (device, dir) = (Device::flex(), tempfile::tempdir().unwrap());
    let refuse = |net: &Net, expected: &str| {
        let error = save_checkpoint(net, dir.path()).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
    };
    let (mut mixed, _) = quantize(&Net::new(&device), Bits::Eight).unwrap();
    mixed.odd = quantize(&Net::new(&device), Bits::Four).unwrap().0.odd;
    let both = tempfile::tempdir().unwrap();
    save(&mixed, both.path());
    let config = fs::read_to_string(both.path().join("config.json")).unwrap();
    assert!(config.contains("\"version\": 2") && config.contains("\"weights\": \"int4\""), "{config}");
    let loaded = load(both.path(), Net::new(&device));
    for (loaded, saved) in [(&loaded.odd, &mixed.odd), (&loaded.k, &mixed.k)] {
        let of = |layer: &Linear| QuantizedWeight::of(&layer.weight.base()).unwrap();
        assert_eq!(of(loaded), of(saved));
    }
    let mut whole = Net::new(&device);
    let scheme = QuantScheme::default().with_store(burn::tensor::quantization::QuantStore::Native);
    whole.k.weight = whole.k.weight.map(|weight| weight.quantize_dynamic(&scheme));
    refuse(&whole, "which a safetensors file cannot hold; dequantise or cast it first");
}

#[derive(Module, Debug)]
struct One {
    k: Linear,
}

impl ActivationSpace for One {}

fn one(d_in: usize, d_out: usize) -> One {
    One { k: LinearConfig::new(d_in, d_out).with_bias(false).init(&Device::flex()) }
}

/// A weight of any numbers that a quantised one may have.
fn weights() -> impl Strategy<Value = QuantizedWeight> {
    let sizes = (any::<bool>(), any::<bool>(), any::<bool>(), 1usize..20, 1usize..9, 1usize..6);
    sizes.prop_flat_map(|(eight, full, minima, outputs, block, blocks)| {
        let (bits, largest) = if eight { (Bits::Eight, 127i8) } else { (Bits::Four, 7) };
        let smallest = -largest - i8::from(full);
        let values = prop::collection::vec(smallest..=largest, outputs * block * blocks);
        let scales = prop::collection::vec(0f32..1e3, outputs * blocks);
        let of_blocks = prop::collection::vec(-1e3f32..1e3, if minima { outputs * blocks } else { 0 });
        (values, scales, of_blocks).prop_map(move |(values, scales, of_blocks)| {
            let weight =
                QuantizedWeight::with_full_range(bits, [outputs, block * blocks], values, scales).unwrap();
            if minima { weight.with_minima(of_blocks).unwrap() } else { weight }
        })
    })
}

proptest! {
    #[test]
    fn any_weight_comes_back(weight in weights()) {
        let [outputs, inputs] = weight.layout().shape;
        let tensor = weight.clone().into_tensor(&Device::flex()).unwrap();
        let net = One { k: Linear { weight: Param::from_tensor(tensor), bias: None } };
        let dir = tempfile::tempdir().unwrap();
        save(&net, dir.path());
        let loaded = load(dir.path(), one(inputs, outputs));
        prop_assert_eq!(QuantizedWeight::of(&loaded.k.weight.base()), Some(weight));
    }
}

const CONFIG: &str = r#"{"quantization_config": {"quant_method": "ia3", "version": 1, "weights": "int8"}}"#;

/// A file of tensors of a dtype, a shape and bytes.
fn file(tensors: &[(&str, &str, &str, &[u8])]) -> Vec<u8> {
    let (mut entries, mut data) = (vec![], vec![]);
    for (name, dtype, shape, bytes) in tensors {
        let (start, end) = (data.len(), data.len() + bytes.len());
        entries.push(format!(
            r#""{name}":{{"dtype":"{dtype}","shape":[{shape}],"data_offsets":[{start},{end}]}}"#
        ));
        data.extend_from_slice(bytes);
    }
    raw(&format!("{{{}}}", entries.join(",")), &data)
}

/// Loads a layer of 8 inputs and 2 outputs.
fn refused(name: &str, config: &str, file: &[u8], expected: &str) {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("config.json"), config).unwrap();
    fs::write(dir.path().join("model.safetensors"), file).unwrap();
    let loaded = Checkpoint::open(dir.path()).and_then(|file| file.load(one(8, 2)));
    let message = loaded.map(drop).expect_err(name).to_string();
    assert_eq!(message.replace(&dir.path().display().to_string(), "DIR"), expected, "{name}");
}

#[test]
fn hostile_files_are_refused() {
    let (i8s, f32s) = ([1u8; 16], [0u8; 8]);
    let integers = ("k.weight_int8", "I8", "2,8", &i8s[..]);
    let scales = ("k.weight_scale", "F32", "2,1", &f32s[..]);
    let good = file(&[integers, scales]);
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("config.json"), CONFIG).unwrap();
    fs::write(dir.path().join("model.safetensors"), &good).unwrap();
    load(dir.path(), one(8, 2));

    let needs = "with a scale for each of n equal blocks of the 8 inputs, 255 at most in each";
    let beyond = {
        let mut bytes = i8s;
        bytes[3] = 0x80;
        bytes
    };
    let with_scales = |dtype, shape, bytes: &[u8]| file(&[integers, ("k.weight_scale", dtype, shape, bytes)]);
    let with_integers = |dtype, shape, bytes: &[u8]| file(&[("k.weight_int8", dtype, shape, bytes), scales]);
    let tensor = |what: &str, found: &str, expected: &str| {
        format!("the tensor `k.weight_{what}` of `DIR/model.safetensors` is {found}, expected {expected}")
    };
    let cases = [
        ("no scales", file(&[integers]), "`DIR` has no tensor `k.weight_scale` (closest: `k.weight_int8`)".into()),
        ("scales of no block", with_scales("F32", "2,3", &[0; 24]), tensor("scale", "F32 [2, 3]", &format!("F32 [2, n] {needs}"))),
        ("scales of one row", with_scales("F32", "1,2", &f32s), tensor("scale", "F32 [1, 2]", &format!("F32 [2, n] {needs}"))),
        ("empty scales", with_scales("F32", "2,0", &[]), tensor("scale", "F32 [2, 0]", &format!("F32 [2, n] {needs}"))),
        ("flat scales", with_scales("F32", "2", &f32s), tensor("scale", "F32 [2]", &format!("F32 [2, n] {needs}"))),
        ("scales of halves", with_scales("F16", "2,1", &[0; 4]), tensor("scale", "F16 [2, 1]", &format!("F32 [2, n] {needs}"))),
        ("transposed", with_integers("I8", "8,2", &i8s), tensor("int8", "I8 [8, 2]", "I8 [2, 8]")),
        ("unsigned", with_integers("U8", "2,8", &i8s), tensor("int8", "U8 [2, 8]", "I8 [2, 8]")),
        ("out of range", with_integers("I8", "2,8", &beyond), "the tensor `k.weight_int8` of `DIR`: a quantised weight holds the integer -128, expected -127 to 127".into()),
        (
            "truncated",
            good[..good.len() - 1].to_vec(),
            format!(
                "`DIR/model.safetensors` has {} bytes, expected {} by its header; it is truncated, download or copy it again",
                good.len() - 1,
                good.len()
            ),
        ),
        ("other bits", file(&[("k.weight_int4", "U8", "2,4", &[0; 8]), scales]), "`DIR` holds the quantised weight `k.weight_int4`, but `quantization_config` in the config.json beside it announces another format or number of bits; copy the config.json that was saved with it".into()),
        ("no weight at all", file(&[scales]), "`DIR` does not fit the model: 1 tensor missing (`k.weight` (closest: `k.weight_scale`)); is it of this architecture and size?".into()),
    ];
    for (name, file, expected) in cases {
        refused(name, CONFIG, &file, &expected);
    }
    let field = |field: &str, found: &str, expected: &str| {
        format!("`quantization_config.{field}` of `DIR/config.json` is {found}, expected {expected}")
    };
    let quantization = |fields: &str| format!(r#"{{"quantization_config": {fields}}}"#);
    let method = "\"ia3\", \"gptq\", \"awq\", \"bitsandbytes\" or \"torchao\"; other methods are not read, take the float model";
    let configs = [
        (
            "said nowhere",
            "{}".to_string(),
            "`DIR` holds the quantised weight `k.weight_int8`, but `quantization_config` in the config.json beside it does not announce it; copy the config.json that was saved with it".into(),
        ),
        ("another method", quantization(r#"{"quant_method": "aqlm", "bits": 4}"#), field("quant_method", "\"aqlm\"", method)),
        ("no object", quantization("8"), field("quant_method", "null", method)),
        ("a later version", quantization(r#"{"quant_method": "ia3", "version": 3, "weights": "int8"}"#), field("version", "3", "1 or 2; a newer version of ia3 may read it")),
        ("another scheme", quantization(r#"{"quant_method": "ia3", "version": 1, "weights": "int2"}"#), field("weights", "\"int2\"", "\"int8\" or \"int4\"")),
        ("no JSON", "{".to_string(), "`DIR/config.json` is not the configuration of a model: EOF while parsing an object at line 1 column 1".into()),
    ];
    for (name, config, expected) in configs {
        refused(name, &config, &good, &expected);
    }
}

#[test]
fn four_bits_out_of_range_are_refused() {
    let config = CONFIG.replace("int8", "int4");
    let mut pairs = [0u8; 8];
    pairs[5] = 0x80;
    let file = file(&[("k.weight_int4", "U8", "2,4", &pairs), ("k.weight_scale", "F32", "2,1", &[0; 8])]);
    let expected =
        "the tensor `k.weight_int4` of `DIR`: a quantised weight holds the integer -8, expected -7 to 7";
    refused("−8", &config, &file, expected);
}

#[test]
fn nothing_is_quantised_twice() {
    let (device, dir) = (Device::flex(), tempfile::tempdir().unwrap());
    let (quantized, _) = quantize(&Net::new(&device), Bits::Eight).unwrap();
    let error = quantize(&quantized, Bits::Eight).unwrap_err().to_string();
    assert_eq!(error, "`k` is quantised already; quantise the float base instead");
    save(&quantized, dir.path());
    let checkpoint = Checkpoint::open(dir.path()).unwrap();
    let again = checkpoint.load_quantized(Net::new(&device), Bits::Four);
    let error = again.map(drop).unwrap_err().to_string();
    assert!(error.ends_with("are quantised already; quantise the float model"), "{error}");
}
