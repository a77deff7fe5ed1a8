//! The authors' losses on fixed logits and Hugging Face's Adafactor, to the digits of `fixtures/tfew/*.json`.

use burn::module::{Module, Param};
use burn::optim::GradientsParams;
use burn::tensor::{Device, Int, Tensor, TensorData};
use ia3_models::{IGNORE_INDEX, LogLikelihoods, label_log_likelihoods};
use ia3_train::{Loss, LossConfig, OptimizerConfig, Unlikelihood, choice_loss, clip_grad_norm};
use serde_json::Value;

fn golden(name: &str) -> Value {
    let path = format!("{}/../../fixtures/tfew/{name}.json", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn floats(value: &Value) -> Vec<f32> {
    match value {
        Value::Array(values) => values.iter().flat_map(floats).collect(),
        number => vec![number.as_f64().unwrap() as f32],
    }
}

/// The texts of the file as a batch.
struct Golden {
    logits: Tensor<3>,
    labels: Tensor<2, Int>,
    lengths: Vec<usize>,
    counts: Vec<usize>,
    answers: Vec<usize>,
}

impl Golden {
    fn read(device: &Device) -> Self {
        let file = golden("losses");
        let (rows, tokens, vocab) = (6, 4, 11);
        let ids: Vec<i64> = floats(&file["choices"]).into_iter().map(|id| id as i64).collect();
        let logits = TensorData::new(floats(&file["logits"]), [rows, tokens, vocab]);
        let ignored = |&id: &i64| if id == 0 { IGNORE_INDEX } else { id };
        let labels = TensorData::new(ids.iter().map(ignored).collect::<Vec<_>>(), [rows, tokens]);
        Self {
            logits: Tensor::from_data(logits, device),
            labels: Tensor::from_data(labels, device),
            lengths: ids.chunks(tokens).map(|row| row.iter().filter(|id| **id != 0).count()).collect(),
            counts: vec![3, 3],
            answers: floats(&file["labels"]).into_iter().map(|a| a as usize).collect(),
        }
    }

    fn loss(&self, config: &LossConfig) -> Loss {
        let tokens = label_log_likelihoods(self.logits.clone(), self.labels.clone());
        let (lengths, counts) = (self.lengths.clone(), self.counts.clone());
        choice_loss(&LogLikelihoods { tokens, lengths, counts }, &self.answers, config)
    }
}

fn float(t: &Tensor<1>) -> f64 {
    t.clone().into_scalar::<f32>().into()
}

fn near(name: &str, got: f64, expected: f64, tolerance: f64) {
    assert!((got - expected).abs() < tolerance, "{name}: {got} instead of {expected}");
}

#[test]
fn losses_equal_those_of_the_authors_to_the_last_digits() {
    let (file, batch) = (golden("losses"), Golden::read(&Device::flex()));
    let number = |name: &str| file[name].as_f64().unwrap();
    let authors = batch.loss(&LossConfig::default());
    near("lm", float(&authors.cross_entropy), number("lm"), 3e-7);
    near("ln", float(&authors.length_normalised.unwrap()), number("ln"), 2e-7);
    near("ul", float(&authors.unlikelihood.unwrap()), number("ul_code"), 5e-8);
    near("total", float(&authors.total), number("total"), 3e-7);
    let paper = batch.loss(&LossConfig::new().with_unlikelihood(Unlikelihood::Paper));
    near("ul of the paper", float(&paper.unlikelihood.unwrap()), number("ul_paper"), 5e-8);
    assert_eq!((authors.labelled, authors.tokens), (6, 15), "tokens of right texts, of all texts");
}

#[test]
fn weights_scale_their_terms_and_zero_leaves_them_out() {
    let batch = Golden::read(&Device::flex());
    let all = batch.loss(&LossConfig::default());
    let (lm, ln) = (float(&all.cross_entropy), float(&all.length_normalised.unwrap()));
    let weighted = batch.loss(&LossConfig::new().with_mc_loss(0.5).with_unlikely_loss(0.0));
    near("total", float(&weighted.total), lm + 0.5 * ln, 1e-6);
    assert!(weighted.unlikelihood.is_none());
}

/// With exponent 0 sums are compared, with exponent 1 means.
#[test]
fn scores_are_divided_by_a_power_of_the_length() {
    let batch = Golden::read(&Device::flex());
    let scores: Vec<f64> = floats(&golden("losses")["scores"]).into_iter().map(f64::from).collect();
    for length_norm in [0.0, 0.5, 1.0] {
        let ln = |row: usize| {
            let power = |i: usize| (batch.lengths[i] as f64).powf(1.0 - length_norm);
            let s: Vec<f64> = (3 * row..3 * row + 3).map(|i| scores[i] * power(i)).collect();
            s[batch.answers[row]] + s.iter().map(|s| (-s).exp()).sum::<f64>().ln()
        };
        let got = batch.loss(&LossConfig::new().with_length_norm(length_norm)).length_normalised.unwrap();
        near("ln", float(&got), (ln(0) + ln(1)) / 2.0, 1e-6);
    }
}

#[derive(Module, Debug)]
struct Logits {
    logits: Param<Tensor<3>>,
}

fn gradients(batch: Golden, config: &LossConfig) -> (Tensor<3>, f64) {
    let module = Logits { logits: Param::from_tensor(batch.logits.clone()) }.train();
    let loss = Golden { logits: module.logits.val(), ..batch }.loss(config);
    let grads = GradientsParams::from_grads(loss.total.backward(), &module);
    (grads.get::<3>(module.logits.id).unwrap(), float(&loss.total))
}

/// An absent third text changes nothing, and padding changes only the authors' constant.
#[test]
fn absent_texts_and_padding_have_no_gradient() {
    let device = Device::flex();
    let ragged = || {
        // The last text of the second input is absent.
        let whole = Golden::read(&device);
        Golden {
            logits: whole.logits.slice_dim(0, 0..5),
            labels: whole.labels.slice_dim(0, 0..5),
            lengths: whole.lengths[..5].to_vec(),
            counts: vec![3, 2],
            answers: whole.answers,
        }
    };
    let padded = || {
        let batch = ragged();
        let filler = Tensor::full([5, 2], IGNORE_INDEX, &device);
        let noise = Tensor::full([5, 2, 11], 3.0, &device);
        Golden {
            logits: Tensor::cat(vec![batch.logits, noise], 1),
            labels: Tensor::cat(vec![batch.labels, filler], 1),
            ..ragged()
        }
    };
    for unlikelihood in [Unlikelihood::Authors, Unlikelihood::Paper] {
        let config = LossConfig::new().with_unlikelihood(unlikelihood);
        let ((a, loss), (b, wider)) = (gradients(ragged(), &config), gradients(padded(), &config));
        let counted = 2 + 3 + 2; // tokens of wrong texts that are left
        let wrong: usize = [1, 2, 3].map(|row| ragged().lengths[row]).iter().sum();
        assert_eq!(wrong, counted);
        let constant = match unlikelihood {
            Unlikelihood::Authors => -(5.0 * 2.0) * 1.01f64.ln() / counted as f64,
            Unlikelihood::Paper => 0.0,
        };
        near("loss", wider - loss, constant, 1e-6);
        let (inside, outside) = (b.clone().slice_dim(1, 0..4), b.slice_dim(1, 4..6));
        assert_eq!(float(&outside.abs().sum()), 0.0);
        assert!(float(&(inside - a.clone()).abs().max()) < 1e-7);
        // Positions after the end of the first text.
        let behind = a.slice([0..1, 2..4]);
        assert_eq!(float(&behind.abs().sum()), 0.0);
    }
}

/// Inputs may have different numbers of texts. The loss of a batch of two is the mean of the losses of two batches of one.
#[test]
fn the_length_normalised_loss_is_a_mean_over_inputs_with_any_number_of_texts() {
    let device = Device::flex();
    let part = |rows: std::ops::Range<usize>, counts: Vec<usize>, answers: Vec<usize>| {
        let whole = Golden::read(&device);
        Golden {
            logits: whole.logits.slice_dim(0, rows.clone()),
            labels: whole.labels.slice_dim(0, rows.clone()),
            lengths: whole.lengths[rows].to_vec(),
            counts,
            answers,
        }
    };
    let ln = |batch: Golden| float(&batch.loss(&LossConfig::default()).length_normalised.unwrap());
    let together = ln(part(0..6, vec![4, 2], vec![3, 0]));
    let alone = [ln(part(0..4, vec![4], vec![3])), ln(part(4..6, vec![2], vec![0]))];
    near("ln", together, (alone[0] + alone[1]) / 2.0, 1e-6);
    // With a single text there is no loss, and no wrong token by whose number it could be divided.
    let only = part(0..2, vec![1, 1], vec![0, 0]).loss(&LossConfig::default());
    assert_eq!(float(&only.length_normalised.unwrap()), 0.0);
    assert_eq!(float(&only.unlikelihood.unwrap()), 0.0);
}

/// A wrong text of probability 1 has the largest possible loss, which is finite, and a finite gradient.
#[test]
fn the_loss_of_a_certain_wrong_text_is_finite() {
    let device = Device::flex();
    let certain = || {
        let batch = Golden::read(&device);
        let index = batch.labels.clone().clamp_min(0).unsqueeze_dim::<3>(2);
        let logits = batch.logits.zeros_like().scatter(
            2,
            index,
            Tensor::full([6, 4, 1], 200.0, &device),
            burn::tensor::IndexingUpdateOp::Add,
        );
        Golden { logits, ..batch }
    };
    for unlikelihood in [Unlikelihood::Authors, Unlikelihood::Paper] {
        let (grads, loss) = gradients(certain(), &LossConfig::new().with_unlikelihood(unlikelihood));
        assert!(loss.is_finite() && loss > 3.0, "{loss}");
        assert!(float(&grads.abs().sum()).is_finite());
    }
}

#[derive(Module, Debug)]
struct Vector {
    l: Param<Tensor<1>>,
}

/// The gradients in the file are those before clipping to a norm of 1.
#[test]
fn adafactor_after_clipping_equals_that_of_hugging_face() {
    let (file, device) = (golden("adafactor"), Device::flex());
    let mut vector = Vector { l: Param::from_tensor(Tensor::ones([6], &device)) }.train();
    let mut optimizer = OptimizerConfig::Adafactor { scale_parameter: true }.init();
    let steps = file["steps"].as_array().unwrap();
    for (grad, step) in file["grads"].as_array().unwrap().iter().zip(steps) {
        let mut grads = GradientsParams::new();
        grads.register(vector.l.id, Tensor::<1>::from_floats(floats(grad).as_slice(), &device));
        let (grads, _) = clip_grad_norm(grads, &vector, 1.0);
        vector = optimizer.step(step[0].as_f64().unwrap(), vector, grads);
        let got: Vec<f32> = vector.l.val().into_data().iter().collect();
        for (got, expected) in got.iter().zip(floats(&step[1])) {
            near("vector", f64::from(*got), f64::from(expected), 2.5e-7); // two units in the last place of 1
        }
    }
    assert_eq!(steps.len(), 5);
}
