//! What the tests of PEFT's rows and of its faults share: a small model, and the cases of the corpus.
#![allow(dead_code)] // Each test target uses a part.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use burn::module::{Module, ModuleMapper, Param, ParamId};
use burn::nn::{Linear, LinearConfig};
use burn::optim::{GradientsParams, SgdConfig};
use burn::tensor::{DType, Device, Int, Tensor, TensorData, activation::relu};
use ia3::convert::{FeedForwardSite, place_feed_forward};
use ia3::core::Adapter;
use ia3::core::{ParamKind, visit_params};
use ia3::io::AdapterFile;
use ia3::models::{ImageShape, Model};
use ia3::{ActivationSpace, Ia3Config, Ia3Forward, Ia3Model, Ia3Vector, ModelInputs};

/// The device under test: the one that `IA3_TEST_DEVICE` names, or the CPU.
pub(crate) fn device() -> Device {
    let name = std::env::var("IA3_TEST_DEVICE").unwrap_or("flex".into());
    ia3::device(Some(&name)).unwrap_or_else(|error| panic!("{error}"))
}

/// PEFT's `MLP` of `test_custom_models.py`: `lin1(relu(lin0(x)))`, with biases.
#[derive(Module, Debug)]
pub(crate) struct Mlp {
    pub(crate) lin0: Linear,
    pub(crate) lin1: Linear,
}

impl ActivationSpace for Mlp {}

impl Mlp {
    pub(crate) fn new() -> Self {
        let device = device();
        Self { lin0: LinearConfig::new(10, 20).init(&device), lin1: LinearConfig::new(20, 2).init(&device) }
    }

    pub(crate) fn forward(&self, x: Tensor<2>) -> Tensor<2> {
        self.lin1.ia3_forward(relu(self.lin0.ia3_forward(x)))
    }

    pub(crate) fn output(&self) -> Vec<f32> {
        self.forward(input()).into_data().iter().collect()
    }
}

/// The same five rows in every test.
pub(crate) fn input() -> Tensor<2> {
    let values: Vec<f32> = (0..50).map(|i| ((i * 37 % 23) as f32 - 11.0) / 8.0).collect();
    Tensor::from_data(TensorData::new(values, [5, 10]), &device())
}

/// Targets and those of them whose input is scaled; the vectors start at random.
pub(crate) fn config(targets: &[&str], feedforward: &[&str]) -> Ia3Config {
    let config = Ia3Config::new().with_target_modules(targets).with_feedforward_modules(feedforward);
    config.with_init_ia3_weights(false)
}

/// An adapter for [`Mlp`] with a vector of these values on the output of `lin0`.
pub(crate) fn on_lin0(l: [f32; 20]) -> Adapter {
    let plan = config(&["lin0"], &[]).plan(&Mlp::new().info()).unwrap();
    let mut adapter = Adapter::init(&Mlp::new(), &plan);
    let l = Ia3Vector::new(Tensor::from_floats(l, &device()), ia3::Placement::Output);
    adapter.vectors.insert("lin0".into(), l);
    adapter
}

/// An [`Mlp`] with the adapters `default` and `other`, both on both layers, `default` active.
pub(crate) fn two() -> Ia3Model<Mlp> {
    let config = config(&["lin0", "lin1"], &["lin1"]);
    let mut model = Ia3Model::new(Mlp::new(), &config, "default").unwrap();
    model.add_adapter("other", &config).unwrap();
    model
}

/// Some steps of training; the model of the result carries gradients no more.
pub(crate) fn train(model: &Mlp) -> Mlp {
    let mut trained = model.clone().train();
    let mut optimizer = SgdConfig::new().init();
    for _ in 0..3 {
        let grads = gradients(&trained);
        trained = optimizer.step(0.1, trained, grads);
    }
    trained.valid()
}

/// The gradients of a model in training.
pub(crate) fn gradients(model: &Mlp) -> GradientsParams {
    GradientsParams::from_grads(model.forward(input()).square().mean().backward(), model)
}

/// Which parameters training would change, by `adapter.layer` for vectors and `*` for anything else.
pub(crate) fn trained_parameters(model: &Ia3Model<Mlp>) -> Vec<String> {
    let mut trained = vec![];
    visit_params(&model.model().clone().train(), |_, param| {
        if param.requires_grad() {
            trained.push(param.id());
        }
    });
    let name = |id: &ParamId| {
        let adapters = model.adapter_names().filter_map(|name| Some((name, model.adapter(name)?)));
        let vectors = adapters.flat_map(|(name, a)| a.vectors.iter().map(move |(path, v)| (name, path, v)));
        let found = vectors.filter(|(_, _, v)| v.l.id == *id).map(|(name, path, _)| format!("{name}.{path}"));
        found.last().unwrap_or("*".into())
    };
    let mut names: Vec<String> = trained.iter().map(name).collect();
    names.sort();
    names
}

/// Every float parameter of a module, as it is stored.
pub(crate) fn parameters<M: Module>(module: &M) -> Vec<TensorData> {
    let mut all = vec![];
    visit_params(module, |_, param| all.extend((param.kind() == ParamKind::Float).then(|| param.data())));
    all
}

/// The module with its parameters cast.
pub(crate) fn cast<M: Module>(module: M, dtype: DType) -> M {
    struct Cast(DType);
    impl ModuleMapper for Cast {
        fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
            param.map(|t| t.cast(self.0))
        }
    }
    module.map(&mut Cast(dtype))
}

pub(crate) type Tensors = HashMap<String, TensorData>;

/// All tensors of a file. `ia3::io::read_tensors` reads those that are named.
pub(crate) fn tensors(path: &Path) -> Tensors {
    let bytes = std::fs::read(path).unwrap();
    let file = safetensors::SafeTensors::deserialize(&bytes).unwrap();
    let names: Vec<String> = file.names().into_iter().map(str::to_string).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    ia3::io::read_tensors(path, &names).unwrap().into_iter().collect()
}

/// Within `tolerance`, absolute up to 1 and relative above.
pub(crate) fn assert_close(got: &[f32], expected: &[f32], tolerance: f32, what: &str) {
    assert_eq!(got.len(), expected.len(), "{what}");
    for (g, e) in got.iter().zip(expected) {
        let within = (g - e).abs() <= tolerance * e.abs().max(1.0);
        assert!(within, "{what}: {g} instead of {e}, tolerance {tolerance}");
    }
}

pub(crate) fn assert_apart(a: &[f32], b: &[f32], what: &str) {
    let worst = a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    assert!(worst > 1e-4, "{what}: the same but for {worst}");
}

/// A case of the corpus.
pub(crate) struct Case {
    pub(crate) name: String,
    pub(crate) dir: PathBuf,
    pub(crate) base: Model,
    inputs: ModelInputs,
}

pub(crate) fn fixture(path: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../fixtures").join(path)
}

/// The adapter of a case, its feed-forward vectors on the matrices beside the gates where there are gates.
pub(crate) fn beside_gates(case: &Path, base: &Model) -> Adapter {
    let file = AdapterFile::open(case.join("adapter")).unwrap();
    let moved = place_feed_forward(file.clone(), FeedForwardSite::Wi1, Some(&base.info()));
    let file = moved.map_or(file, |(moved, _)| moved);
    file.into_adapter(&base.info(), &device()).unwrap().0
}

/// Images that the model reads, all different.
pub(crate) fn images(model: &Model, count: usize) -> Option<Tensor<4>> {
    let ImageShape { channels, height, width, .. } = model.image()?;
    let shape = [count, channels, height, width];
    let values: Vec<f32> =
        (0..shape.iter().product()).map(|i: usize| (i as f32 * 0.37).sin() * 2.0).collect();
    Some(Tensor::from_data(TensorData::new(values, shape), &device()))
}

/// Every case of the project's own corpus.
pub(crate) fn cases() -> Vec<Case> {
    ia3_testing::case_dirs(&fixture("")).into_iter().map(Case::open).collect()
}

const INPUTS: [&str; 7] = [
    "input_ids",
    "attention_mask",
    "decoder_input_ids",
    "decoder_attention_mask",
    "token_type_ids",
    "input_features",
    "pixel_values",
];

impl Case {
    fn open(dir: PathBuf) -> Self {
        let device = device();
        let base = ia3::from_pretrained(dir.join("base"), &device).unwrap().model;
        let mut tensors = ia3::io::read_tensors(dir.join("io.safetensors"), &INPUTS).unwrap();
        let features = tensors.remove("input_features");
        let mut take = |name: &str| -> Option<Tensor<2, Int>> {
            Some(Tensor::from_data(tensors.remove(name)?.convert::<i64>(), &device))
        };
        let inputs = ModelInputs {
            input_ids: take("input_ids"),
            attention_mask: take("attention_mask"),
            decoder_input_ids: take("decoder_input_ids"),
            decoder_attention_mask: take("decoder_attention_mask"),
            token_type_ids: take("token_type_ids"),
            input_features: features.map(|features| Tensor::from_data(features, &device)),
            ..ModelInputs::default()
        };
        let pixels = tensors.remove("pixel_values").map(|pixels| Tensor::from_data(pixels, &device));
        let inputs = ModelInputs { pixel_values: pixels, ..inputs };
        let name = dir.file_name().unwrap().to_string_lossy().to_string();
        Self { name, dir, base, inputs }
    }

    /// The base with `adapter` as `default`, active and trainable.
    pub(crate) fn model(&self) -> Ia3Model<Model> {
        let mut model = Ia3Model::builder(self.base.clone())
            .model_info(self.base.info())
            .load(self.dir.join("adapter"))
            .unwrap();
        model.set_requires_grad(["default"], true).unwrap();
        model
    }

    /// As [`model`](Self::model), with `adapter_b` as `b` beside it.
    pub(crate) fn two(&self) -> Ia3Model<Model> {
        let mut model = self.model();
        model.load_adapter(self.dir.join("adapter_b"), "b").unwrap();
        model
    }

    /// Whether the adapters replace parameters (`modules_to_save`), so that only one can be active.
    pub(crate) fn replaces(&self) -> bool {
        !self.model().adapter("default").unwrap().saved.is_empty()
    }

    pub(crate) fn inputs(&self) -> &ModelInputs {
        &self.inputs
    }

    pub(crate) fn logits(&self, model: &Model) -> Vec<f32> {
        model.forward(&self.inputs).unwrap().cast(DType::F32).into_data().iter().collect()
    }

    /// A tensor of the corpus.
    pub(crate) fn expected(&self, name: &str) -> Vec<f32> {
        let tensors = ia3::io::read_tensors(self.dir.join("io.safetensors"), &[name]).unwrap();
        tensors.get(name).unwrap_or_else(|| panic!("{}: no {name}", self.name)).iter().collect()
    }

    /// The values at real tokens, of the decoder if there is one.
    pub(crate) fn real(&self, logits: &[f32]) -> Vec<f32> {
        let decoder = self.inputs.decoder_input_ids.is_some();
        let mask = if decoder { &self.inputs.decoder_attention_mask } else { &self.inputs.attention_mask };
        let Some(mask) = mask else { return logits.to_vec() };
        let mask: Vec<i64> = mask.clone().into_data().iter().collect();
        let inner = logits.len() / mask.len();
        if inner == 0 {
            return logits.to_vec();
        }
        let kept = logits.chunks(inner).zip(&mask).filter(|(_, real)| **real == 1);
        kept.flat_map(|(row, _)| row.iter().copied()).collect()
    }
}
