//! Words with tags, through a tokenizer.

use std::path::PathBuf;

use ia3_data::{Encoder, Fields, Layout, ModelKind, Record, Target, Tokenizer};

fn encoder(max: usize) -> Encoder {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../examples/base/tokenizer.json");
    let tokenizer = Tokenizer::open(&path).unwrap();
    Encoder::new(tokenizer, ModelKind::TokenClassifier).with_max_input_tokens(max)
}

fn encode(max: usize, json: &str) -> Result<(usize, Vec<i64>), String> {
    let encoder = encoder(max);
    let fields = Fields::new().with_label_names(["O", "B-PER"]);
    let row = Record::from_json(json).unwrap();
    let rows = Layout::Fields(fields).variants_for(&row, 0, &encoder.model).map_err(|e| e.to_string())?;
    let example = encoder.encode(&rows[0]).map_err(|e| e.to_string())?;
    let Target::TokenClasses(classes) = example.target else { panic!("{:?}", example.target) };
    Ok((example.input.len(), classes))
}

#[test]
fn only_the_first_token_of_a_word_has_its_class_and_special_tokens_have_none() {
    let (tokens, classes) =
        encode(64, r#"{"tokens": ["ada", "met", "bob"], "tags": ["B-PER", "O", 1]}"#).unwrap();
    assert_eq!(tokens, classes.len());
    let with_class: Vec<i64> = classes.iter().copied().filter(|class| *class != -100).collect();
    assert_eq!(with_class, [1, 0, 1]);
    assert_eq!(classes.last(), Some(&-100), "the end token: {classes:?}");
}

#[test]
fn words_are_truncated_with_their_classes() {
    let (tokens, classes) = encode(4, r#"{"tokens": ["ada", "met", "bob"], "tags": [1, 0, 1]}"#).unwrap();
    assert_eq!((tokens, classes.len()), (4, 4));
    assert_eq!(classes.iter().filter(|class| **class != -100).count(), 1);
    let refused = encode(1, r#"{"tokens": ["ada"], "tags": [1]}"#).unwrap_err();
    assert!(refused.contains("1"), "{refused}");
}
