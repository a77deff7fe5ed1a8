use std::path::PathBuf;

use ia3::Ia3Config;
use ia3::core::Adapter;
use ia3::models::Model;
use ia3::train::{
    CausalLoss, Example, LossConfig, OptimizerConfig, Schedule, Target, TrainConfig, Unlikelihood,
};
use serde_json::Value;

use ia3_testing::corpus;

use crate::common::device;

/// A training of `fixtures/tfew/recipes.json`.
pub(crate) struct Case {
    pub(crate) name: String,
    /// The base.
    pub(crate) model: Model,
    pub(crate) examples: Vec<Example>,
    pub(crate) config: TrainConfig,
    /// One object a step.
    pub(crate) log: Vec<Value>,
    /// Scores of each example's choices before training.
    pub(crate) scores: Vec<Vec<f64>>,
}

impl Case {
    pub(crate) fn read(name: &str) -> Self {
        let text = std::fs::read_to_string(fixture("tfew/recipes.json")).unwrap();
        let recipes: Value = serde_json::from_str(&text).unwrap();
        let case = &recipes["cases"][name];
        let base = fixture(case["base"].as_str().unwrap()).join("base");
        let data = &recipes["data"][case["data"].as_str().unwrap()];
        Self {
            name: name.into(),
            model: ia3::from_pretrained(base, &device()).unwrap().model,
            examples: data.as_array().unwrap().iter().map(example).collect(),
            config: config(name, case),
            log: case["log"].as_array().unwrap().clone(),
            scores: serde_json::from_value(case["scores"].clone()).unwrap(),
        }
    }

    /// The adapter before training: the targets of the reference's, vectors of ones, the base's own head.
    pub(crate) fn fresh(&self) -> Adapter {
        let path = fixture("tfew").join(&self.name).join("adapter_config.json");
        let config = Ia3Config::from_json(&std::fs::read_to_string(path).unwrap()).unwrap();
        Adapter::init(&self.model, &config.plan(&self.model.info()).unwrap())
    }

    /// The reference's adapter after training.
    pub(crate) fn trained(&self) -> Adapter {
        let path = fixture("tfew").join(&self.name);
        ia3::io::load_adapter(&path, &self.model.info(), &device()).unwrap()
    }
}

fn fixture(path: &str) -> PathBuf {
    corpus().join(path)
}

fn ids(value: &Value) -> Vec<i64> {
    serde_json::from_value(value.clone()).unwrap()
}

fn example(row: &Value) -> Example {
    let number = |name: &str| row[name].as_u64().map(|n| n as usize);
    let target = match (&row["target"], number("class")) {
        (Value::Array(_), _) => Target::Tokens(ids(&row["target"])),
        (_, Some(class)) => Target::Class(class),
        _ => {
            let choices = row["choices"].as_array().unwrap().iter().map(ids).collect();
            Target::Choices { choices, answer: number("answer").unwrap() }
        }
    };
    Example::new(ids(&row["input"]), target)
}

/// The preset of the case, shortened; other cases say everything.
fn config(name: &str, case: &Value) -> TrainConfig {
    let number = |value: &Value| value.as_u64().unwrap() as usize;
    let (steps, schedule) = (number(&case["steps"]), Schedule::Linear { warmup: number(&case["warmup"]) });
    match name {
        "t_few" => TrainConfig::t_few().with_steps(steps).with_schedule(schedule),
        "pretraining" => {
            TrainConfig::t_few_pretraining().with_steps(steps).with_schedule(schedule).with_batch_size(8)
        }
        _ => TrainConfig::new()
            .with_steps(steps)
            .with_batch_size(8)
            .with_learning_rate(case["optimizer"]["lr"].as_f64().unwrap())
            .with_schedule(schedule)
            .with_optimizer(match case["optimizer"]["kind"].as_str().unwrap() {
                "adamw" => OptimizerConfig::adamw(),
                "adafactor" => OptimizerConfig::Adafactor { scale_parameter: true },
                other => panic!("no optimiser `{other}`"),
            })
            .with_max_grad_norm(case["max_grad_norm"].as_f64().map(|norm| norm as f32))
            .with_loss(loss(&case["loss"])),
    }
}

fn loss(value: &Value) -> LossConfig {
    let number = |name: &str| value[name].as_f64().unwrap();
    LossConfig::new()
        .with_mc_loss(number("mc_loss"))
        .with_unlikely_loss(number("unlikely_loss"))
        .with_unlikelihood(if value["unlikelihood"] == "paper" {
            Unlikelihood::Paper
        } else {
            Unlikelihood::Authors
        })
        .with_length_norm(number("length_norm"))
        .with_causal(if value["causal"] == "all" { CausalLoss::All } else { CausalLoss::Target })
}
