//! What has to hold for one case.

use std::path::{Path, PathBuf};

use burn::module::{Module, Param};
use burn::optim::GradientsParams;
use burn::tensor::{Device, Int, Tensor, TensorData};
use ia3::core::Adapter;
use ia3::io::{AdapterOptions, Checkpoint, load_adapter, read_tensors};
use ia3::io::{save_adapter_with, save_checkpoint};
use ia3::train::OptimizerConfig;
use ia3::{AdapterError, Ia3Config, ModelInfo, Placement};
use ia3_core::{Ia3Vector, ParamPath, ParamVisitor, visit_params_with};
use serde_json::Value;

use crate::compare::{GRADIENT, OUTPUT, PARAMETERS, Reference, Tensors, WEIGHTS, read};
use crate::nets::{Net, Space};

/// A case of the corpus.
pub(crate) struct Case<'a> {
    pub(crate) root: &'a Path,
    pub(crate) meta: &'a Value,
    pub(crate) settings: &'a Value,
    pub(crate) device: &'a Device,
}

impl Case<'_> {
    pub(crate) fn name(&self) -> &str {
        self.meta["case"].as_str().unwrap()
    }

    pub(crate) fn model(&self) -> &str {
        self.meta["model"].as_str().unwrap()
    }

    /// The adapter's folder.
    fn dir(&self) -> PathBuf {
        self.root.join(self.name()).join("adapter")
    }

    fn model_file(&self, ending: &str) -> PathBuf {
        self.root.join("models").join(format!("{}{ending}", self.model()))
    }

    fn inputs(&self, name: &str) -> TensorData {
        read_tensors(self.model_file(".io.safetensors"), &[name]).unwrap().remove(name).unwrap()
    }

    fn save(&self, adapter: &Adapter, info: &ModelInfo) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        // Vectors need no facts of the base, whatever they scale; matrices saved whole do.
        let base = Some(info.clone()).filter(|_| !adapter.saved.is_empty());
        let mut options = AdapterOptions::new();
        options.base = base;
        save_adapter_with(adapter, dir.path(), &options).unwrap();
        dir
    }

    /// Everything about the case; what went wrong, and a line to print.
    pub(crate) fn run<N: Net>(&self, net: N) -> (Vec<String>, String) {
        let reference = Reference::open(&self.root.join(self.name()).join("reference.safetensors"));
        let file = Checkpoint::open(self.model_file(".safetensors")).unwrap();
        let (base, _) = file.load(net).unwrap();
        let info = ia3::model_info(&base, None, None);
        let adapter = load_adapter(self.dir(), &info, self.device).unwrap();
        for space in [Space::Activation, Space::Weight] {
            let output = base.forward(self.inputs("x"), space).into_data();
            reference.compare("base_output", &output, &self.inputs("base_output"), OUTPUT);
        }
        self.written_back(&adapter, &info, &reference);
        self.merged(&base, &adapter, &reference);
        let adapted = ia3::attach(&base, &[&adapter]).unwrap();
        self.adapted(&adapted, &adapter, &info, Space::Activation, &reference);
        let note = self.in_weight_space(&base, &adapter, &info, &reference);
        (reference.failures(), format!("{}, {note}", reference.worst()))
    }

    /// Exact where no output vector meets a bias, refused where one does.
    fn in_weight_space<N: Net>(
        &self,
        base: &N,
        adapter: &Adapter,
        info: &ModelInfo,
        reference: &Reference,
    ) -> &str {
        let biased = |path: &str| info.modules.iter().any(|m| m.path == path && m.kind.has_bias());
        let on_bias = |(path, v): (&String, &Ia3Vector)| v.placement == Placement::Output && biased(path);
        match (ia3::attach_to_weights(base, &[adapter]), adapter.vectors.iter().any(on_bias)) {
            (Ok(model), false) => {
                self.adapted(&model, adapter, info, Space::Weight, reference);
                "both spaces"
            }
            (Err(AdapterError::BiasInWeightSpace { .. }), true) => "weight space refused (bias)",
            (Ok(_), true) => {
                reference.fail("weight space took an output vector on a bias".into());
                ""
            }
            (Err(error), _) => {
                reference.fail(format!("weight space: {error}"));
                ""
            }
        }
    }

    /// PEFT's own file again, to the byte.
    fn written_back(&self, adapter: &Adapter, info: &ModelInfo, reference: &Reference) {
        let dir = self.save(adapter, info);
        let file = "adapter_model.safetensors";
        let read = |dir: &Path| std::fs::read(dir.join(file)).unwrap();
        if read(dir.path()) != read(&self.dir()) {
            reference.fail(format!("{file} written back has other bytes"));
        }
        let config = |dir: &Path| {
            let text = std::fs::read_to_string(dir.join("adapter_config.json")).unwrap();
            Ia3Config::from_json(&text).unwrap()
        };
        if config(dir.path()) != config(&self.dir()) {
            reference.fail("adapter_config.json written back says something else".into());
        }
    }

    fn merged<N: Net>(&self, base: &N, adapter: &Adapter, reference: &Reference) {
        let merged = ia3::merge_safe(base, &[adapter]).unwrap();
        let output = merged.forward(self.inputs("x"), Space::Weight).into_data();
        reference.check("merged_output", "", &output, OUTPUT);
        let dir = tempfile::tempdir().unwrap();
        save_checkpoint(&merged, dir.path()).unwrap();
        let before = read(&self.model_file(".safetensors"));
        let mut after = read(&dir.path().join("model.safetensors"));
        after.retain(|name, data| before.get(name) != Some(data));
        reference.check_all("merged.", "", &after, false, WEIGHTS);
    }

    /// Output, gradients and training of a model with vectors.
    fn adapted<N: Net>(
        &self,
        model: &N,
        adapter: &Adapter,
        info: &ModelInfo,
        space: Space,
        reference: &Reference,
    ) {
        let what = if space == Space::Activation { "in activation space" } else { "in weight space" };
        let output = model.forward(self.inputs("x"), space).into_data();
        reference.check("adapter_output", what, &output, OUTPUT);

        let model = model.clone().train();
        let (_, grads) = self.backward(&model, space);
        let expected = adapter.vectors.len() + adapter.saved.len();
        if grads.len() != expected {
            reference.fail(format!("{} gradients instead of {expected} {what}", grads.len()));
        }
        let as_file =
            |adapter: &Adapter| read(&self.save(adapter, info).path().join("adapter_model.safetensors"));
        let gradients: Tensors = as_file(&gradients(adapter, &model, grads));
        reference.check_all("grad.", what, &gradients, true, GRADIENT);

        let (trained, losses) = self.trained(model, adapter, space);
        reference.check_all("adamw.", what, &as_file(&trained), false, PARAMETERS);
        let expected: Vec<f64> =
            self.meta["losses"].as_array().unwrap().iter().map(|x| x.as_f64().unwrap()).collect();
        let floats = |v: Vec<f64>| TensorData::new(v.clone(), [v.len()]);
        reference.compare(&format!("losses {what}"), &floats(losses), &floats(expected), PARAMETERS);
    }

    fn backward<N: Net>(&self, model: &N, space: Space) -> (f64, GradientsParams) {
        let labels = Tensor::<1, Int>::from_data(self.inputs("labels"), self.device);
        let output = model.forward(self.inputs("x"), space);
        let loss = -output.gather(1, labels.unsqueeze_dim(1)).mean();
        let grads = GradientsParams::from_grads(loss.backward(), model);
        (loss.into_scalar::<f32>().into(), grads)
    }

    fn trained<N: Net>(&self, mut model: N, adapter: &Adapter, space: Space) -> (Adapter, Vec<f64>) {
        let hp = &self.settings["adamw"];
        let float = |v: &Value| v.as_f64().unwrap();
        let betas = (float(&hp["betas"][0]) as f32, float(&hp["betas"][1]) as f32);
        let weight_decay = float(&hp["weight_decay"]) as f32;
        let mut optimizer = OptimizerConfig::AdamW { betas, weight_decay }.init();
        let mut losses = vec![];
        for _ in 0..self.settings["steps"].as_u64().unwrap() {
            let (loss, grads) = self.backward(&model, space);
            model = optimizer.step(float(&hp["lr"]), model, grads);
            losses.push(loss);
        }
        losses.push(self.backward(&model, space).0);
        (adapter.extract(&model).unwrap(), losses)
    }
}

/// The adapter with gradients for values, so that they are saved under the names and in the layout of its file.
fn gradients<M: Module>(adapter: &Adapter, model: &M, grads: GradientsParams) -> Adapter {
    let mut of_saved = OfSaved { grads: &grads, found: Default::default() };
    visit_params_with(model, &mut of_saved);
    let mut gradients = Adapter { saved: of_saved.found.into(), ..adapter.clone() };
    for vector in gradients.vectors.values_mut() {
        let gradient = grads.get::<1>(vector.l.id).unwrap();
        *vector = Ia3Vector::new(gradient, vector.placement).with_weight_rank(vector.weight_rank());
    }
    gradients
}

/// The gradients of the base's own parameters: those of `modules_to_save`.
struct OfSaved<'a> {
    grads: &'a GradientsParams,
    found: Tensors,
}

impl ParamVisitor for OfSaved<'_> {
    fn visit_float<const D: usize>(&mut self, path: &ParamPath, param: &Param<Tensor<D>>) {
        let gradient = self.grads.get::<D>(param.id).filter(|_| !path.inside_reparameterization());
        self.found.extend(gradient.map(|g| (path.to_string(), g.into_data())));
    }
}
