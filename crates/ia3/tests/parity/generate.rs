//! Greedy generation with the cache: ids of base, adapter and merged model, and the adapter's raw logits.

use burn::tensor::{Int, Tensor};
use ia3::models::{EarlyStopping, GenerationConfig, Model};
use ia3::{ModelInputs, Task};

use crate::case::{Case, values};
use crate::compare::{Comparison, LOGITS};

pub(crate) fn run(case: &Case, comparison: &mut Comparison) {
    if !case.io.has("generate.adapter.ids") {
        return;
    }
    let adapter = case.adapter("adapter");
    let adapted = ia3::attach(&case.model, &[&adapter]).unwrap();
    let merged = ia3::merge(&case.model, &[&adapter]).unwrap();
    generate(case, "base", &case.model, comparison);
    generate(case, "merged", &merged, comparison);
    let logits = generate(case, "adapter", &adapted, comparison);
    let expected = case.io.get("generate.adapter.logits").unwrap();
    comparison.tensor("generate.adapter.logits", &logits, &expected.values, &[], LOGITS);
    if case.model.task() == Task::CausalLm {
        with_drafts(case, &adapted, comparison);
    }
}

/// Compares the first row with drafts from its own text and without: the ids, and the logits of each step.
fn with_drafts(case: &Case, base: &Model, comparison: &mut Comparison) {
    let first = |rows: Tensor<2, Int>| rows.narrow(0, 0, 1);
    let ModelInputs { input_ids, attention_mask, .. } = inputs(case);
    let inputs = ModelInputs {
        input_ids: input_ids.map(first),
        attention_mask: attention_mask.map(first),
        ..ModelInputs::default()
    };
    let plain = base.generation_config(12).with_min_new_tokens(12);
    let run = |config: &GenerationConfig| {
        let mut steps: Vec<Tensor<2>> = vec![];
        let ids = base.generate_with(&inputs, config, |step| steps.push(step.logits.clone())).unwrap().ids;
        (ids.into_data().iter::<i64>().collect::<Vec<_>>(), values(Tensor::stack::<3>(steps, 1)))
    };
    let drafts = |tokens: usize| {
        plain.clone().with_prompt_lookup_num_tokens(tokens).with_max_matching_ngram_size(1 + tokens % 2)
    };
    if case.meta["arch"] == "phi3" {
        // Its keys are computed again where a row outgrows the original context.
        let refused = base.generate(&inputs, &drafts(1)).unwrap_err().to_string();
        assert!(refused.contains("outgrow the original context"), "{refused}");
        return;
    }
    let (expected, expected_logits) = run(&plain);
    for tokens in [1, 3, 20] {
        let (ids, logits) = run(&drafts(tokens));
        comparison.equal(&format!("generate with drafts of {tokens}"), &ids, &expected);
        let name = format!("logits with drafts of {tokens}");
        comparison.tensor(&name, &logits, &expected_logits, &[], LOGITS);
    }
}

/// Compares the ids and returns the raw logits, `[batch, steps, vocab]`.
fn generate(case: &Case, name: &str, model: &Model, comparison: &mut Comparison) -> Vec<f64> {
    let expected = case.io.get(&format!("generate.{name}.ids")).unwrap();
    let mut config =
        model.generation_config(case.meta["generate"]["max_new_tokens"].as_u64().unwrap() as usize);
    config.min_new_tokens = case.meta["generate"]["min_new_tokens"].as_u64().unwrap() as usize;
    let mut steps: Vec<Tensor<2>> = vec![];
    let generated = model.generate_with(&inputs(case), &config, |step| steps.push(step.logits.clone()));
    let ids: Vec<i64> = generated.unwrap().ids.into_data().iter().collect();
    let expected: Vec<i64> = expected.values.iter().map(|&v| v as i64).collect();
    comparison.equal(&format!("generate.{name}.ids"), &ids, &expected);
    values(Tensor::stack::<3>(steps, 1))
}

/// An encoder's input as it stands, a decoder's prompt padded on the left.
fn inputs(case: &Case) -> ModelInputs {
    let prefix = if case.io.has("left.input_ids") { "left." } else { "" };
    let ModelInputs { input_ids, attention_mask, input_features, .. } = case.inputs(prefix);
    ModelInputs { input_ids, attention_mask, input_features, ..ModelInputs::default() }
}

/// Compares the ids that transformers generates from this base with penalties and with beams.
pub(crate) fn with_settings(case: &Case, name: &str, cases: &serde_json::Value, comparison: &mut Comparison) {
    let own = cases["generate"].as_array().unwrap().iter().filter(|row| row["case"] == name);
    for (number, row) in own.enumerate() {
        let config = settings(case.model.generation_config(16), &row["settings"]);
        let ids = case.model.generate(&inputs(case), &config).unwrap().ids;
        let found: Vec<i64> = ids.into_data().iter().collect();
        let rows = row["ids"].as_array().unwrap().iter().flat_map(|row| row.as_array().unwrap());
        let expected: Vec<i64> = rows.map(|id| id.as_i64().unwrap()).collect();
        comparison.equal(&format!("generate with setting {number}"), &found, &expected);
    }
}

/// The settings of a case, which have the names of transformers.
fn settings(mut config: GenerationConfig, settings: &serde_json::Value) -> GenerationConfig {
    for (name, value) in settings.as_object().unwrap() {
        let count = || value.as_u64().unwrap() as usize;
        config = match name.as_str() {
            "min_new_tokens" => config.with_min_new_tokens(count()),
            "repetition_penalty" => config.with_repetition_penalty(value.as_f64().unwrap()),
            "no_repeat_ngram_size" => config.with_no_repeat_ngram_size(count()),
            "num_beams" => config.with_num_beams(count()),
            "length_penalty" => config.with_length_penalty(value.as_f64().unwrap()),
            "num_return_sequences" => config.with_num_return_sequences(count()),
            "early_stopping" => config.with_early_stopping(match value.as_str() {
                Some("never") => EarlyStopping::Never,
                _ => EarlyStopping::Full,
            }),
            "forced_bos_token_id" => config.with_forced_bos_token_id(value.as_i64()),
            "forced_eos_token_id" => config.with_forced_eos_token_id(value.as_i64()),
            "eos_token_id" => {
                let ids = value.as_array().unwrap().iter().filter_map(serde_json::Value::as_i64);
                config.with_eos_token_id(ids.collect())
            }
            "pad_token_id" => config.with_pad_token_id(value.as_i64().unwrap()),
            other => panic!("the setting {other}"),
        };
    }
    config
}
