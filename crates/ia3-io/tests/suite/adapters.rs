//! Adapter folders as PEFT arranges them.

use std::fs;

use crate::common::{Tiny, fixture, names, values};
use burn::module::Module;
use burn::tensor::{DType, Device, Tensor};
use ia3_core::config::{ModelInfo, ModuleInfo, ModuleKind};
use ia3_core::{Adapter, Ia3Config, merge};
use ia3_io::{
    AdapterFile, AdapterFileError, AdapterOptions, Checkpoint, VectorStats, check_finite, load_adapter,
    save_adapter, save_adapter_with, save_adapters, save_checkpoint, statistics,
};

fn adapter(model: &Tiny, config: Ia3Config) -> Adapter {
    let config = config.with_init_ia3_weights(false);
    Adapter::init(model, &config.plan(&model.info()).unwrap())
}

fn config() -> Ia3Config {
    Ia3Config::new().with_target_modules(["k", "wo", "c_fc"]).with_feedforward_modules(["wo"])
}

#[test]
fn named_adapters_lie_in_folders_of_their_own() {
    let (device, out) = (Device::flex(), tempfile::tempdir().unwrap());
    let model = Tiny::new(&device);
    let [a, b] = [(); 2].map(|()| adapter(&model, config()));
    save_adapters(&[("default", &a), ("b", &b)], out.path()).unwrap();
    let own = ["README.md", "adapter_config.json", "adapter_model.safetensors"];
    assert_eq!(names(out.path()), [own[0], own[1], own[2], "b"]);
    assert_eq!(names(&out.path().join("b")), own);
    for (dir, adapter) in [(out.path().to_owned(), &a), (out.path().join("b"), &b)] {
        let loaded = load_adapter(dir, &model.info(), &device).unwrap();
        assert_eq!(values(&merge(&model, &[&loaded]).unwrap()), values(&merge(&model, &[adapter]).unwrap()));
    }
}

#[test]
fn modules_saved_whole_come_back_in_burns_layout() {
    let (device, out) = (Device::flex(), tempfile::tempdir().unwrap());
    let model = Tiny::new(&device);
    let whole = ["block.0.column", "block.1.norm", "block.1.c_fc", "block.1.k", "shared"];
    let adapter = adapter(&model, config().with_target_modules(["wo"]).with_modules_to_save(whole));
    let options = AdapterOptions::default().with_base(model.info());
    save_adapter_with(&adapter, out.path(), &options).unwrap();
    let loaded = load_adapter(out.path(), &model.info(), &device).unwrap();
    assert_eq!(loaded.saved, adapter.saved);
    assert_eq!(loaded.saved.len(), 2 + 2 + 1 + 2 + 1);
    let file = AdapterFile::open(out.path()).unwrap();
    assert_eq!(file.saved["block.1.k.weight"].shape().as_slice(), [4, 6]);
    assert_eq!(file.saved["block.1.norm.weight"], adapter.saved["block.1.norm.gamma"]);
    assert_eq!(file.saved["block.1.c_fc.weight"], adapter.saved["block.1.c_fc.weight"]);
}

#[test]
fn the_head_that_peft_trained_is_transposed_for_burn() {
    let file = AdapterFile::open(fixture("bert/adapter")).unwrap();
    assert_eq!(file.saved["classifier.weight"].shape().as_slice(), [3, 24]);
    assert_eq!(file.saved["classifier.bias"].shape().as_slice(), [3]);
    assert_eq!((file.vectors.len(), file.saved.len()), (8, 2));
}

#[test]
fn a_vector_of_a_convolution_keeps_its_axes_and_fits_no_linear_layer() {
    let (device, out) = (Device::flex(), tempfile::tempdir().unwrap());
    let conv2d = ModuleKind::Conv2d { channels_in: Some(5), channels_out: 10, bias: true };
    let base = |kind| ModelInfo { model_type: None, modules: vec![ModuleInfo::new("conv2d", kind)] };
    let dir = fixture("custom/conv2d_1/adapter");
    let adapter = load_adapter(&dir, &base(conv2d), &device).unwrap();
    save_adapter(&adapter, out.path()).unwrap();
    let shape = |dir| AdapterFile::open(dir).unwrap().vectors["conv2d"].shape.clone();
    assert_eq!((shape(dir.as_path()), shape(out.path())), (vec![1, 10, 1, 1], vec![1, 10, 1, 1]));
    let linear = ModuleKind::Linear { d_in: 5, d_out: 10, bias: true };
    let error = load_adapter(&dir, &base(linear), &device).unwrap_err();
    assert!(
        matches!(&error, AdapterFileError::VectorShape { expected, .. } if *expected == [10, 1]),
        "{error}"
    );
}

#[test]
fn what_does_not_fit_is_reported_where_that_is_allowed() {
    let (device, out) = (Device::flex(), tempfile::tempdir().unwrap());
    let model = Tiny::new(&device);
    let mut adapter = adapter(&model, config());
    let vector = adapter.vectors.remove("block.1.k").unwrap();
    adapter.vectors.insert("block.7.k".to_string(), vector);
    save_adapter(&adapter, out.path()).unwrap();
    let (loaded, report) =
        AdapterFile::open(out.path()).unwrap().into_adapter(&model.info(), &device).unwrap();
    assert_eq!((loaded.vectors.len(), report.is_complete()), (5, false));
    let expected = "5 vectors loaded; 1 layer without a vector: block.1.k; 1 tensor not asked for: block.7.k";
    assert_eq!(report.to_string(), expected);
    let error = load_adapter(out.path(), &model.info(), &device).unwrap_err().to_string();
    let expected = format!(
        "the adapter `{}` does not fit the base: 1 layer without a vector (`block.1.k` (closest: `block.7.k`)), \
         1 tensor not asked for (`block.7.k` (closest: `block.1.k`)); was it trained on another base?",
        out.path().join("adapter_model.safetensors").display()
    );
    assert_eq!(error, expected);
}

#[test]
fn the_card_says_what_the_adapter_holds_and_an_old_one_stays() {
    let (device, out) = (Device::flex(), tempfile::tempdir().unwrap());
    let model = Tiny::new(&device);
    let options = AdapterOptions::default().with_base_name("google/tiny");
    save_adapter_with(&adapter(&model, config()), out.path(), &options).unwrap();
    let card = fs::read_to_string(out.path().join("README.md")).unwrap();
    let expected = "---\nbase_model: google/tiny\nlibrary_name: peft\ntags:\n- base_model:adapter:google/tiny\n\
                    - ia3\n- transformers\n---\n";
    assert!(card.starts_with(expected), "{card}");
    for row in [
        "| k | output | 2 | 8 |",
        "| wo | input | 2 | 20 |",
        "| c_fc | output | 2 | 20 |",
        "| **all** | | 6 | 48 |",
    ] {
        assert!(card.contains(row), "{card}");
    }
    let config = AdapterFile::open(out.path()).unwrap().config;
    assert_eq!(
        (config.base_model_name_or_path.as_deref(), config.inference_mode),
        (Some("google/tiny"), true)
    );
    fs::write(out.path().join("README.md"), "mine").unwrap();
    save_adapter_with(&adapter(&model, self::config()), out.path(), &options).unwrap();
    assert_eq!(fs::read_to_string(out.path().join("README.md")).unwrap(), "mine");
}

#[test]
fn statistics_are_of_the_finite_values() {
    let (device, out) = (Device::flex(), tempfile::tempdir().unwrap());
    let model = Tiny::new(&device);
    let mut adapter = adapter(&model, config());
    let l = Tensor::<1>::from_floats([1.0, -1.0, f32::NAN, f32::INFINITY], &device);
    adapter.vectors.insert("block.0.k".to_string(), ia3_core::Ia3Vector::new(l, ia3_core::Placement::Output));
    save_adapter(&adapter, out.path()).unwrap();
    let loaded = load_adapter(out.path(), &model.info(), &device).unwrap();
    let (path, stats) = &statistics(&loaded)[1];
    assert_eq!(path, "block.0.k");
    assert_eq!(
        stats.to_string(),
        "mean 0.0000 std 1.0000 min -1.0000 max 1.0000, 1 of 4 negative, 1 ones, 2 not finite"
    );
    assert_eq!(AdapterFile::open(out.path()).unwrap().statistics()[1], (path.clone(), *stats));
    let expected = "the adapter was not written: 2 of 4 values of `block.0.k` are NaN or infinite";
    assert_eq!(check_finite(&loaded).unwrap_err().to_string(), expected);
    assert_eq!(AdapterFile::open(out.path()).unwrap().check_finite().unwrap_err().to_string(), expected);
    let empty = VectorStats::of(&[]);
    assert!(empty.mean.is_nan() && empty.min.is_nan() && empty.count == 0);
}

#[test]
fn parameters_stay_frozen_or_trained_on_loading() {
    let (device, out) = (Device::flex(), tempfile::tempdir().unwrap());
    save_checkpoint(&Tiny::new(&device), out.path()).unwrap();
    let checkpoint = Checkpoint::open(out.path()).unwrap();
    let mut model = Tiny::new(&device.clone().autodiff());
    model.block[0] = model.block[0].clone().no_grad();
    let (loaded, _) = checkpoint.load(model).unwrap();
    let trained = |w: &burn::module::Param<Tensor<2>>| (w.val().is_autodiff(), w.val().is_require_grad());
    assert_eq!(trained(&loaded.block[0].k.weight), (true, false));
    assert_eq!(trained(&loaded.block[1].k.weight), (true, true));
    assert_eq!(trained(&loaded.block[1].column.weight), (true, true));
    assert_eq!(loaded.shared.weight.val().dtype(), DType::F32);
}
