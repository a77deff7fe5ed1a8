//! Gradients of every trained value, and five steps of every optimiser of the corpus: losses, norms, parameters.

use burn::module::{Module, Param};
use burn::optim::GradientsParams;
use burn::tensor::Tensor;
use ia3::Ia3Vector;
use ia3::core::{Adapter, ParamPath, ParamVisitor, visit_params_with};
use ia3::io::AdapterOptions;
use ia3::models::Model;
use ia3::train::{OptimizerConfig, clip_grad_norm};
use serde_json::Value;

use crate::case::{Case, Tensors, values};
use crate::compare::{Comparison, GRADIENT, LOSS, PARAMETERS};

/// A bias that all tokens share changes no softmax over the tokens: its gradient is rounding noise, which the corpus leaves out.
const NOISE: &str = "qa_outputs.bias";

pub(crate) fn run(case: &Case, comparison: &mut Comparison) {
    let adapter = case.adapter("adapter");
    let model = ia3::attach(&case.model, &[&adapter]).unwrap().train();
    gradients(case, &adapter, &model, comparison);
    for (name, settings) in case.meta["optim"].as_object().unwrap() {
        optimiser(case, name, settings, &adapter, model.clone(), comparison);
    }
}

pub(crate) fn backward(case: &Case, model: &Model) -> (f64, GradientsParams) {
    let loss = case.loss(model);
    let grads = GradientsParams::from_grads(loss.backward(), model);
    (values(loss)[0], grads)
}

fn gradients(case: &Case, adapter: &Adapter, model: &Model, comparison: &mut Comparison) {
    let (_, grads) = backward(case, model);
    let trained = adapter.vectors.len() + adapter.saved.len();
    comparison.equal("number of gradients", &[grads.len()], &[trained]);
    let file = as_file(case, &gradients_of(adapter, model, &grads));
    for key in file.names().filter(|key| !key.ends_with(NOISE)) {
        let got = &file.get(key).unwrap().values;
        for kind in ["grad", "grad_f64"] {
            match case.train.get(&format!("{kind}.{key}")) {
                Some(expected) => {
                    comparison.relative(&format!("{kind}.{key}"), got, &expected.values, GRADIENT)
                }
                None => comparison.problem(format!("the corpus has no {kind}.{key}")),
            }
        }
    }
}

/// An adapter that holds gradients where another holds values.
pub(crate) fn gradients_of(adapter: &Adapter, model: &Model, grads: &GradientsParams) -> Adapter {
    struct Saved<'a>(&'a GradientsParams, &'a mut Adapter);
    impl ParamVisitor for Saved<'_> {
        fn visit_float<const D: usize>(&mut self, path: &ParamPath, param: &Param<Tensor<D>>) {
            if let Some(saved) = self.1.saved.get_mut(&path.to_string()) {
                *saved = self.0.get::<D>(param.id).expect("a gradient").into_data();
            }
        }
    }
    let mut gradients = adapter.clone();
    for vector in gradients.vectors.values_mut() {
        *vector = Ia3Vector::new(grads.get::<1>(vector.l.id).expect("a gradient"), vector.placement);
    }
    visit_params_with(model, &mut Saved(grads, &mut gradients));
    gradients
}

/// What an adapter file would hold, under its keys and in its layout.
pub(crate) fn as_file(case: &Case, adapter: &Adapter) -> Tensors {
    let dir = tempfile::tempdir().unwrap();
    let options = AdapterOptions::new().with_base(case.model.info());
    ia3::io::save_adapter_with(adapter, dir.path(), &options).unwrap();
    Tensors::read(&dir.path().join("adapter_model.safetensors"))
}

fn optimiser(
    case: &Case,
    name: &str,
    settings: &Value,
    adapter: &Adapter,
    mut model: Model,
    comparison: &mut Comparison,
) {
    let mut optimizer = optimizer_config(settings).init();
    let rate = settings["hp"]["lr"].as_f64().unwrap();
    let clip = settings["clip_grad_norm"].as_f64();
    let (mut losses, mut norms) = (vec![], vec![]);
    for _ in 0..settings["steps"].as_u64().unwrap() {
        let (loss, grads) = backward(case, &model);
        let (grads, norm) = clip_grad_norm(grads, &model, clip.unwrap_or(f64::INFINITY) as f32);
        model = optimizer.step(rate, model, grads);
        losses.push(loss);
        norms.push(norm.into());
    }
    losses.push(backward(case, &model).0);
    let floats =
        |v: &Value| -> Vec<f64> { v.as_array().unwrap().iter().map(|x| x.as_f64().unwrap()).collect() };
    comparison.tensor(&format!("{name} losses"), &losses, &floats(&settings["losses"]), &[], LOSS);
    comparison.relative(&format!("{name} grad_norms"), &norms, &floats(&settings["grad_norms"]), GRADIENT);
    let file = as_file(case, &adapter.extract(&model).unwrap());
    for key in file.names().filter(|key| !key.ends_with(NOISE)) {
        let name = format!("{name}.{key}");
        let got = &file.get(key).unwrap().values;
        match case.train.get(&name) {
            Some(expected) => comparison.tensor(&name, got, &expected.values, &[], PARAMETERS),
            None => comparison.problem(format!("the corpus has no {name}")),
        }
    }
}

pub(crate) fn optimizer_config(settings: &Value) -> OptimizerConfig {
    let hp = &settings["hp"];
    match settings["kind"].as_str().unwrap() {
        "torch.optim.AdamW" => {
            let float = |v: &Value| v.as_f64().unwrap() as f32;
            let betas = (float(&hp["betas"][0]), float(&hp["betas"][1]));
            OptimizerConfig::AdamW { betas, weight_decay: float(&hp["weight_decay"]) }
        }
        "transformers Adafactor" => {
            OptimizerConfig::Adafactor { scale_parameter: hp["scale_parameter"].as_bool().unwrap() }
        }
        other => panic!("no optimiser `{other}`"),
    }
}
