//! An evaluation by several ranks equals one by a single process, to the bit. The ranks here are threads.

use crate::common::threads::{Thread, threads};
use burn::tensor::Device;
use ia3_models::{Model, ModelConfig};
use ia3_train::{Evaluation, Evaluator, Example, Target, TrainError, evaluate};

const T5: &str = r#"{"model_type": "t5", "vocab_size": 12, "d_model": 16, "d_kv": 4, "d_ff": 32, "num_heads": 4,
                     "num_layers": 1}"#;
const GPT2: &str = r#"{"model_type": "gpt2", "vocab_size": 20, "n_embd": 16, "n_layer": 1, "n_head": 4, "pad_token_id": 0,
                       "n_positions": 32}"#;
const BERT: &str = r#"{"model_type": "bert", "vocab_size": 20, "hidden_size": 16, "num_hidden_layers": 1,
                       "num_attention_heads": 4, "intermediate_size": 32, "max_position_embeddings": 32,
                       "num_labels": 3}"#;

fn model(json: &str) -> Model {
    let device = Device::flex();
    device.seed(5);
    ModelConfig::from_json(json).unwrap().init(&device)
}

/// Examples of different lengths, so that batches differ.
fn examples(target: impl Fn(i64) -> Target) -> Vec<Example> {
    let input = |id: i64| vec![id; id as usize % 4 + 1];
    (2..12).map(|id| Example::new(input(id), target(id))).collect()
}

fn by_ranks(model: &Model, examples: &[Example], size: usize) -> Vec<Result<Evaluation, TrainError>> {
    std::thread::scope(|scope| {
        let start = |rank: Thread| {
            scope.spawn(move || Evaluator::new(model).with_batch_size(3).with_ranks(&rank).run(examples))
        };
        let running: Vec<_> = threads(size).into_iter().map(start).collect();
        running.into_iter().map(|thread| thread.join().unwrap()).collect()
    })
}

#[test]
fn every_rank_gets_what_one_process_gets() {
    let text = |id: i64| vec![id; id as usize % 3 + 1].into();
    let choices = |id: i64| Target::Choices {
        choices: (0..id as usize % 2 + 2).map(|choice| vec![id, choice as i64 + 2, 1]).collect(),
        answer: id as usize % 2,
    };
    let class = |id: i64| Target::Class(id as usize % 3);
    for (json, examples) in [
        (T5, examples(text)),
        (T5, examples(choices)),
        (GPT2, examples(text)),
        (GPT2, examples(choices)),
        (BERT, examples(class)),
    ] {
        let model = model(json);
        let alone = evaluate(&model, &examples, 3).unwrap();
        assert!(alone.loss.is_finite() && alone.loss > 0.0);
        // There are at least four batches. In the last case there are more ranks than batches.
        for size in [2, 3, 4, 13] {
            for evaluation in by_ranks(&model, &examples, size) {
                assert_eq!(evaluation.unwrap(), alone, "{size} ranks, {json}");
            }
        }
    }
}

#[test]
fn a_failure_of_one_rank_is_an_error_on_all_ranks() {
    let model = model(BERT);
    let mut examples = examples(|id| Target::Class(id as usize % 3));
    // An input that is too long for the model. It is in the last of four batches, which the second rank computes.
    examples[4].input = vec![2; 40];
    let results = by_ranks(&model, &examples, 2);
    let [Err(first), Err(second)] = results.as_slice() else { panic!("{results:?}") };
    assert!(matches!(first, TrainError::OtherRankEvaluation { failed: 1 }), "{first}");
    assert!(matches!(second, TrainError::Model(_)), "{second}");
}
