//! Metrics, compared with scikit-learn, rouge_score, sacrebleu and jiwer (`fixtures/oracle/gen_metrics.py`).

use std::path::PathBuf;

use ia3_train::metrics::{bleu, character_error_rate, macro_f1, matthews, micro_f1, rouge, word_error_rate};
use serde_json::Value;

fn figures(kind: &str) -> Vec<Value> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/metrics.json");
    let all: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    all[kind].as_array().unwrap().clone()
}

fn near(name: &str, found: f64, expected: &Value) {
    let expected = expected.as_f64().unwrap();
    assert!(
        (found - expected).abs() < 1e-9 * expected.abs().max(1.0),
        "{name}: {found}, expected {expected}"
    );
}

#[test]
fn figures_of_classes_are_those_of_scikit_learn() {
    let cases = figures("classes");
    assert_eq!(cases.len(), 3);
    for case in cases {
        let numbers = |name: &str| -> Vec<i64> {
            case[name].as_array().unwrap().iter().map(|number| number.as_i64().unwrap()).collect()
        };
        let (found, wanted) = (numbers("predictions"), numbers("references"));
        near("macro F1", macro_f1(&found, &wanted), &case["macro_f1"]);
        near("micro F1", micro_f1(&found, &wanted), &case["micro_f1"]);
        near("Matthews", matthews(&found, &wanted), &case["matthews"]);
    }
}

#[test]
fn figures_of_texts_are_those_of_rouge_score_sacrebleu_and_jiwer() {
    let cases = figures("texts");
    assert_eq!(cases.len(), 3);
    for case in cases {
        let texts = |name: &str| -> Vec<&str> {
            case[name].as_array().unwrap().iter().map(|text| text.as_str().unwrap()).collect()
        };
        let (found, wanted) = (texts("predictions"), texts("references"));
        let scores = rouge(&found, &wanted);
        near("ROUGE-1", scores.rouge1, &case["rouge1"]);
        near("ROUGE-2", scores.rouge2, &case["rouge2"]);
        near("ROUGE-L", scores.rouge_l, &case["rougeL"]);
        near("BLEU", bleu(&found, &wanted), &case["bleu"]);
        near("word error rate", word_error_rate(&found, &wanted), &case["wer"]);
        near("character error rate", character_error_rate(&found, &wanted), &case["cer"]);
    }
}

#[test]
fn nothing_right_scores_nothing() {
    assert_eq!(bleu(&["a b"], &["c d"]), 0.0);
    assert_eq!(rouge(&["a b"], &["c d"]).rouge1, 0.0);
    assert_eq!(rouge(&[""], &["c d"]).rouge_l, 0.0);
    assert!(macro_f1::<usize>(&[], &[]).is_nan() && rouge::<&str>(&[], &[]).rouge1.is_nan());
}
