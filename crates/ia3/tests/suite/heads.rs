//! Decoders and T5 as classifiers of sequences: the bases of the corpus with fresh heads, against the numbers of transformers and
//! PEFT in `fixtures/heads.*` (`fixtures/oracle/gen_heads.py`).

use std::collections::BTreeMap;
use std::path::Path;

use burn::module::Module;
use burn::optim::GradientsParams;
use burn::tensor::{Int, Tensor, TensorData};
use ia3::ModelInputs;
use ia3::models::ProblemType;
use ia3::train::OptimizerConfig;
use ia3::{Adapter, Ia3Vector, Model, PretrainedOptions, Task};
use serde_json::{Map, Value, json};

use crate::common::{Tensors, assert_close, device, fixture, tensors};

/// Tolerances of the corpus: of logits and losses, and of gradients in relation to the largest of a tensor.
const LOGITS: f32 = 1e-4;
const GRADIENT: f32 = 1e-3;

/// One base of the corpus as a classifier.
struct Case {
    name: String,
    base: Model,
    /// With the fresh head and the vectors of the corpus.
    adapter: Adapter,
    facts: Value,
    io: Tensors,
}

impl Case {
    fn open(name: &str, facts: &Value, numbers: &Tensors) -> Self {
        let dir = fixture(name);
        let mut config = ia3::read_config(dir.join("base")).unwrap();
        assert!(config.head().is_none(), "{name}: the corpus has a language model");
        config = config.with_task(Task::SequenceClassification).unwrap();
        if let Some(problem) = problem(facts) {
            config = config.with_problem_type(problem);
        }
        let labels = facts["num_labels"].as_u64().unwrap() as usize;
        let options = PretrainedOptions::new().with_config(config).with_num_labels(labels);
        let base = Model::from_pretrained_with(dir.join("base"), &options, &device()).unwrap();
        let heads: Vec<&String> = base.load_report().missing.iter().collect();
        let fresh = numbers.keys().filter(|key| key.starts_with(&format!("{name}.head."))).count();
        assert_eq!(heads.len(), fresh, "{name}: only the head is fresh, not {heads:?}");
        let folder = tempfile::tempdir().unwrap();
        write_adapter(&dir, name, numbers, folder.path());
        let adapter = Adapter::load(folder.path(), &base).unwrap();
        let io = tensors(&dir.join("io.safetensors"));
        Self { name: name.into(), base, adapter, facts: facts.clone(), io }
    }

    fn ids(&self, name: &str) -> Option<Tensor<2, Int>> {
        Some(Tensor::from_data(self.io.get(name)?.clone().convert::<i64>(), &device()))
    }

    fn is_t5(&self) -> bool {
        self.name.contains("t5")
    }

    /// The inputs of the corpus. For T5, each row ends with one end token.
    fn inputs(&self) -> ModelInputs {
        let (ids, mask) = (self.ids("input_ids").unwrap(), self.ids("attention_mask").unwrap());
        let [rows, seq] = ids.dims();
        let mut values: Vec<i64> = ids.into_data().iter().collect();
        let real: Vec<i64> = mask.clone().into_data().iter().collect();
        if self.is_t5() {
            values.iter_mut().for_each(|id| *id += i64::from(*id == 1));
            for (row, real) in values.chunks_mut(seq).zip(real.chunks(seq)) {
                row[real.iter().sum::<i64>() as usize - 1] = 1;
            }
        }
        let input_ids = Some(Tensor::from_data(TensorData::new(values, [rows, seq]), &device()));
        ModelInputs { input_ids, attention_mask: Some(mask), ..ModelInputs::default() }
    }

    /// The inputs padded on the left, with the positions that transformers was given.
    fn left(&self) -> Option<ModelInputs> {
        let counts = ["bloom", "falcon1b", "opt", "opt350m"].contains(&self.name.as_str());
        Some(ModelInputs {
            input_ids: Some(self.ids("left.input_ids")?),
            attention_mask: self.ids("left.attention_mask"),
            position_ids: self.ids("left.position_ids").filter(|_| !counts),
            ..ModelInputs::default()
        })
    }

    /// The adapter with vectors of ones: the base with its head.
    fn head_alone(&self) -> Adapter {
        let mut adapter = self.adapter.clone();
        for vector in adapter.vectors.values_mut() {
            *vector = Ia3Vector::new(vector.values().ones_like(), vector.placement);
        }
        adapter
    }

    fn logits(&self, model: &Model, inputs: &ModelInputs) -> Vec<f32> {
        model.last_logits(inputs.clone()).unwrap().into_data().iter().collect()
    }

    fn loss(&self, model: &ia3::models::Model) -> Tensor<1> {
        let inputs = self.inputs();
        let labels = self.facts["labels"].as_array().unwrap();
        let losses = match problem(&self.facts) {
            Some(_) => {
                let rows = labels.iter().flat_map(|row| row.as_array().unwrap());
                let values: Vec<f32> = rows.map(|value| value.as_f64().unwrap() as f32).collect();
                let shape = [labels.len(), values.len() / labels.len()];
                model.value_losses(&inputs, Tensor::from_data(TensorData::new(values, shape), &device()))
            }
            None => {
                let classes: Vec<i64> = labels.iter().map(|v| v.as_i64().unwrap()).collect();
                let shape = [classes.len(), 1];
                model.row_losses(&inputs, Tensor::from_data(TensorData::new(classes, shape), &device()))
            }
        };
        losses.unwrap().mean()
    }
}

fn problem(facts: &Value) -> Option<ProblemType> {
    let name = facts["problem_type"].as_str()?;
    ProblemType::ALL.into_iter().find(|problem| problem.as_str() == name)
}

/// The adapter of the corpus as PEFT saves it for this class: with the head, and under the names of the class.
fn write_adapter(case: &Path, name: &str, numbers: &Tensors, out: &Path) {
    let text = std::fs::read_to_string(case.join("adapter/adapter_config.json")).unwrap();
    let mut config: Map<String, Value> = serde_json::from_str(&text).unwrap();
    let t5 = name.contains("t5");
    config.insert("task_type".into(), json!("SEQ_CLS"));
    let saved = if t5 {
        json!(["classification_head", "classifier", "score"])
    } else {
        json!(["classifier", "score"])
    };
    config.insert("modules_to_save".into(), saved);
    std::fs::write(out.join("adapter_config.json"), Value::from(config).to_string()).unwrap();
    let mut all: BTreeMap<String, TensorData> = BTreeMap::new();
    for (key, value) in tensors(&case.join("adapter/adapter_model.safetensors")) {
        let inside = if t5 { "base_model.model.transformer." } else { "base_model.model." };
        all.insert(key.replace("base_model.model.", inside), value);
    }
    for (key, value) in numbers {
        if let Some(parameter) = key.strip_prefix(&format!("{name}.head.")) {
            all.insert(format!("base_model.model.{parameter}"), value.clone());
        }
    }
    let tensors: Vec<(&str, &TensorData)> = all.iter().map(|(key, value)| (key.as_str(), value)).collect();
    ia3::io::write_tensors(out.join("adapter_model.safetensors"), &tensors).unwrap();
}

fn cases() -> (Vec<Case>, Tensors) {
    let numbers = tensors(&fixture("heads.safetensors"));
    let text = std::fs::read_to_string(fixture("heads.json")).unwrap();
    let facts: Value = serde_json::from_str(&text).unwrap();
    let cases = facts["cases"].as_object().unwrap().iter();
    (cases.map(|(name, facts)| Case::open(name, facts, &numbers)).collect(), numbers)
}

#[test]
fn classifiers_have_the_numbers_of_transformers_and_peft() {
    let (cases, numbers) = cases();
    assert!(cases.len() > 20);
    for case in &cases {
        let expected =
            |what: &str| -> Vec<f32> { numbers[&format!("{}.{what}", case.name)].iter().collect() };
        let inputs = case.inputs();
        let head = case.base.with_adapter(&case.head_alone()).unwrap();
        assert_close(&case.logits(&head, &inputs), &expected("logits"), LOGITS, &case.name);
        let adapted = case.base.with_adapter(&case.adapter).unwrap();
        assert_close(&case.logits(&adapted, &inputs), &expected("adapter_logits"), LOGITS, &case.name);
        if let Some(left) = case.left() {
            assert_close(&case.logits(&adapted, &left), &expected("left_logits"), LOGITS, &case.name);
        }
        let whole = adapted.forward(inputs.clone()).unwrap();
        assert_eq!(whole.dims(), [3, 1, case.base.module().num_labels().unwrap()], "{}", case.name);
    }
}

#[test]
fn classifiers_train_as_in_peft() {
    let (cases, numbers) = cases();
    let mut gradients = 0;
    for case in &cases {
        let adapted = case.base.with_adapter(&case.adapter).unwrap();
        let mut model = adapted.module().clone().train();
        let mut optimizer = OptimizerConfig::AdamW { betas: (0.9, 0.999), weight_decay: 0.01 }.init();
        let mut losses = vec![];
        for step in 0..5 {
            let loss = case.loss(&model);
            let grads = GradientsParams::from_grads(loss.clone().backward(), &model);
            assert_eq!(grads.len(), case.adapter.vectors.len() + case.adapter.saved.len(), "{}", case.name);
            losses.push(loss.into_scalar::<f32>());
            if step == 0 {
                gradients += compare_gradients(case, &numbers, &grads);
            }
            model = optimizer.step(3e-3, model, grads);
        }
        let expected = case.facts["losses"].as_array().unwrap();
        let expected: Vec<f32> = expected.iter().map(|loss| loss.as_f64().unwrap() as f32).collect();
        assert_close(&losses, &expected, LOGITS, &case.name);
    }
    assert!(gradients > 20, "{gradients}");
}

/// Compares the gradients of the vectors of one case with PEFT's, if there are any, and returns their number.
fn compare_gradients(case: &Case, numbers: &Tensors, grads: &GradientsParams) -> usize {
    let mut compared = 0;
    for (path, vector) in &case.adapter.vectors {
        let key = format!("{}.grad.base_model.model.{path}.ia3_l", case.name);
        let Some(expected) = numbers.get(&key) else { continue };
        let expected: Vec<f32> = expected.iter().collect();
        let got: Vec<f32> = grads.get::<1>(vector.l.id).unwrap().into_data().iter().collect();
        let largest = expected.iter().fold(0.0f32, |a, b| a.max(b.abs()));
        let scaled = |values: &[f32]| values.iter().map(|v| v / largest).collect::<Vec<_>>();
        assert_close(&scaled(&got), &scaled(&expected), GRADIENT, &key);
        compared += 1;
    }
    compared
}

#[test]
fn rows_of_a_batch_have_their_own_heads_and_vectors() {
    for case in &cases().0 {
        let other = case.head_alone();
        let mut different = other.clone();
        for value in different.saved.values_mut() {
            let half: Vec<f32> = value.iter::<f32>().map(|v| 0.5 * v).collect();
            *value = TensorData::new(half, value.shape().clone());
        }
        let adapters = [&case.adapter, &different, &case.adapter];
        let mixed = case.base.with_rows(&adapters.map(Some)).unwrap();
        let inputs = case.inputs();
        let got = case.logits(&mixed, &inputs);
        let labels = got.len() / 3;
        for (row, adapter) in adapters.into_iter().enumerate() {
            let alone = case.logits(&case.base.with_adapter(adapter).unwrap(), &inputs);
            let at = row * labels..(row + 1) * labels;
            assert_close(&got[at.clone()], &alone[at], 1e-5, &case.name);
        }
    }
}

#[test]
fn merged_classifiers_are_read_again_from_their_folder() {
    for case in &cases().0 {
        let out = tempfile::tempdir().unwrap();
        let merged = case.base.merge(&case.adapter).unwrap();
        merged.save_pretrained(out.path().join("merged")).unwrap();
        let again = Model::from_pretrained(out.path().join("merged"), &device()).unwrap();
        assert!(
            again.load_report().missing.is_empty() && again.load_report().unused.is_empty(),
            "{}",
            case.name
        );
        assert_eq!(again.module().architecture(), case.facts["model_class"].as_str().map(str::to_string));
        assert_eq!(again.module().problem(), case.base.module().problem(), "{}", case.name);
        let inputs = case.inputs();
        let adapted = case.base.with_adapter(&case.adapter).unwrap();
        assert_eq!(case.logits(&again, &inputs), case.logits(&merged, &inputs), "{}", case.name);
        assert_close(&case.logits(&merged, &inputs), &case.logits(&adapted, &inputs), LOGITS, &case.name);
    }
}

#[test]
fn the_encoder_of_t5_gives_its_hidden_states() {
    for name in ["t5", "t5v11", "mt5"] {
        let dir = fixture(name);
        let options = PretrainedOptions::new().with_task(Task::FeatureExtraction);
        let encoder = Model::from_pretrained_with(dir.join("base"), &options, &device()).unwrap();
        let whole = Model::from_pretrained(dir.join("base"), &device()).unwrap();
        let io = tensors(&dir.join("io.safetensors"));
        let ids =
            |name: &str| Some(Tensor::<2, Int>::from_data(io[name].clone().convert::<i64>(), &device()));
        let inputs = ModelInputs {
            input_ids: ids("input_ids"),
            attention_mask: ids("attention_mask"),
            decoder_input_ids: ids("decoder_input_ids"),
            ..ModelInputs::default()
        };
        let expected = whole.module().forward_traced(&inputs).unwrap().encoder_hidden_states.pop().unwrap();
        let got = encoder.module().forward(&ModelInputs { decoder_input_ids: None, ..inputs }).unwrap();
        got.into_data().assert_eq(&expected.into_data(), true);
        assert!(encoder.load_report().missing.is_empty());
        let out = tempfile::tempdir().unwrap();
        encoder.save_pretrained(out.path().join("encoder")).unwrap();
        let again = Model::from_pretrained(out.path().join("encoder"), &device()).unwrap();
        assert_eq!(again.task(), Task::FeatureExtraction);
    }
}

#[test]
fn what_a_classifier_cannot_do_is_refused() {
    let config = |task| ia3::read_config(fixture("t5/base")).unwrap().with_task(task);
    assert!(config(Task::TokenClassification).is_err());
    let model = config(Task::SequenceClassification).unwrap().init(&device());
    let rows = |rows: &[Vec<i64>]| model.batch(rows, ia3::models::PaddingSide::Right, &device()).unwrap();
    let error = model.forward(&rows(&[vec![5, 1], vec![5, 6]])).unwrap_err().to_string();
    assert!(error.contains("0 tokens `eos_token_id` (1) in row 1 and 1 in row 0"), "{error}");
    assert!(model.generate(&rows(&[vec![5, 1]]), &model.generation_config(2)).is_err());
    let llama = ia3::read_config(fixture("llama/base")).unwrap();
    assert!(llama.clone().with_task(Task::QuestionAnswering).is_err());
    let llama = llama.with_task(Task::SequenceClassification).unwrap().init(&device());
    let inputs = ModelInputs::from_rows(&[vec![5, 6]], 0, ia3::models::PaddingSide::Right, &device());
    assert!(llama.generate(&inputs, &llama.generation_config(2)).is_err());
    assert!(llama.value_losses(&inputs, Tensor::zeros([1, 2], &device())).is_err());
}
