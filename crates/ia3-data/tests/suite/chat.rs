//! Chat templates, compared with what transformers renders and marks (`fixtures/oracle/gen_chat.py`).

use std::path::PathBuf;

use ia3_data::{ChatTemplate, Encoder, ModelKind, Record, Shape, Target, Tokenizer};
use serde_json::Value;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn special() -> [(String, String); 3] {
    [("bos_token", "<pad>"), ("eos_token", "</s>"), ("unk_token", "<unk>")].map(|(a, b)| (a.into(), b.into()))
}

fn cases() -> Vec<Value> {
    let text = std::fs::read_to_string(root().join("fixtures/chat.json")).unwrap();
    serde_json::from_str(&text).unwrap()
}

/// The row of a case, as text, because templates write the fields in their order.
fn row(case: &Value) -> Record {
    Record::from_json(case["row"].as_str().unwrap()).unwrap()
}

#[test]
fn conversations_are_rendered_as_transformers_renders_them() {
    let cases = cases();
    assert_eq!(cases.len(), 12);
    for case in &cases {
        let template = ChatTemplate::new(case["template"].as_str().unwrap(), special()).unwrap();
        let conversation = Shape::Messages.conversation(&row(case)).unwrap();
        let prompt = case["add_generation_prompt"].as_bool().unwrap();
        assert_eq!(template.render(&conversation, prompt).unwrap(), case["text"].as_str().unwrap());
    }
}

#[test]
fn the_learned_tokens_are_those_that_transformers_marks() {
    let tokenizer = Tokenizer::open(&root().join("examples/base/tokenizer.json")).unwrap();
    let marked: Vec<Value> = cases().into_iter().filter(|case| !case["mask"].is_null()).collect();
    assert_eq!(marked.len(), 2);
    for case in marked {
        let template = ChatTemplate::new(case["template"].as_str().unwrap(), special()).unwrap();
        let encoder = Encoder::new(tokenizer.clone(), ModelKind::Decoder { ends: vec![1] });
        let encoder = encoder.with_chat_template(Some(template));
        let conversation = Shape::Messages.conversation(&row(&case)).unwrap();
        let example = encoder.encode_conversation(&conversation).unwrap();
        let Target::Turns { ids, learned } = &example.target else {
            panic!("two turns are learned: {example:?}")
        };
        let numbers = |value: &Value| -> Vec<i64> {
            value.as_array().unwrap().iter().filter_map(Value::as_i64).collect()
        };
        let (expected, mask) = (numbers(&case["ids"]), numbers(&case["mask"]));
        let own = [example.input.as_slice(), ids].concat();
        assert_eq!(own, expected[..own.len()]);
        let before = vec![0; example.input.len()];
        let flags: Vec<i64> = before.into_iter().chain(learned.iter().map(|&l| l.into())).collect();
        assert_eq!(flags, mask[..own.len()]);
        assert!(mask[own.len()..].iter().all(|&m| m == 0), "what is cut off is not learned");
        assert_eq!(example.last_turn().1.last(), Some(&1), "the last turn ends with the end token");

        let short = encoder.with_max_input_tokens(4).with_max_target_tokens(2);
        let refused = short.encode_conversation(&conversation).unwrap_err().to_string();
        assert!(refused.starts_with("the assistant says nothing within the first 6 tokens"), "{refused}");
    }
}
