//! Every row of a batch under its own adapter, over all models of the corpus: forward, generation and training give
//! each row what a batch under its adapter alone gives it.

use std::collections::BTreeMap;

use crate::common::{Case, cases, device, images};
use burn::module::Module;
use burn::optim::{AdamWConfig, GradientsParams};
use burn::tensor::{Int, Tensor, TensorData};
use ia3::core::Adapter;
use ia3::models::Model;
use ia3::models::{PaddingSide, ProblemType, RowLosses};
use ia3::{Ia3Model, ModelInputs, Task};

/// Largest difference allowed between a row of a mixed batch and the same row under its adapter alone.
const TOLERANCE: f32 = 1e-5;

const NAMES: [&str; 6] = ["b", "__base__", "default", "alt", "b", "default"];

/// The adapters `default`, `b` and `alt`, which place their vectors differently.
fn three(case: &Case) -> Ia3Model<Model> {
    let mut model = case.two();
    model.load_adapter(case.dir.join("adapter_alt"), "alt").unwrap();
    model.set_requires_grad(["default", "b", "alt"], true).unwrap();
    model
}

/// The model with all rows under one adapter.
fn alone(model: &Ia3Model<Model>, name: &str) -> Model {
    let adapter = model.adapter(name);
    ia3::attach(model.base(), &adapter.into_iter().collect::<Vec<_>>()).unwrap()
}

/// Rows of different lengths, all different.
fn texts() -> Vec<Vec<i64>> {
    let text = |i: i64| (0..7 - i % 4).map(|j| 2 + (7 * i + 5 * j) % 29).collect();
    (0..NAMES.len() as i64).map(text).collect()
}

/// Features of the shape that Whisper of the corpus reads, all different.
fn features() -> ModelInputs {
    let values: Vec<f32> = (0..6 * 8 * 20).map(|i| ((i * 37 % 101) as f32 - 50.0) / 40.0).collect();
    ModelInputs::from_features(Tensor::from_data(TensorData::new(values, [6, 8, 20]), &device()))
}

fn batch(model: &Model, side: PaddingSide) -> ModelInputs {
    if let Some(pixels) = images(model, NAMES.len()) {
        return ModelInputs::images(pixels);
    }
    let inputs = match model.task() {
        Task::SpeechSeq2Seq => features(),
        _ => ModelInputs::from_rows(&texts(), model.pad_token_id(), side, &device()),
    };
    let decoder = matches!(model.task(), Task::Seq2SeqLm | Task::SpeechSeq2Seq).then(|| {
        let ids: Vec<i64> = (0..18).map(|i| (i * 11) % 29).collect();
        Tensor::from_data(TensorData::new(ids, [6, 3]), &device())
    });
    ModelInputs { decoder_input_ids: decoder, ..inputs }
}

/// The rows of a tensor.
fn rows<const D: usize>(tensor: Tensor<D>) -> Vec<Vec<f32>> {
    let count = tensor.dims()[0];
    let values: Vec<f32> = tensor.into_data().iter().collect();
    values.chunks(values.len() / count).map(<[f32]>::to_vec).collect()
}

fn worst(a: &[f32], b: &[f32]) -> f32 {
    assert_eq!(a.len(), b.len());
    a.iter().zip(b).map(|(a, b)| (a - b).abs() / b.abs().max(1.0)).fold(0.0, f32::max)
}

#[test]
fn a_row_of_a_mixed_batch_is_that_row_under_its_adapter_alone() {
    for case in cases() {
        let model = three(&case);
        let mixed = model.rows(&NAMES).unwrap();
        let mut largest = 0.0f32;
        for side in [PaddingSide::Right, PaddingSide::Left] {
            let inputs = batch(&mixed, side);
            let got = rows(mixed.forward(&inputs).unwrap());
            let last = rows(mixed.last_logits(&inputs).unwrap());
            for (i, name) in NAMES.into_iter().enumerate() {
                let single = alone(&model, name);
                let expected = rows(single.forward(&inputs).unwrap());
                largest = largest.max(worst(&got[i], &expected[i]));
                largest = largest.max(worst(&last[i], &rows(single.last_logits(&inputs).unwrap())[i]));
                let others = NAMES.iter().position(|other| *other != name).unwrap();
                let other = rows(alone(&model, NAMES[others]).forward(&inputs).unwrap());
                assert!(worst(&other[i], &expected[i]) > 1e-3, "{}: the adapters do the same", case.name);
            }
        }
        println!("{}: largest difference {largest:.1e}", case.name);
        assert!(largest <= TOLERANCE, "{}: {largest}", case.name);
    }
}

#[test]
fn a_batch_of_one_adapter_is_that_adapter_to_the_bit() {
    for case in cases() {
        let model = three(&case);
        let inputs = batch(model.base(), PaddingSide::Right);
        for name in ["default", "__base__"] {
            let mixed = model.rows(&[name; 6]).unwrap().forward(&inputs).unwrap();
            let single = alone(&model, name).forward(&inputs).unwrap();
            mixed.into_data().assert_eq(&single.into_data(), true);
        }
    }
}

#[test]
fn each_row_generates_what_it_generates_under_its_adapter_alone() {
    let generates =
        |case: &Case| case.base.task().is_language_model() || case.base.task() == Task::SpeechSeq2Seq;
    for case in cases().into_iter().filter(generates) {
        let model = three(&case);
        let mixed = model.rows(&NAMES).unwrap();
        let config = mixed.generation_config(6).with_min_new_tokens(6);
        let generate = |model: &Model, side| -> Vec<Vec<i64>> {
            let inputs = ModelInputs { decoder_input_ids: None, ..batch(model, side) };
            let ids = model.generate(&inputs, &config).unwrap().ids;
            let width = ids.dims()[1];
            let ids: Vec<i64> = ids.into_data().iter().collect();
            ids.chunks(width).map(<[i64]>::to_vec).collect()
        };
        for side in [PaddingSide::Left, PaddingSide::Right] {
            let got = generate(&mixed, side);
            for (i, name) in NAMES.into_iter().enumerate() {
                assert_eq!(got[i], generate(&alone(&model, name), side)[i], "{} row {i} {name}", case.name);
            }
        }
    }
}

/// Rows under each name, the base's apart, in the order of the names.
fn groups() -> BTreeMap<&'static str, Vec<usize>> {
    let mut groups = BTreeMap::<_, Vec<usize>>::new();
    NAMES.into_iter().enumerate().for_each(|(row, name)| groups.entry(name).or_default().push(row));
    groups.remove("__base__");
    groups
}

fn labels(model: &Model, inputs: &ModelInputs) -> Tensor<2, Int> {
    if model.task() == Task::SpeechSeq2Seq {
        return batch(model, PaddingSide::Right).decoder_input_ids.unwrap();
    }
    let ids = || inputs.input_ids.clone().unwrap();
    match model.task() {
        Task::CausalLm => {
            let padding = inputs.attention_mask.clone().unwrap().equal_scalar(0);
            ids().mask_fill(padding, -100)
        }
        Task::Seq2SeqLm => ids().narrow(1, 0, 3),
        Task::QuestionAnswering => {
            Tensor::from_ints([[0, 1], [1, 2], [3, 3], [0, 2], [2, 3], [1, 1]], &device())
        }
        Task::TokenClassification => {
            let padding = inputs.attention_mask.clone().unwrap().equal_scalar(0);
            (ids() % 5).mask_fill(padding, -100)
        }
        _ => Tensor::from_ints([[0], [1], [1], [0], [1], [0]], &device()),
    }
}

/// The losses of the rows, from classes or from values.
fn losses(model: &Model, inputs: &ModelInputs, labels: Tensor<2, Int>) -> RowLosses {
    match model.problem() {
        Some(ProblemType::Regression | ProblemType::MultiLabelClassification) => {
            let values = labels.float().repeat_dim(1, model.num_labels().unwrap());
            model.value_losses(inputs, values).unwrap()
        }
        _ => model.row_losses(inputs, labels).unwrap(),
    }
}

/// The cases with a head, which have a loss.
fn with_head() -> impl Iterator<Item = Case> {
    cases().into_iter().filter(|case| case.base.task() != Task::FeatureExtraction)
}

/// Three steps of AdamW over the rows of `groups`, each group with the mean of its own tokens.
fn train(model: Model, groups: &[Vec<usize>]) -> Model {
    let inputs = ModelInputs { decoder_input_ids: None, ..batch(&model, PaddingSide::Right) };
    let labels = labels(&model, &inputs);
    let (mut model, mut optimizer) = (model.train(), AdamWConfig::new().with_epsilon(1e-3).init());
    for _ in 0..3 {
        let loss = losses(&model, &inputs, labels.clone()).sum_of_means(groups);
        let grads = GradientsParams::from_grads(loss.backward(), &model);
        model = optimizer.step(0.01, model, grads);
    }
    model.valid()
}

/// Every trained value, by path.
fn learned(adapter: &Adapter) -> Vec<f32> {
    let vectors = adapter.vectors.values().flat_map(|v| v.values().into_data().iter().collect::<Vec<f32>>());
    let saved = adapter.saved.values().flat_map(|data| data.iter().collect::<Vec<f32>>());
    vectors.chain(saved).collect()
}

#[test]
fn one_training_over_mixed_rows_is_a_training_of_each_adapter_alone() {
    for case in with_head() {
        let model = three(&case);
        let groups = groups();
        let all: Vec<Vec<usize>> = groups.values().cloned().collect();
        let mut mixed = model.clone();
        mixed.update_rows(&train(model.rows(&NAMES).unwrap(), &all), &NAMES).unwrap();
        let mut largest = 0.0f32;
        for (name, rows) in groups {
            let trained = train(alone(&model, name), &[rows]);
            let expected = model.adapter(name).unwrap().extract(&trained).unwrap();
            let got = mixed.adapter(name).unwrap();
            largest = largest.max(worst(&learned(got), &learned(&expected)));
            assert!(
                worst(&learned(model.adapter(name).unwrap()), &learned(got)) > 1e-3,
                "{name} was trained"
            );
        }
        println!("{}: largest difference of a trained value {largest:.1e}", case.name);
        assert!(largest <= TOLERANCE, "{}: {largest}", case.name);
    }
}

#[test]
fn frozen_adapters_are_not_trained_by_rows_either() {
    for case in with_head() {
        let mut model = three(&case);
        model.set_requires_grad(["b"], false).unwrap();
        let before = learned(model.adapter("b").unwrap());
        let trained = train(model.rows(&NAMES).unwrap(), &groups().into_values().collect::<Vec<_>>());
        let b = model.adapter("b").unwrap().extract(&trained).unwrap();
        assert_eq!(learned(&b), before, "{}", case.name);
    }
}

#[test]
fn what_cannot_be_is_an_error_that_says_why() {
    let case = cases().into_iter().find(|case| case.name == "t5").unwrap();
    let mut model = three(&case);
    let message = |result: Result<Model, ia3::Error>| result.unwrap_err().to_string();
    assert_eq!(
        message(model.rows(&["b", "missing"])),
        "there is no adapter `missing`; known are alt, b, default"
    );
    let nothing: [&str; 0] = [];
    assert_eq!(
        message(model.rows(&nothing)),
        "the list of rows is empty; name an adapter, or the base, for each row of the batch"
    );
    let two = model.rows(&["b", "alt"]).unwrap();
    let error = two.forward(&batch(&two, PaddingSide::Right)).unwrap_err().to_string();
    assert_eq!(error, "`input_ids` has 6 rows, but the model has an adapter for each of 2");
    let error = two.generate(&batch(&two, PaddingSide::Right), &two.generation_config(1));
    assert_eq!(
        error.unwrap_err().to_string(),
        "`input_ids` has 6 rows, but the model has an adapter for each of 2"
    );
    let adapter = model.adapter("b").unwrap().clone();
    let error = model.insert_adapter("__base__", adapter).unwrap_err().to_string();
    assert!(error.starts_with("`__base__` is not a valid adapter name"), "{error}");
    model.merge_adapter(&Default::default()).unwrap();
    assert_eq!(
        message(model.rows(&["b"])),
        "`default` is merged; call `unmerge_adapter` before you run rows under adapters of their own"
    );
}

#[test]
fn ten_thousand_adapters_are_held_and_a_batch_costs_those_it_names() {
    const HELD: usize = 10_000;
    let case = cases().into_iter().find(|case| case.name == "t5").unwrap();
    let mut model = case.model();
    let first = model.adapter("default").unwrap().clone();
    for i in 1..HELD {
        model.insert_adapter(&format!("task{i}"), first.fork()).unwrap();
    }
    let status = model.get_model_status();
    let bytes: usize = status.bytes.values().sum();
    println!("{} adapters of {} bytes, {bytes} together", status.bytes.len(), status.bytes["task1"]);
    assert_eq!(status.bytes.len(), HELD);
    assert_eq!(status.bytes["task1"], 4 * first.num_params());
    assert_eq!(bytes, HELD * 4 * first.num_params());
    let mixed = model.rows(&["task1", "task9999", "task1", "__base__", "task5000", "task7"]).unwrap();
    // Of ten thousand, the four that are named are on the model.
    assert_eq!(mixed.num_params(), model.base().num_params() + 4 * first.num_params());
    mixed.forward(&batch(&mixed, PaddingSide::Right)).unwrap();
}

#[test]
fn texts_are_as_likely_in_mixed_rows_as_under_their_adapter_alone() {
    let names = ["b", "b", "__base__", "default", "default", "default"];
    let texts: [Vec<Vec<i64>>; 3] =
        [vec![vec![7, 1], vec![9, 4, 3, 1]], vec![vec![5, 1]], vec![vec![8, 1], vec![1], vec![6, 2, 1]]];
    let inputs: [&[i64]; 3] = [&[3, 4, 5, 1], &[6, 1], &[7, 8, 9, 10, 11, 1]];
    let pairs: Vec<_> = inputs.into_iter().zip(texts.iter().map(Vec::as_slice)).collect();
    for case in cases() {
        let model = three(&case);
        if !model.base().task().is_language_model() {
            continue;
        }
        let mixed = model.rows(&names).unwrap();
        let got = rows(mixed.log_likelihoods(&pairs).unwrap().tokens);
        let mut row = 0;
        for (input, texts) in &pairs {
            let expected = alone(&model, names[row]).log_likelihoods(&[(input, texts)]).unwrap();
            for expected in rows(expected.tokens) {
                let difference = worst(&got[row][..expected.len()], &expected);
                assert!(difference <= TOLERANCE, "{} row {row}: {difference}", case.name);
                row += 1;
            }
        }
        let error = mixed.log_likelihoods(&pairs[..1]).unwrap_err().to_string();
        assert_eq!(error, "`input_ids` has 2 rows, but the model has an adapter for each of 6");
    }
}
