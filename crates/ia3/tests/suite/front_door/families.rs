//! Every model of the corpus: logits, generated ids, rows with their own adapters, merged weights.

use burn::tensor::{DType, Int, Tensor};
use ia3::{Adapter, Model, ModelInputs, TrainableParameters};

use super::{logits, open};
use crate::common::{Case, cases, device};

#[test]
fn logits_are_those_of_the_lower_layer() {
    for case in cases() {
        let (base, adapter) = open(&case);
        let lower = ia3::io::load_adapter(case.dir.join("adapter"), &case.base.info(), &device()).unwrap();
        assert_eq!(logits(&base, case.inputs()), case.logits(&case.base), "{}", case.name);
        let adapted = ia3::attach(&case.base, &[&lower]).unwrap();
        let model = base.with_adapter(&adapter).unwrap();
        assert_eq!(logits(&model, case.inputs()), case.logits(&adapted), "{}", case.name);
        let last: Vec<f32> = model.last_logits(case.inputs().clone()).unwrap().into_data().iter().collect();
        let expected: Vec<f32> = adapted.last_logits(case.inputs()).unwrap().into_data().iter().collect();
        assert_eq!(last, expected, "{}", case.name);
        assert_eq!(logits(&model.without_adapters(), case.inputs()), logits(&base, case.inputs()));
        let line = TrainableParameters::of(&case.base, &lower).to_string();
        assert_eq!(model.trainable_parameters().to_string(), line);
        assert_eq!(base.trainable_parameters().trainable, 0);
    }
}

#[test]
fn several_adapters_multiply_and_merge_as_in_the_lower_layer() {
    for case in cases() {
        let (base, first) = open(&case);
        if !first.saved.is_empty() {
            continue; // Two adapters cannot replace the same head.
        }
        let second = Adapter::load(case.dir.join("adapter_b"), &base).unwrap();
        let both = base.with_adapters([&first, &second]).unwrap();
        let expected = ia3::attach(&case.base, &[&first, &second]).unwrap();
        assert_eq!(logits(&both, case.inputs()), case.logits(&expected), "{}", case.name);
        assert_eq!(both.adapters().len(), 2);
        let merged = ia3::merge(&case.base, &[&first, &second]).unwrap();
        let unloaded = both.merge_and_unload().unwrap();
        assert_eq!(logits(&unloaded, case.inputs()), case.logits(&merged), "{}", case.name);
        assert!(unloaded.adapters().is_empty());
    }
}

#[test]
fn merging_is_that_of_the_lower_layer_and_leaves_the_base_as_it_is() {
    for case in cases() {
        let (base, adapter) = open(&case);
        let merged = case.logits(&ia3::merge(&case.base, &[&adapter]).unwrap());
        assert_eq!(logits(&base.merge(&adapter).unwrap(), case.inputs()), merged, "{}", case.name);
        assert_eq!(logits(&base.merge_safe(&adapter).unwrap(), case.inputs()), merged, "{}", case.name);
        assert_eq!(logits(&base, case.inputs()), case.logits(&case.base), "{}", case.name);
    }
}

#[test]
fn batch_entries_have_their_own_adapters() {
    for case in cases() {
        let (base, first) = open(&case);
        let second = Adapter::load(case.dir.join("adapter_b"), &base).unwrap();
        let entries = case.inputs().rows();
        let choice = |i: usize| [Some(&first), None, Some(&second)][i % 3];
        let rows: Vec<Option<&Adapter>> = (0..entries).map(choice).collect();
        let mixed = base.with_rows(&rows).unwrap();
        let lower: Vec<Option<&ia3::core::Adapter>> = rows.iter().map(|row| row.map(|a| &**a)).collect();
        let expected = case.logits(&ia3::attach_rows(&case.base, &lower).unwrap());
        assert_eq!(logits(&mixed, case.inputs()), expected, "{}", case.name);
        assert_eq!(mixed.adapters().len(), rows.iter().flatten().count().min(2));
    }
}

/// The ids of each batch entry of the corpus, without padding.
fn prompts(case: &Case) -> Vec<Vec<i64>> {
    let inputs = case.inputs();
    let values = |t: &Tensor<2, Int>| -> Vec<i64> { t.to_data().iter().collect() };
    let ids = inputs.input_ids.as_ref().unwrap();
    let [_, width] = ids.dims();
    let mask = inputs.attention_mask.as_ref().map_or_else(|| vec![1; values(ids).len()], values);
    let real = |(ids, mask): (&[i64], &[i64])| {
        ids.iter().zip(mask).filter(|(_, mask)| **mask == 1).map(|(id, _)| *id).collect()
    };
    values(ids).chunks(width).zip(mask.chunks(width)).map(real).collect()
}

#[test]
fn generated_ids_are_those_of_the_corpus() {
    let mut tested = 0;
    for case in cases().into_iter().filter(|case| case.base.task().is_language_model()) {
        let (base, adapter) = open(&case);
        let meta = std::fs::read_to_string(case.dir.join("meta.json")).unwrap();
        let meta: serde_json::Value = serde_json::from_str(&meta).unwrap();
        let setting = |name: &str| meta["generate"][name].as_u64().unwrap() as usize;
        let generate = |model: &Model| -> Vec<i64> {
            let generate = model.generate(prompts(&case));
            let generate = generate.max_new_tokens(setting("max_new_tokens"));
            let ids = generate.min_new_tokens(setting("min_new_tokens")).run().unwrap().ids;
            let width = ids.iter().map(Vec::len).max().unwrap();
            ids.iter().flat_map(|row| row[width - setting("max_new_tokens")..].to_vec()).collect()
        };
        for (name, model) in [
            ("base", base.clone()),
            ("adapter", base.with_adapter(&adapter).unwrap()),
            ("merged", base.merge(&adapter).unwrap()),
        ] {
            let expected = new_tokens(&case, name, setting("max_new_tokens"));
            assert_eq!(generate(&model), expected, "{} {name}", case.name);
            tested += 1;
        }
    }
    assert!(tested >= 30, "{tested}");
}

/// The tokens that transformers generated, without the prompts.
fn new_tokens(case: &Case, name: &str, count: usize) -> Vec<i64> {
    let name = format!("generate.{name}.ids");
    let tensors = ia3::io::read_tensors(case.dir.join("io.safetensors"), &[&name]).unwrap();
    let ids = tensors.get(&name).unwrap_or_else(|| panic!("{}: no {name}", case.name));
    let width = ids.shape()[1];
    let ids: Vec<i64> = ids.iter().collect();
    ids.chunks(width).flat_map(|row| row[width - count..].to_vec()).collect()
}

#[test]
fn sampling_is_repeatable_and_steps_are_seen() {
    let case = cases().into_iter().find(|case| case.name == "llama").unwrap();
    let (base, adapter) = open(&case);
    let model = base.with_adapter(&adapter).unwrap();
    let draw =
        |seed| model.generate([[5, 6, 7]]).max_new_tokens(8).temperature(2.0).seed(seed).run().unwrap();
    assert_eq!(draw(1), draw(1));
    assert_ne!(draw(1), draw(2));
    let greedy = model.generate([[5, 6, 7]]).max_new_tokens(8).run().unwrap();
    let one = model.generate([[5, 6, 7]]).max_new_tokens(8).top_k(1).run().unwrap();
    assert_eq!(one, greedy);
    let mut tokens = vec![];
    let seen = model.generate([[5, 6, 7]]).max_new_tokens(8).on_step(|step| tokens.push(step.tokens[0]));
    let ids = seen.run().unwrap().ids;
    assert_eq!(ids[0][3..], tokens);
    let line = ids[0].iter().map(i64::to_string).collect::<Vec<_>>().join(" ");
    assert_eq!(greedy.to_string(), line, "without a tokenizer the ids are shown");
}

#[test]
fn inputs_of_all_forms_are_the_same_batch() {
    let case = cases().into_iter().find(|case| case.name == "gpt2").unwrap();
    let (base, _) = open(&case);
    let rows = vec![vec![5, 6, 7], vec![8, 9]];
    let forward = |inputs: ia3::Prompts| -> Vec<f32> {
        base.forward(inputs).unwrap().cast(DType::F32).into_data().iter().collect()
    };
    let slices: [&[i64]; 2] = [&[5, 6, 7], &[8, 9]];
    let tensors = ModelInputs::from_rows(
        &rows,
        base.module().pad_token_id(),
        ia3::models::PaddingSide::Right,
        &device(),
    );
    let expected = forward(rows.clone().into());
    for inputs in [(&rows).into(), rows.as_slice().into(), slices.into(), tensors.into()] {
        assert_eq!(forward(inputs), expected);
    }
}
