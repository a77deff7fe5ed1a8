//! Checkpoints to modules and back.

use crate::common;

use std::fs;

use crate::common::{Tiny, names, values};
use burn::module::{Module, ModuleMapper, Param};
use burn::tensor::{DType, Device, FloatDType, Tensor, TensorData};
use ia3_io::{
    Checkpoint, CheckpointError, CheckpointOptions, Dtype, LoadOptions, copy_sidecars, save_checkpoint_with,
};
use safetensors::SafeTensors;

struct Cast(DType);

impl ModuleMapper for Cast {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        param.map(|tensor| tensor.cast(self.0))
    }
}

fn options(max_shard_bytes: Option<u64>) -> CheckpointOptions {
    let mut options = CheckpointOptions::new();
    options.max_shard_bytes = max_shard_bytes;
    options
}

#[test]
fn a_module_is_loaded_as_it_was_saved() {
    let (device, out) = (Device::flex(), tempfile::tempdir().unwrap());
    for (dtype, name) in [(DType::F32, "f32"), (DType::F16, "f16"), (DType::BF16, "bf16")] {
        let model = Tiny::new(&device).map(&mut Cast(dtype));
        for limit in [None, Some(200)] {
            let dir = out.path().join(format!("{name}{}", limit.is_some()));
            let saved = save_checkpoint_with(&model, &dir, &options(limit)).unwrap();
            let (loaded, report) = Checkpoint::open(&dir).unwrap().load(Tiny::new(&device)).unwrap();
            assert_eq!(values(&loaded), values(&model), "{name} {limit:?}");
            assert_eq!((report.loaded.len(), report.unused.len()), (saved.tensors, 0));
            assert_eq!(names(&dir).len(), saved.files.len());
            assert_eq!(saved.files.len() > 1, limit.is_some());
        }
    }
}

#[test]
fn the_file_has_the_layout_of_pytorch() {
    let (device, out) = (Device::flex(), tempfile::tempdir().unwrap());
    let model = Tiny::new(&device);
    save_checkpoint_with(&model, out.path(), &options(None)).unwrap();
    let bytes = fs::read(out.path().join("model.safetensors")).unwrap();
    let file = SafeTensors::deserialize(&bytes).unwrap();
    let data = |name: &str| {
        let view = file.tensor(name).unwrap();
        let floats = view.data().chunks_exact(4).map(|b| f32::from_le_bytes(b.try_into().unwrap()));
        TensorData::new(floats.collect::<Vec<_>>(), view.shape().to_vec())
    };
    let block = &model.block[1];
    assert_eq!(data("block.1.k.weight"), block.k.weight.val().transpose().into_data());
    assert_eq!(data("block.1.column.weight"), block.column.weight.val().transpose().into_data());
    assert_eq!(data("block.1.c_fc.weight"), block.c_fc.weight.val().into_data());
    assert_eq!(data("block.1.norm.weight"), block.norm.gamma.val().into_data());
    assert_eq!(data("norm.weight"), model.norm.gamma.val().into_data());
    assert_eq!(data("shared.weight"), model.shared.weight.val().into_data());
    assert_eq!(Checkpoint::open(out.path()).unwrap().metadata().collect::<Vec<_>>(), [("format", "pt")]);
}

#[test]
fn parameters_keep_identity_training_state_and_are_never_randomly_initialised() {
    let (device, out) = (Device::flex(), tempfile::tempdir().unwrap());
    save_checkpoint_with(&Tiny::new(&device), out.path(), &options(None)).unwrap();
    let model = Tiny::new(&device);
    let ids = [model.block[0].k.weight.id, model.block[0].column.weight.id, model.norm.gamma.id];
    let untouched = model.clone();
    let (loaded, _) = Checkpoint::open(out.path()).unwrap().load(model).unwrap();
    assert_eq!([loaded.block[0].k.weight.id, loaded.block[0].column.weight.id, loaded.norm.gamma.id], ids);
    assert!(loaded.shared.weight.is_initialized());
    assert!(!untouched.shared.weight.is_initialized() && !untouched.block[0].column.weight.is_initialized());
    // What is initialised already, burn's column layout included, is replaced just so.
    values(&untouched);
    let (again, _) = Checkpoint::open(out.path()).unwrap().load(untouched).unwrap();
    assert_eq!(values(&again), values(&loaded));
}

#[test]
fn weights_are_cast_on_loading() {
    let (device, out) = (Device::flex(), tempfile::tempdir().unwrap());
    let model = Tiny::new(&device);
    save_checkpoint_with(&model, out.path(), &options(None)).unwrap();
    let checkpoint = Checkpoint::open(out.path()).unwrap();
    let load = |dtype| checkpoint.load_with(Tiny::new(&device), &LoadOptions::new().with_dtype(dtype));
    for (dtype, as_burn) in [(FloatDType::BF16, DType::BF16), (FloatDType::F16, DType::F16)] {
        let expected = model.clone().map(&mut Cast(as_burn));
        assert_eq!(values(&load(dtype).unwrap().0), values(&expected));
    }
    let error = load(FloatDType::F64).unwrap_err();
    assert_eq!(
        error.to_string(),
        "cannot load weights as F64, expected F32, F16 or BF16 in `LoadOptions::dtype`"
    );
}

#[test]
fn other_names_and_prefixes_are_found_and_leftovers_reported() {
    let (device, out) = (Device::flex(), tempfile::tempdir().unwrap());
    let file = out.path().join("model.safetensors");
    let shape = |bytes: std::ops::Range<usize>| {
        format!(r#"{{"dtype":"F32","shape":[2],"data_offsets":[{},{}]}}"#, bytes.start, bytes.end)
    };
    let header = format!(
        r#"{{"t5.norm.weight":{},"tied.copy":{},"tied.other":{},"extra":{}}}"#,
        shape(0..8),
        shape(8..16),
        shape(16..24),
        shape(24..32)
    );
    let data: Vec<u8> = [1f32, 2., 1., 2., 3., 4., 5., 6.].iter().flat_map(|x| x.to_le_bytes()).collect();
    fs::write(&file, common::raw(&header, &data)).unwrap();
    let norm = || Norm { norm: burn::nn::RmsNormConfig::new(2).init(&device) };
    let alias = |file: &str| ("norm.weight".to_string(), file.to_string());
    let options =
        LoadOptions::new().with_prefix("t5.").with_aliases(vec![alias("tied.copy"), alias("tied.other")]);
    let (loaded, report) = Checkpoint::open(&file).unwrap().load_with(norm(), &options).unwrap();
    assert_eq!(loaded.norm.gamma.val().into_data(), TensorData::from([1f32, 2.]));
    assert_eq!(report.to_string(), "1 tensor loaded (8 bytes); 2 not used: extra, tied.other");
    let options = LoadOptions::new().with_aliases(vec![alias("tied.other")]);
    let (loaded, _) = Checkpoint::open(&file).unwrap().load_with(norm(), &options).unwrap();
    assert_eq!(loaded.norm.gamma.val().into_data(), TensorData::from([3f32, 4.]));
    let options = LoadOptions::new().with_allow_missing(true);
    let (_, report) = Checkpoint::open(&file).unwrap().load_with(norm(), &options).unwrap();
    assert_eq!((report.missing, report.unused.len()), (vec!["norm.weight".to_string()], 4));
}

#[derive(Module, Debug)]
struct Norm {
    norm: burn::nn::RmsNorm,
}

#[test]
fn every_tensor_that_does_not_fit_is_named() {
    let (device, out) = (Device::flex(), tempfile::tempdir().unwrap());
    let mut small = Tiny::new(&device);
    small.block.pop();
    small.norm = burn::nn::RmsNormConfig::new(3).init(&device);
    save_checkpoint_with(&small, out.path(), &options(None)).unwrap();
    let error = Checkpoint::open(out.path()).unwrap().load(Tiny::new(&device));
    let error = error.unwrap_err();
    let expected = format!(
        "`{}` does not fit the model: 8 tensors missing (`block.1.k.weight` (closest: `block.0.k.weight`), \
         `block.1.k.bias` (closest: `block.0.k.bias`), `block.1.wo.weight` (closest: `block.0.wo.weight`) and 5 more), \
         1 tensor of another shape (`norm.weight` is [3], expected [6]); is it of this architecture and size?",
        out.path().display()
    );
    assert_eq!(error.to_string(), expected);
    let CheckpointError::Mismatch { missing, mis_shaped, bad_dtype, .. } = error else { panic!("{error}") };
    assert_eq!((missing.len(), mis_shaped.len(), bad_dtype.len()), (8, 1, 0));
}

#[test]
fn tensors_are_listed_and_compared_by_content() {
    let (device, out) = (Device::flex(), tempfile::tempdir().unwrap());
    let mut model = Tiny::new(&device);
    model.block[1].k.weight = Param::from_tensor(model.block[0].k.weight.val());
    save_checkpoint_with(&model, out.path(), &options(Some(100))).unwrap();
    let checkpoint = Checkpoint::open(out.path()).unwrap();
    assert!(checkpoint.same_bytes("block.0.k.weight", "block.1.k.weight").unwrap());
    assert!(!checkpoint.same_bytes("block.0.k.weight", "block.0.column.weight").unwrap());
    assert!(!checkpoint.same_bytes("block.0.k.weight", "norm.weight").unwrap());
    let facts = checkpoint.facts("block.0.wo.weight").unwrap();
    assert_eq!((facts.dtype, facts.shape, facts.bytes), (Dtype::F32, &[6, 10][..], 240));
    assert_eq!(checkpoint.tensors().count(), 19);
    assert_eq!(checkpoint.total_bytes(), 4 * model.num_params() as u64);
    assert_eq!(checkpoint.tensor("norm.weight").unwrap(), model.norm.gamma.val().into_data());
    let error = checkpoint.same_bytes("norm.weight", "norn.weight").unwrap_err().to_string();
    assert!(error.ends_with("has no tensor `norn.weight` (closest: `norm.weight`)"), "{error}");
}

#[test]
fn weights_in_the_way_are_not_destroyed() {
    let (device, out) = (Device::flex(), tempfile::tempdir().unwrap());
    let model = Tiny::new(&device);
    let dir = out.path();
    save_checkpoint_with(&model, dir, &options(None)).unwrap();
    let base = fs::read(dir.join("model.safetensors")).unwrap();
    let error = save_checkpoint_with(&Tiny::new(&device), dir, &options(None)).unwrap_err();
    assert!(matches!(error, CheckpointError::Exists { .. }), "{error}");
    let guarded = CheckpointOptions::new().with_base(dir.join(".")).with_overwrite(true);
    let error = save_checkpoint_with(&Tiny::new(&device), dir, &guarded).unwrap_err();
    assert!(matches!(error, CheckpointError::SameFolder { .. }), "{error}");
    assert!(fs::read(dir.join("model.safetensors")).unwrap() == base);
    // Weights that are replaced on purpose leave nothing that would be found instead of the new ones.
    let sharded = options(Some(300)).with_overwrite(true);
    save_checkpoint_with(&model, dir, &sharded).unwrap();
    assert!(!dir.join("model.safetensors").exists());
    save_checkpoint_with(&model, dir, &CheckpointOptions::new().with_overwrite(true)).unwrap();
    assert_eq!(names(dir), ["model.safetensors"]);
}

#[test]
fn a_model_with_vectors_is_not_saved() {
    let (device, out) = (Device::flex(), tempfile::tempdir().unwrap());
    let model = Tiny::new(&device);
    let config = ia3_core::Ia3Config::new().with_target_modules(["wo"]).with_feedforward_modules(["wo"]);
    let adapter = ia3_core::Adapter::init(&model, &config.plan(&model.info()).unwrap());
    let adapted = ia3_core::attach_to_weights(&model, &[&adapter]).unwrap();
    let error = save_checkpoint_with(&adapted, out.path(), &options(None)).unwrap_err().to_string();
    let expected = "`block.0.wo.weight` carries adapter vectors, which a checkpoint cannot hold; merge the adapter first";
    assert_eq!(error, expected);
    assert!(names(out.path()).is_empty());
    let merged = ia3_core::merge(&model, &[&adapter]).unwrap();
    save_checkpoint_with(&merged, out.path(), &options(None)).unwrap();
}

#[test]
fn sidecars_are_copied_and_weights_are_not() {
    let out = tempfile::tempdir().unwrap();
    let (from, to) = (out.path().join("from"), out.path().join("to"));
    fs::create_dir(&from).unwrap();
    for name in
        ["config.json", "tokenizer.json", "tokenizer_config.json", "spiece.model", "model.safetensors"]
    {
        fs::write(from.join(name), name).unwrap();
    }
    let copied = copy_sidecars(&from, &to).unwrap();
    assert_eq!(copied, ["config.json", "spiece.model", "tokenizer.json", "tokenizer_config.json"]);
    assert_eq!(names(&to), copied);
    assert_eq!(fs::read_to_string(to.join("spiece.model")).unwrap(), "spiece.model");
    assert!(matches!(copy_sidecars(&from, from.join("../from")), Err(CheckpointError::SameFolder { .. })));
}
