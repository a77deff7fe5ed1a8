//! Every kind of target is trained and evaluated, and is refused by a model that does not produce it.

use burn::module::{Module, ModuleVisitor, Param};
use burn::optim::GradientsParams;
use burn::tensor::{Device, Tensor};
use ia3_models::{Model, ModelConfig};
use ia3_train::{
    Evaluator, Example, LossConfig, OptimizerConfig, Schedule, Target, TrainConfig, collate, evaluate, loss,
    train,
};

const T5: &str = r#"{"model_type": "t5", "vocab_size": 12, "d_model": 16, "d_kv": 4, "d_ff": 32, "num_heads": 4,
    "num_layers": 1, "dropout_rate": 0.0, "feed_forward_proj": "gated-gelu"}"#;
const GPT2: &str = r#"{"model_type": "gpt2", "vocab_size": 12, "n_embd": 16, "n_layer": 1, "n_head": 4, "n_positions": 16,
    "pad_token_id": 0, "eos_token_id": 1, "resid_pdrop": 0.0, "embd_pdrop": 0.0, "attn_pdrop": 0.0}"#;

fn bert(labels: usize) -> String {
    format!(
        r#"{{"model_type": "bert", "vocab_size": 12, "hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 4,
            "intermediate_size": 32, "max_position_embeddings": 16, "hidden_dropout_prob": 0.0,
            "attention_probs_dropout_prob": 0.0, "num_labels": {labels}}}"#
    )
}

fn model(config: &str) -> Model {
    let device = Device::flex();
    device.seed(5);
    ModelConfig::from_json(config).unwrap().init(&device)
}

fn example(input: &[i64], target: Target) -> Example {
    Example::new(input.to_vec(), target)
}

fn choices(choices: &[&[i64]], answer: usize) -> Target {
    Target::Choices { choices: choices.iter().map(|c| c.to_vec()).collect(), answer }
}

/// Two or three choices of one to three tokens. The right one starts with the first token of the input.
fn ranked() -> Vec<Example> {
    let of = |id: i64| {
        let other = 13 - id;
        let mut texts = vec![vec![id, 1], vec![other, id, 1]];
        if id % 2 == 0 {
            texts.push(vec![other, 1]);
        }
        let answer = id as usize % 3 % texts.len();
        texts.swap(0, answer);
        example(&[id, other, 1][..2 + id as usize % 2], Target::Choices { choices: texts, answer })
    };
    (2..12).map(of).collect()
}

/// The class is the remainder of the first token divided by three.
fn classified() -> Vec<Example> {
    let row = |id: i64| [vec![id], vec![1; id as usize % 4]].concat();
    (2..12).map(|id| example(&row(id), Target::Class(id as usize % 3))).collect()
}

fn learn(model: Model, examples: &[Example], steps: usize) -> Model {
    let config = TrainConfig::t_few()
        .with_steps(steps)
        .with_batch_size(5)
        .with_learning_rate(1e-2)
        .with_schedule(Schedule::linear(0.06, steps))
        .with_optimizer(OptimizerConfig::adamw())
        .with_bucket(2);
    train(model, examples, &config).unwrap().0
}

/// The bits of the gradients of all weights.
fn gradients(model: &Model, loss: Tensor<1>) -> Vec<Vec<u32>> {
    struct Bits<'a>(&'a GradientsParams, Vec<Vec<u32>>);
    impl ModuleVisitor for Bits<'_> {
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            let bits = |grad: Tensor<D>| grad.into_data().iter::<f32>().map(f32::to_bits).collect();
            self.1.push(self.0.get::<D>(param.id).map(bits).unwrap_or_default());
        }
    }
    let grads = GradientsParams::from_grads(loss.backward(), model);
    let mut bits = Bits(&grads, vec![]);
    model.visit(&mut bits);
    bits.1
}

/// The loss of one group of rows equals the model's own loss of the batch, with the same gradients, to the bit.
#[test]
fn the_loss_is_the_models_own_to_the_bit() {
    let text = |id: i64| example(&[id, 13 - id, 1], vec![id; id as usize % 3 + 1].into());
    let texts: Vec<Example> = (2..9).map(text).collect();
    for (config, examples) in [(T5, texts.clone()), (GPT2, texts), (&bert(3), classified())] {
        let model = model(config).train();
        let rows: Vec<&Example> = examples.iter().collect();
        let batch = collate(&rows, &model, &Device::flex());
        let own = model.loss(&batch.inputs, batch.labels).unwrap();
        let ours = loss(&model, &rows, &LossConfig::default()).unwrap();
        assert_eq!((ours.tokens, ours.labelled), (batch.tokens, batch.labelled));
        let bits = |loss: &Tensor<1>| loss.clone().into_scalar::<f32>().to_bits();
        assert_eq!(bits(&ours.total), bits(&own), "{config}");
        let (ours, own) = (gradients(&model, ours.total), gradients(&model, own));
        assert!(own.iter().any(|grad| grad.iter().any(|bits| *bits != 0)));
        assert!(ours == own, "{config}");
    }
}

#[test]
fn choices_are_learned_by_both_kinds_of_language_model() {
    for config in [T5, GPT2] {
        let base = model(config);
        let before = evaluate(&base, &ranked(), 4).unwrap();
        assert!(before.accuracy.unwrap() < 0.9, "{before:?}");
        let after = evaluate(&learn(base, &ranked(), 150), &ranked(), 4).unwrap();
        assert_eq!((after.accuracy, after.exact_match, after.examples), (Some(1.0), 1.0, 10), "{after:?}");
        let answers: Vec<usize> = (2..12).map(|id| id % 3 % (3 - id % 2)).collect();
        assert_eq!(after.predictions, answers);
        assert!(after.loss < 0.2 * before.loss, "{before:?} {after:?}");
        let scores = after.scores.unwrap();
        assert!(scores.right + 1.0 < scores.best_wrong, "{scores:?}");
    }
}

#[test]
fn classes_are_learned() {
    let base = model(&bert(3));
    let before = evaluate(&base, &classified(), 4).unwrap();
    assert!(before.accuracy.unwrap() < 0.8, "{before:?}");
    let after = evaluate(&learn(base, &classified(), 100), &classified(), 4).unwrap();
    assert_eq!(after.accuracy, Some(1.0));
    assert_eq!(after.predictions, (2..12).map(|id| id % 3).collect::<Vec<_>>());
    assert!(after.loss < 0.2 * before.loss && after.generated.is_empty() && after.scores.is_none());
}

#[test]
fn an_evaluation_is_the_same_in_batches_of_any_size() {
    for (model, examples) in [(model(T5), ranked()), (model(GPT2), ranked()), (model(&bert(3)), classified())]
    {
        let one = evaluate(&model, &examples, 1).unwrap();
        for batch_size in [3, 100] {
            let some = evaluate(&model, &examples, batch_size).unwrap();
            assert_eq!(one.predictions, some.predictions);
            assert!((one.loss - some.loss).abs() < 1e-5, "{} {}", one.loss, some.loss);
        }
    }
}

/// The loss of one batch equals that of the evaluation, except for what padding adds to the authors' unlikelihood loss.
#[test]
fn loss_and_evaluation_agree() {
    let (model, examples) = (model(T5), ranked());
    let rows: Vec<&Example> = examples.iter().collect();
    let config = LossConfig::new().with_unlikely_loss(0.0).with_mc_loss(0.7);
    let batch = loss(&model, &rows, &config).unwrap().total.into_scalar::<f32>();
    let all = Evaluator::new(&model).with_batch_size(3).with_loss(config).run(&examples).unwrap();
    assert!((f64::from(batch) - all.loss).abs() < 1e-5, "{batch} {}", all.loss);
}

/// Without the two additional losses, only the right text of a choice counts.
#[test]
fn language_modelling_of_choices_is_that_of_the_right_text() {
    for config in [T5, GPT2] {
        let model = model(config);
        let text = |e: &Example| example(&e.input, Target::Tokens(e.target.tokens().unwrap().to_vec()));
        let (choices, texts) = (ranked(), ranked().iter().map(text).collect::<Vec<_>>());
        let of = |examples: &[Example]| {
            let loss = loss(&model, &examples.iter().collect::<Vec<_>>(), &LossConfig::language_modelling())
                .unwrap();
            (loss.total.into_scalar::<f32>(), loss.labelled, loss.tokens)
        };
        assert_eq!(of(&choices), of(&texts));
        let ranked = loss(&model, &choices.iter().collect::<Vec<_>>(), &LossConfig::default()).unwrap();
        let (lm, labelled, _) = of(&texts);
        assert!((ranked.cross_entropy.into_scalar::<f32>() - lm).abs() < 1e-6);
        assert_eq!(ranked.labelled, labelled);
    }
}

#[test]
fn targets_that_the_model_does_not_produce_are_refused_with_the_example() {
    let refuse = |config: &str, examples: &[Example]| {
        let error = evaluate(&model(config), examples, 4).unwrap_err().to_string();
        let train = train(model(config), examples, &TrainConfig::t_few());
        assert_eq!(train.unwrap_err().to_string(), error);
        error
    };
    let text = || example(&[2, 1], vec![3, 1].into());
    let class = |class| example(&[2, 1], Target::Class(class));
    let choice = |answer| example(&[2, 1], choices(&[&[3, 1], &[4, 1]], answer));
    assert_eq!(
        refuse(T5, &[text(), text(), choice(0)]),
        "the target of example 2 is a choice of texts, but that of example 0 is a text; a data set needs targets of one kind"
    );
    assert_eq!(
        refuse(T5, &[class(0)]),
        "the target of example 0 is a class; the model is a language model, which needs texts as targets; give each class its text \
         as a choice"
    );
    assert_eq!(
        refuse(&bert(3), &[choice(0)]),
        "the target of example 0 is a choice of texts; the model is a classifier, which needs a class as the target"
    );
    assert_eq!(
        refuse(GPT2, &[choice(0), choice(2)]),
        "the answer of example 1 is 2, but it has 2 choices, which count from 0"
    );
    assert_eq!(refuse(T5, &[example(&[2, 1], choices(&[&[3], &[]], 0))]), "example 0 has an empty choice");
    assert_eq!(
        refuse(&bert(3), &[class(2), class(3)]),
        "the class of example 1 is 3, but the model has 3 classes, which count from 0"
    );
    assert!(refuse(&bert(1), &[class(0)]).starts_with("the model has one label, which is a regression"));
    let outside = refuse(T5, &[example(&[2, 1], choices(&[&[3, 1], &[12, 1]], 0))]);
    assert_eq!(outside, "`labels` holds 12, which is neither one of the 12 classes nor -100");
}

#[test]
fn settings_of_the_loss_out_of_range_are_refused() {
    let refuse = |loss: LossConfig| {
        let config = TrainConfig::t_few().with_loss(loss);
        train(model(T5), &ranked(), &config).unwrap_err().to_string()
    };
    let negative = LossConfig::new().with_mc_loss(-1.0);
    assert_eq!(refuse(negative), "`mc_loss` is -1, expected a finite number of at least 0");
    let infinite = LossConfig::new().with_unlikely_loss(f64::INFINITY);
    assert_eq!(refuse(infinite), "`unlikely_loss` is inf, expected a finite number of at least 0");
    let nothing = LossConfig::new().with_length_norm(f64::NAN);
    assert_eq!(refuse(nothing), "`length_norm` is NaN, expected a finite number of at least 0");
    let error = Evaluator::new(&model(T5)).with_loss(nothing).run(&ranked()).unwrap_err().to_string();
    assert!(error.starts_with("`length_norm` is NaN"), "{error}");
}
