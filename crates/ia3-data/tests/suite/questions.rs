//! Questions about contexts, in the windows of transformers' run_qa (`fixtures/oracle/gen_tasks.py`), and other inputs of two texts.

use std::path::PathBuf;

use ia3_data::{
    Answer, Encoder, Example, Fields, Layout, Masking, ModelKind, Record, Span, SpanText, Target,
    TextExample, Tokenizer,
};
use serde_json::Value;

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/questions")
}

fn expected() -> Value {
    serde_json::from_str(&std::fs::read_to_string(folder().join("expected.json")).unwrap()).unwrap()
}

fn encoder(tokenizer: &str, model: ModelKind) -> Encoder {
    let file = folder().join(format!("{tokenizer}.json"));
    Encoder::new(Tokenizer::open(&file).unwrap(), model)
}

fn question(context: &str, question: &str, answers: &[(&str, usize)]) -> TextExample {
    let spans = answers.iter().map(|(text, start)| SpanText { text: (*text).into(), start: *start });
    let answer = Answer::Spans { question: question.into(), spans: spans.collect() };
    TextExample::new(context, answer)
}

fn span(example: &Example) -> &Span {
    match &example.target {
        Target::Span(span) => span,
        other => panic!("{other:?}"),
    }
}

#[test]
fn windows_and_positions_are_those_of_run_qa() {
    let expected = expected();
    for tokenizer in ["wordpiece", "bytes"] {
        let max = expected["max_input_tokens"][tokenizer].as_u64().unwrap() as usize;
        let stride = expected["doc_stride"].as_u64().unwrap() as usize;
        let encoder = encoder(tokenizer, ModelKind::QuestionAnswerer)
            .with_max_input_tokens(max)
            .with_doc_stride(stride);
        let rows = Layout::Fields(Fields::new()).read(&folder().join("train.jsonl"), &encoder).unwrap();
        let windows = expected["windows"][tokenizer].as_array().unwrap();
        assert_eq!(rows.concat().len(), windows.len(), "{tokenizer}");
        assert!(windows.len() > 20 && windows.iter().filter(|w| w["start"].as_u64() > Some(0)).count() > 4);
        let mut before = None;
        let made = rows.iter().enumerate().flat_map(|(row, own)| own.iter().map(move |window| (row, window)));
        for ((row, example), window) in made.zip(windows) {
            let span = span(example);
            assert_eq!(row as u64, window["row"].as_u64().unwrap());
            assert_eq!(span.continues, before == Some(row));
            before = Some(row);
            let list = |name: &str| -> Vec<i64> { serde_json::from_value(window[name].clone()).unwrap() };
            assert_eq!((&example.input, &example.token_type_ids), (&list("ids"), &list("types")), "{window}");
            let place = |name: &str| window[name].as_u64().unwrap() as usize;
            assert_eq!((span.start, span.end), (place("start"), place("end")), "{window}");
            let texts: Vec<Option<String>> = serde_json::from_value(window["places"].clone()).unwrap();
            let found: Vec<Option<String>> =
                (0..example.input.len()).map(|i| span.text_of(i, i).map(str::to_string)).collect();
            assert_eq!(found, texts, "{window}");
        }
    }
}

#[test]
fn an_answer_in_the_last_token_and_an_answer_that_is_cut_have_their_labels() {
    let encoder =
        encoder("wordpiece", ModelKind::QuestionAnswerer).with_max_input_tokens(12).with_doc_stride(2);
    let windows =
        encoder.encode_all(&question("the lake is in Bern", "where is it", &[("Bern", 15)])).unwrap();
    assert_eq!(windows.len(), 1);
    let only = span(&windows[0]);
    assert_eq!((only.start, only.end), (9, 9), "run_qa would label the token after the context");
    assert_eq!(only.text_of(9, 9), Some("Bern"));
    let text = "the lake is in the north of Bern by the river Aare";
    let cut = encoder.encode_all(&question(text, "where is it", &[("in the north of Bern", 12)])).unwrap();
    assert!(cut.iter().all(|window| (span(window).start, span(window).end) == (0, 0)), "{cut:?}");
    assert_eq!(encoder.encode(&question(text, "where is it", &[])).unwrap(), {
        let target = Target::Span(Span { answers: vec![], ..span(&cut[0]).clone() });
        Example { target, ..cut[0].clone() }
    });
}

#[test]
fn what_cannot_be_a_question_is_named() {
    let encoder = encoder("wordpiece", ModelKind::QuestionAnswerer).with_max_input_tokens(12);
    let error = |example: &TextExample| encoder.encode_all(example).unwrap_err().to_string();
    let wrong = error(&question("the é lake", "where", &[("lake", 4)]));
    let expected = "the answer `lake` is said to start at character 4 of the context, which has `é la` there; \
                    `answer_start` counts characters from 0";
    assert_eq!(wrong, expected);
    let beyond = error(&question("the lake", "where", &[("lake", 40)]));
    assert!(beyond.contains("which has no text there"), "{beyond}");
    let long = "the lake is in the north by the river";
    assert!(
        error(&question(long, "where", &[]))
            .starts_with("the windows of a long context would overlap by 128")
    );
    let full = error(&question(long, "where is the old city by the lake in the north", &[]));
    assert!(full.starts_with("there is no room for the context: the token limit is 12"), "{full}");
    let class = TextExample::new("the lake", Answer::Class(1));
    assert!(error(&class).contains("a question about a context"));
    let row = Record::from_json(r#"{"context": "a", "question": "b", "answers": "c"}"#).unwrap();
    let refused = Fields::new().example_for(&row, &ModelKind::QuestionAnswerer).unwrap_err().to_string();
    assert!(refused.starts_with("field `answers` is a text, expected `{\"text\": […]"), "{refused}");
    let other = Fields::new().with_question("ask").example_for(&row, &ModelKind::QuestionAnswerer);
    assert!(other.unwrap_err().to_string().contains("no field `ask`"));
}

#[test]
fn choices_are_pairs_of_which_the_longer_text_is_truncated_first() {
    let encoder = encoder("wordpiece", ModelKind::MultipleChoice).with_max_input_tokens(9);
    let choices = vec!["in the city".to_string(), "the old bridge is in the north too".to_string()];
    let answer = Answer::Choices { choices, answer: 1 };
    let example = TextExample::new("where is the lake", answer);
    let Target::Pairs { pairs, answer } = encoder.encode(&example).unwrap().target else { panic!() };
    assert_eq!(answer, 1);
    let word = |text: &str| encoder.tokenizer.id_of(text).unwrap();
    let ids = |words: &str| words.split(' ').map(word).collect::<Vec<i64>>();
    // 9 tokens less 3 special ones: the first text keeps 3, as does the second.
    assert_eq!(pairs[0].ids, ids("[CLS] where is the [SEP] in the city [SEP]"));
    assert_eq!(pairs[0].token_type_ids, [0, 0, 0, 0, 0, 1, 1, 1, 1]);
    assert_eq!(pairs[1].ids, ids("[CLS] where is the [SEP] the old bridge [SEP]"));
}

#[test]
fn a_row_of_two_texts_becomes_a_pair_for_a_model_that_classifies_it() {
    let row = |json: &str| Record::from_json(json).unwrap();
    let pair = row(r#"{"sentence1": "where is the lake", "sentence2": "in the city", "label": 1}"#);
    for model in [ModelKind::Classifier, ModelKind::MultiLabel { labels: 3 }, ModelKind::Regression] {
        let encoder = encoder("wordpiece", model.clone()).with_max_input_tokens(9);
        let text = Fields::new().example_for(&pair, &model).unwrap();
        let example = encoder.encode(&text).unwrap();
        let (ids, types) =
            encoder.tokenizer.encode_pair("where is the lake", "in the city", Some(9)).unwrap();
        assert_eq!((&example.input, &example.token_type_ids), (&ids, &types), "{model:?}");
        assert_eq!(types, [0, 0, 0, 0, 0, 1, 1, 1, 1]);
    }
    let one = Fields::new().example(&row(r#"{"text": "where is the lake", "label": 1}"#)).unwrap();
    let classifier = encoder("wordpiece", ModelKind::Classifier);
    assert!(classifier.encode(&one).unwrap().token_type_ids.is_empty());
    let language = ModelKind::Decoder { ends: vec![] };
    let named = Fields::new().with_text_pair("b");
    let texts = row(r#"{"input": "a", "b": "c", "target": "d"}"#);
    let refused = named.example_for(&texts, &language).unwrap_err().to_string();
    assert!(refused.starts_with("the input has two texts, which only a model that classifies"), "{refused}");
    let two = TextExample::new("a", Answer::Text("b".into())).with_text_pair("c");
    let encoded = encoder("wordpiece", language).encode(&two).unwrap_err().to_string();
    assert_eq!(encoded, refused);
    let empty = Fields::new().example(&row(r#"{"text": "a", "text_pair": " ", "label": 1}"#)).unwrap_err();
    assert_eq!(empty.to_string(), "the second text of the input is empty");
}

fn hidden(example: &Example) -> &[i64] {
    match &example.target {
        Target::TokenClasses(classes) => classes,
        other => panic!("{other:?}"),
    }
}

#[test]
fn tokens_are_hidden_at_random_but_by_the_seed() {
    let text = "the lake is in the north by the river , and the old bridge is in the city ".repeat(8);
    let example = TextExample::new(text.clone(), Answer::Hidden);
    let masking = Masking::new().with_variants(40);
    let encoder = encoder("wordpiece", ModelKind::MaskedLm).with_masking(masking.clone());
    let variants = encoder.encode_all(&example).unwrap();
    assert_eq!(variants.len(), 40);
    assert_eq!(variants, encoder.encode_all(&example).unwrap());
    assert_eq!(variants[0], encoder.encode(&example).unwrap());
    assert_ne!(variants[0], variants[1]);
    let other = encoder.clone().with_masking(masking.with_seed(7)).encode_all(&example).unwrap();
    assert_ne!(variants, other);
    let (ids, mask) =
        (encoder.tokenizer.encode(&text, None).unwrap(), encoder.tokenizer.id_of("[MASK]").unwrap());
    let (mut all, mut drawn, mut masked, mut kept) = (0, 0, 0, 0);
    for variant in &variants {
        assert_eq!((variant.input[0], hidden(variant)[0]), (ids[0], -100), "a special token is not drawn");
        for ((seen, hidden), id) in variant.input.iter().zip(hidden(variant)).zip(&ids) {
            all += 1;
            assert!(*hidden == -100 && seen == id || hidden == id);
            drawn += usize::from(*hidden != -100);
            masked += usize::from(*hidden != -100 && *seen == mask);
            kept += usize::from(*hidden != -100 && seen == id);
        }
    }
    let share = |part: usize, of: usize| part as f64 / of as f64;
    assert!((share(drawn, all) - 0.15).abs() < 0.02, "{drawn} of {all}");
    assert!((share(masked, drawn) - 0.8).abs() < 0.05, "{masked} of {drawn}");
    assert!((share(kept, drawn) - 0.1).abs() < 0.05, "{kept} of {drawn}");
}

#[test]
fn hidden_tokens_may_be_given() {
    let encoder = encoder("wordpiece", ModelKind::MaskedLm);
    let row = |json: &str| Fields::new().example_for(&Record::from_json(json).unwrap(), &ModelKind::MaskedLm);
    let given = row(r#"{"text": "the [MASK] is old", "target": "the bridge is old"}"#).unwrap();
    let example = encoder.encode(&given).unwrap();
    let word = |text: &str| encoder.tokenizer.id_of(text).unwrap();
    assert_eq!(example.input[2], word("[MASK]"));
    assert_eq!(hidden(&example), [-100, -100, word("bridge"), -100, -100, -100]);
    let error = |json: &str| encoder.encode(&row(json).unwrap()).unwrap_err().to_string();
    let longer = error(r#"{"text": "the [MASK] is old", "target": "the old bridge is old"}"#);
    assert_eq!(
        longer,
        "the text has 6 tokens and the target 7; write one mask token for each token that is hidden"
    );
    let same = error(r#"{"text": "the bridge", "target": "the bridge"}"#);
    assert!(same.starts_with("the text and the target have the same tokens"), "{same}");
    let drawn = row(r#"{"text": "the bridge"}"#).unwrap();
    assert_eq!(drawn.answer, Answer::Hidden);
    let none = self::encoder("bytes", ModelKind::MaskedLm).encode(&drawn).unwrap_err().to_string();
    assert!(none.starts_with("the tokenizer has neither `[MASK]` nor `<mask>`"), "{none}");
    let share = encoder.clone().with_masking(Masking::new().with_probability(1.5)).encode(&drawn);
    assert!(share.unwrap_err().to_string().contains("is 1.5, expected a number between 0 and 1"));
}
