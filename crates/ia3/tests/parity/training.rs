//! Gradients of every vector, and five steps of every optimiser of the corpus: losses, norms, parameters.

use burn::module::Module;
use burn::optim::GradientsParams;
use ia3::train::{OptimizerConfig, clip_grad_norm};
use ia3::{Adapter, Model};
use serde_json::Value;

use crate::case::{Case, values};
use crate::compare::{Comparison, GRADIENT, LOSS, PARAMETERS};

pub(crate) fn run(case: &Case, comparison: &mut Comparison) {
    let adapter = case.adapter("adapter");
    let model = ia3::attach(&case.model, &[&adapter]).unwrap().train();
    gradients(case, &adapter, &model, comparison);
    for (name, settings) in case.meta["optim"].as_object().unwrap() {
        optimiser(case, name, settings, &adapter, model.clone(), comparison);
    }
}

fn key(path: &str) -> String {
    format!("base_model.model.{path}.ia3_l")
}

fn backward(case: &Case, model: &Model) -> (f64, GradientsParams) {
    let loss = model.loss(&case.inputs(""), case.labels()).unwrap();
    let grads = GradientsParams::from_grads(loss.backward(), model);
    (values(loss)[0], grads)
}

fn gradients(case: &Case, adapter: &Adapter, model: &Model, comparison: &mut Comparison) {
    let (_, grads) = backward(case, model);
    comparison.equal("number of gradients", &[grads.len()], &[adapter.vectors.len()]);
    for (path, vector) in &adapter.vectors {
        let Some(got) = grads.get::<1>(vector.l.id) else {
            comparison.problem(format!("{path} has no gradient"));
            continue;
        };
        let got = values(got);
        for kind in ["grad", "grad_f64"] {
            let name = format!("{kind}.{}", key(path));
            match case.train.get(&name) {
                Some(expected) => comparison.relative(&name, &got, &expected.values, GRADIENT),
                None => comparison.problem(format!("the corpus has no {name}")),
            }
        }
    }
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
    for (path, vector) in adapter.extract(&model).unwrap().vectors {
        let name = format!("{name}.{}", key(&path));
        match case.train.get(&name) {
            Some(expected) => {
                comparison.tensor(&name, &values(vector.l.val()), &expected.values, &[], PARAMETERS)
            }
            None => comparison.problem(format!("the corpus has no {name}")),
        }
    }
}

fn optimizer_config(settings: &Value) -> OptimizerConfig {
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
