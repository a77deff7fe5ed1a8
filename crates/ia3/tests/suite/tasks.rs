//! The heads of encoders that the cases of the corpus do not have, against the numbers of transformers and PEFT in
//! `fixtures/tasks.*` (`fixtures/oracle/gen_tasks.py`).

use std::collections::BTreeMap;
use std::path::Path;

use burn::module::Module;
use burn::optim::GradientsParams;
use burn::tensor::{Int, Tensor, TensorData};
use ia3::core::Ia3Vector;
use ia3::models::IGNORE_INDEX;
use ia3::train::{Evaluator, Example, OptimizerConfig, Target, TokenPair};
use ia3::{Adapter, Model, ModelInputs, PretrainedOptions, Task};
use serde_json::{Value, json};

use crate::common::{Tensors, assert_close, device, fixture, tensors};

/// Tolerances of the corpus: of logits and losses, and of gradients in relation to the largest of a tensor.
const LOGITS: f32 = 1e-4;
const GRADIENT: f32 = 1e-3;

fn write(path: &Path, all: &BTreeMap<String, TensorData>) {
    let tensors: Vec<(&str, &TensorData)> = all.iter().map(|(key, value)| (key.as_str(), value)).collect();
    ia3::io::write_tensors(path, &tensors).unwrap();
}

/// One base of the corpus with another head.
pub(crate) struct Case {
    /// Such as `bert.MaskedLM`.
    pub name: String,
    folder: tempfile::TempDir,
    pub base: Model,
    facts: Value,
    pub task: Task,
}

/// The parameters of a fresh head, as `fresh` of the generator computes them.
fn fresh(facts: &Value) -> BTreeMap<String, TensorData> {
    let of = |(index, (name, shape)): (usize, (&String, &Value))| {
        let shape: Vec<usize> =
            shape.as_array().unwrap().iter().map(|n| n.as_u64().unwrap() as usize).collect();
        let value = |i: usize| {
            let wave = (0.7 + 1.3 * index as f64 + 2.1 * i as f64).sin();
            let scaled = match shape.as_slice() {
                [_] if name.ends_with("weight") => 1.0 + 0.2 * wave,
                [_] => 0.3 * wave,
                wide => 1.2 / (wide[wide.len() - 1] as f64).sqrt() * wave,
            };
            scaled as f32
        };
        let values: Vec<f32> = (0..shape.iter().product()).map(value).collect();
        (name.clone(), TensorData::new(values, shape))
    };
    facts["fresh"].as_object().unwrap().iter().enumerate().map(of).collect()
}

impl Case {
    fn open(name: &str, facts: &Value) -> Self {
        let (arch, head) = name.split_once('.').unwrap();
        let (dir, folder) = (fixture(arch), tempfile::tempdir().unwrap());
        let mut config: Value =
            serde_json::from_str(&std::fs::read_to_string(dir.join("base/config.json")).unwrap()).unwrap();
        config["architectures"] = json!([facts["model_class"]]);
        // The numbers are those of models without dropout, which ELECTRA's choices have by default.
        config["summary_last_dropout"] = json!(0.0);
        std::fs::write(folder.path().join("config.json"), config.to_string()).unwrap();
        let mut all: BTreeMap<_, _> = tensors(&dir.join("base/model.safetensors")).into_iter().collect();
        all.extend(fresh(facts));
        write(&folder.path().join("model.safetensors"), &all);
        let task = if head == "MaskedLM" { Task::MaskedLm } else { Task::MultipleChoice };
        let base = load(folder.path(), task);
        Self { name: name.into(), folder, base, facts: facts.clone(), task }
    }

    /// An input `[rows, seq]`, or `[rows·choices, seq]`.
    pub(crate) fn ids(&self, name: &str) -> Option<Tensor<2, Int>> {
        let value = self.facts["inputs"].get(name)?;
        let rows = |value: &Value| -> Vec<Value> {
            let rows = value.as_array().unwrap();
            match self.task {
                Task::MultipleChoice => rows.iter().flat_map(|row| row.as_array().unwrap().clone()).collect(),
                _ => rows.clone(),
            }
        };
        let rows: Vec<Vec<i64>> =
            rows(value).iter().map(|row| serde_json::from_value(row.clone()).unwrap()).collect();
        let shape = [rows.len(), rows[0].len()];
        Some(Tensor::from_data(TensorData::new(rows.concat(), shape), &device()))
    }

    pub(crate) fn inputs(&self) -> ModelInputs {
        ModelInputs {
            input_ids: self.ids("input_ids"),
            attention_mask: self.ids("attention_mask"),
            token_type_ids: self.ids("token_type_ids"),
            num_choices: (self.task == Task::MultipleChoice).then_some(3),
            ..ModelInputs::default()
        }
    }

    pub(crate) fn labels(&self) -> Tensor<2, Int> {
        match self.task {
            Task::MaskedLm => self.ids("labels").unwrap(),
            _ => {
                let labels: Vec<i64> =
                    serde_json::from_value(self.facts["inputs"]["labels"].clone()).unwrap();
                Tensor::from_data(TensorData::new(labels, [2, 1]), &device())
            }
        }
    }

    /// The logits that the corpus holds: of every fourth token, or of the choices.
    fn logits(&self, model: &Model) -> Vec<f32> {
        let logits = model.forward(self.inputs()).unwrap();
        let [batch, width, _] = logits.dims();
        match self.task {
            Task::MaskedLm => {
                let tokens: Vec<Tensor<3>> =
                    (0..width).step_by(4).map(|token| logits.clone().narrow(1, token, 1)).collect();
                Tensor::cat(tokens, 1).into_data().iter().collect()
            }
            _ => {
                assert_eq!([batch, width], [2, 1]);
                logits.into_data().iter().collect()
            }
        }
    }

    /// The vectors of the corpus; with them the classifier of choices is trained, as in the reference.
    pub(crate) fn adapter(&self) -> Adapter {
        let (arch, _) = self.name.split_once('.').unwrap();
        let (dir, out) = (fixture(arch).join("adapter"), tempfile::tempdir().unwrap());
        let mut config: Value =
            serde_json::from_str(&std::fs::read_to_string(dir.join("adapter_config.json")).unwrap()).unwrap();
        config["task_type"] = Value::Null;
        let saves = self.task == Task::MultipleChoice;
        config["modules_to_save"] = if saves { json!(["classifier"]) } else { Value::Null };
        std::fs::write(out.path().join("adapter_config.json"), config.to_string()).unwrap();
        let mut all: BTreeMap<String, TensorData> =
            tensors(&dir.join("adapter_model.safetensors")).into_iter().collect();
        all.retain(|key, _| key.ends_with(".ia3_l"));
        if saves {
            // PEFT saves the modules whose names end so: DistilBERT's `pre_classifier` too.
            let file = tensors(&self.folder.path().join("model.safetensors")).into_iter();
            let head = file.filter(|(name, _)| {
                let name = name.strip_prefix("pre_").unwrap_or(name);
                ["classifier.weight", "classifier.bias"].contains(&name)
            });
            all.extend(head.map(|(name, value)| (format!("base_model.model.{name}"), value)));
        }
        write(&out.path().join("adapter_model.safetensors"), &all);
        Adapter::load(out.path(), &self.base).unwrap()
    }
}

fn load(folder: &Path, task: Task) -> Model {
    let options = PretrainedOptions::new().with_task(task);
    let base = Model::from_pretrained_with(folder, &options, &device()).unwrap();
    assert!(base.load_report().missing.is_empty(), "{:?}", base.load_report().missing);
    base
}

pub(crate) fn cases() -> (Vec<Case>, Tensors) {
    let numbers = tensors(&fixture("tasks.safetensors"));
    let text = std::fs::read_to_string(fixture("tasks.json")).unwrap();
    let facts: Value = serde_json::from_str(&text).unwrap();
    let cases: Vec<Case> =
        facts["cases"].as_object().unwrap().iter().map(|(name, facts)| Case::open(name, facts)).collect();
    assert_eq!(cases.len(), 16);
    (cases, numbers)
}

/// The numbers of a case. The base of XLM-RoBERTa is that of RoBERTa in the corpus, and so are its numbers.
fn numbers(all: &Tensors, case: &Case, what: &str) -> Vec<f32> {
    all[&format!("{}.{what}", case.name.trim_start_matches("xlm"))].iter().collect()
}

#[test]
fn heads_have_the_logits_of_transformers_and_peft() {
    let (cases, all) = cases();
    for case in &cases {
        assert_eq!(case.base.module().task(), case.task, "{}", case.name);
        assert_eq!(case.base.module().architecture().as_deref(), case.facts["model_class"].as_str());
        assert_close(&case.logits(&case.base), &numbers(&all, case, "logits"), LOGITS, &case.name);
        let adapted = case.base.with_adapter(&case.adapter()).unwrap();
        assert_close(&case.logits(&adapted), &numbers(&all, case, "adapter_logits"), LOGITS, &case.name);
        let merged = case.base.merge(&case.adapter()).unwrap();
        assert_close(&case.logits(&merged), &case.logits(&adapted), LOGITS, &case.name);
    }
}

#[test]
fn heads_train_as_in_peft() {
    let (cases, all) = cases();
    for case in &cases {
        let adapter = case.adapter();
        let mut model = case.base.with_adapter(&adapter).unwrap().module().clone().train();
        let mut optimizer = OptimizerConfig::AdamW { betas: (0.9, 0.999), weight_decay: 0.01 }.init();
        let mut losses = vec![];
        for step in 0..5 {
            let loss = model.loss(&case.inputs(), case.labels()).unwrap();
            let grads = GradientsParams::from_grads(loss.clone().backward(), &model);
            losses.push(loss.into_scalar::<f32>());
            if step == 0 {
                compare_gradients(case, &all, &adapter, &grads);
            }
            model = optimizer.step(3e-3, model, grads);
        }
        let expected: Vec<f32> = serde_json::from_value(case.facts["losses"].clone()).unwrap();
        assert_close(&losses, &expected, LOGITS, &case.name);
    }
}

fn compare_gradients(case: &Case, all: &Tensors, adapter: &Adapter, grads: &GradientsParams) {
    assert_eq!(grads.len(), adapter.vectors.len() + adapter.saved.len(), "{}", case.name);
    for (path, vector) in &adapter.vectors {
        let expected = numbers(all, case, &format!("grad.{path}"));
        let got: Vec<f32> = grads.get::<1>(vector.l.id).unwrap().into_data().iter().collect();
        let largest = expected.iter().fold(0.0f32, |a, b| a.max(b.abs()));
        let scaled = |values: &[f32]| values.iter().map(|v| v / largest).collect::<Vec<_>>();
        assert_close(&scaled(&got), &scaled(&expected), GRADIENT, &format!("{} {path}", case.name));
    }
}

#[test]
fn heads_are_read_again_from_their_folder() {
    for case in &cases().0 {
        let out = tempfile::tempdir().unwrap();
        let merged = case.base.merge(&case.adapter()).unwrap();
        merged.save_pretrained(out.path().join("merged")).unwrap();
        let again = load(&out.path().join("merged"), case.task);
        assert!(again.load_report().unused.is_empty(), "{}: {:?}", case.name, again.load_report().unused);
        assert_eq!(case.logits(&again), case.logits(&merged), "{}", case.name);
    }
}

#[test]
fn rows_of_a_batch_have_their_own_vectors() {
    for case in &cases().0 {
        let adapter = case.adapter();
        let mut ones = adapter.clone();
        for vector in ones.vectors.values_mut() {
            *vector = Ia3Vector::new(vector.values().ones_like(), vector.placement);
        }
        let [rows, ..] = case.inputs().input_ids.unwrap().dims();
        let own = |row: usize| if row < rows / 2 { &adapter } else { &ones };
        let mixed = case.base.with_rows(&(0..rows).map(|row| Some(own(row))).collect::<Vec<_>>()).unwrap();
        let (got, first) = (case.logits(&mixed), case.logits(&case.base.with_adapter(&adapter).unwrap()));
        let second = case.logits(&case.base.with_adapter(&ones).unwrap());
        let half = match case.task {
            Task::MaskedLm => got.len() / 3,
            _ => got.len() / 2,
        };
        assert_close(&got[..half], &first[..half], 1e-5, &case.name);
        assert_close(&got[half..], &second[half..], 1e-5, &case.name);
    }
}

/// Older files hold the bias of the decoder under the name of the layer, and the weight of the embedding twice.
#[test]
fn a_masked_language_model_is_read_from_older_files() {
    for (name, bias, other, decoder, embedding) in [
        (
            "bert.MaskedLM",
            "cls.predictions.bias",
            "cls.predictions.decoder.bias",
            "cls.predictions.decoder.weight",
            "bert.embeddings.word_embeddings.weight",
        ),
        (
            "roberta.MaskedLM",
            "lm_head.bias",
            "lm_head.decoder.bias",
            "lm_head.decoder.weight",
            "roberta.embeddings.word_embeddings.weight",
        ),
    ] {
        let case = cases().0.into_iter().find(|case| case.name == name).unwrap();
        let file = case.folder.path().join("model.safetensors");
        let mut all: BTreeMap<_, _> = tensors(&file).into_iter().collect();
        let moved = all.remove(bias).unwrap();
        all.insert(other.into(), moved);
        all.insert(decoder.into(), all[embedding].clone());
        write(&file, &all);
        assert_eq!(case.logits(&load(case.folder.path(), Task::MaskedLm)), case.logits(&case.base), "{name}");
    }
}

/// With `tie_word_embeddings: false` the decoder has a weight of its own.
#[test]
fn an_untied_decoder_has_its_own_weight() {
    for (name, decoder) in [
        ("bert.MaskedLM", "cls.predictions.decoder"),
        ("distilbert.MaskedLM", "vocab_projector"),
        ("electra.MaskedLM", "generator_lm_head"),
    ] {
        let case = cases().0.into_iter().find(|case| case.name == name).unwrap();
        let folder = case.folder.path();
        let mut config: Value =
            serde_json::from_str(&std::fs::read_to_string(folder.join("config.json")).unwrap()).unwrap();
        config["tie_word_embeddings"] = json!(false);
        std::fs::write(folder.join("config.json"), config.to_string()).unwrap();
        let mut all: BTreeMap<_, _> = tensors(&folder.join("model.safetensors")).into_iter().collect();
        let (embedding, _) = all.iter().find(|(key, _)| key.ends_with("word_embeddings.weight")).unwrap();
        let doubled: Vec<f32> = all[embedding].iter::<f32>().map(|value| 2.0 * value).collect();
        let shape = all[embedding].shape().clone();
        all.insert(format!("{decoder}.weight"), TensorData::new(doubled, shape));
        let bias: TensorData = all
            .iter()
            .find(|(key, _)| key.ends_with("predictions.bias") || key.ends_with(&format!("{decoder}.bias")))
            .unwrap()
            .1
            .clone();
        let values: Vec<f32> = bias.iter().collect();
        all.insert(format!("{decoder}.bias"), bias);
        write(&folder.join("model.safetensors"), &all);
        let own = case.logits(&load(folder, Task::MaskedLm));
        let tied = case.logits(&case.base);
        let doubled: Vec<f32> =
            tied.iter().enumerate().map(|(i, logit)| 2.0 * logit - values[i % values.len()]).collect();
        assert_close(&own, &doubled, LOGITS, name);
    }
}

const NONE: [&str; 0] = [];

#[test]
fn the_decoder_is_no_target() {
    let case = cases().0.into_iter().find(|case| case.name == "bert.MaskedLM").unwrap();
    let config = ia3::Ia3Config::new().with_target_modules(["decoder"]).with_feedforward_modules(NONE);
    let error = config.plan(&case.base.module().info()).unwrap_err().to_string();
    assert!(error.contains("decoder"), "{error}");
    let linear = ia3::Ia3Config::new().with_target_modules(ia3::Selector::AllLinear);
    let plan = linear.with_feedforward_modules(NONE).plan(&case.base.module().info()).unwrap();
    let paths: Vec<&str> = plan.sites.iter().map(|site| site.path.as_str()).collect();
    assert!(paths.contains(&"cls.predictions.transform.dense"), "{paths:?}");
    assert!(!paths.iter().any(|path| path.contains("decoder")), "{paths:?}");
}

#[test]
fn choices_and_hidden_tokens_are_evaluated() {
    for case in &cases().0 {
        let ids: Vec<i64> = case.ids("input_ids").unwrap().into_data().iter().collect();
        let mask: Vec<i64> = case.ids("attention_mask").unwrap().into_data().iter().collect();
        let types =
            case.ids("token_type_ids").map_or(vec![0; ids.len()], |types| types.into_data().iter().collect());
        let [rows, width] = case.ids("input_ids").unwrap().dims();
        let real = |row: usize| mask[row * width..(row + 1) * width].iter().sum::<i64>() as usize;
        let row = |values: &[i64], row: usize| values[row * width..][..real(row)].to_vec();
        let labels: Vec<i64> = case.labels().into_data().iter().collect();
        let examples: Vec<Example> = match case.task {
            // Types are not part of such examples, so only models without them have the numbers of the corpus.
            Task::MaskedLm => {
                (0..rows).map(|i| Example::new(row(&ids, i), Target::TokenClasses(row(&labels, i)))).collect()
            }
            _ => {
                let pair = |i: usize| TokenPair { ids: row(&ids, i), token_type_ids: row(&types, i) };
                let example = |(i, answer): (usize, &i64)| {
                    let pairs: Vec<TokenPair> = (3 * i..3 * i + 3).map(pair).collect();
                    let target = Target::Pairs { pairs, answer: *answer as usize };
                    Example::new(vec![2], target)
                };
                labels.iter().enumerate().map(example).collect()
            }
        };
        let evaluation = Evaluator::new(case.base.module()).with_batch_size(3).run(&examples).unwrap();
        assert_eq!(evaluation.examples, examples.len());
        if case.task == Task::MultipleChoice {
            let logits = case.logits(&case.base);
            let best = |row: &[f32]| (0..3).max_by(|a, b| row[*a].total_cmp(&row[*b])).unwrap();
            let expected: Vec<usize> = logits.chunks(3).map(best).collect();
            assert_eq!(evaluation.predictions, expected, "{}", case.name);
            let loss = case.base.module().loss(&case.inputs(), case.labels()).unwrap().into_scalar::<f32>();
            assert!((evaluation.loss - f64::from(loss)).abs() < 1e-5, "{}", case.name);
            let hits = expected.iter().zip(&labels).filter(|(a, b)| **a as i64 == **b).count();
            assert_eq!(evaluation.accuracy, Some(hits as f64 / 2.0));
        } else {
            assert_eq!(evaluation.token_classes.len(), rows);
            assert!(evaluation.token_classes.iter().flatten().any(|id| *id != IGNORE_INDEX));
            assert_eq!(evaluation.score, evaluation.accuracy.unwrap());
        }
    }
}
