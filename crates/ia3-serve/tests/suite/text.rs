//! The text of answers, and the texts that end them.

use burn::tensor::Device;
use ia3::Model;
use ia3_serve::{Engine, Penalties, Reason, Request};
use tempfile::TempDir;

use crate::common::{Case, llama, options, run, t5};

/// The tiny Llama with a tokenizer whose token `i` is the word `wi`.
pub(crate) fn llama_with_words() -> (TempDir, Case) {
    with_words(llama())
}

/// A case with a tokenizer whose token `i` is the word `wi`.
pub(crate) fn with_words(case: Case) -> (TempDir, Case) {
    let dir = tempfile::tempdir().unwrap();
    for file in std::fs::read_dir(case.dir.join("base")).unwrap().flatten() {
        std::fs::copy(file.path(), dir.path().join(file.file_name())).unwrap();
    }
    let words: Vec<String> = (0..case.base.module().vocab_size()).map(|i| format!("\"w{i}\": {i}")).collect();
    let tokenizer = format!(
        r#"{{"version": "1.0", "pre_tokenizer": {{"type": "WhitespaceSplit"}},
            "model": {{"type": "WordLevel", "unk_token": "w0", "vocab": {{{}}}}}}}"#,
        words.join(", ")
    );
    std::fs::write(dir.path().join("tokenizer.json"), tokenizer).unwrap();
    let base = Model::from_pretrained(dir.path(), &Device::flex()).unwrap();
    (dir, Case { base, ..case })
}

#[test]
fn pieces_join_to_the_text_of_the_tokens() {
    let (_dir, case) = llama_with_words();
    let answer = run(&mut case.engine(options()), case.request(vec![3, 5], Some("adapter"), 6));
    let words: Vec<String> = answer.ids().iter().map(|id| format!("w{id}")).collect();
    assert_eq!(answer.text(), words.join(" "));
    assert_eq!(answer.text(), case.base.decode(&answer.ids()).unwrap());
    assert!(answer.tokens.iter().all(|token| !token.text.is_empty()), "each word comes with its token");
}

/// A request whose answer has no token twice.
fn varied(case: &Case) -> Request {
    let once = Penalties { presence: 1000.0, ..Penalties::default() };
    case.request(vec![3, 5], None, 6).with_penalties(once)
}

#[test]
fn a_stop_text_ends_the_answer_and_is_no_part_of_it() {
    let (_dir, case) = llama_with_words();
    let whole = run(&mut case.engine(options()), varied(&case));
    let ids = whole.ids();
    let stop = format!("w{} w{}", ids[2], ids[3]);
    let request = varied(&case).with_stop([stop.as_str(), ""]);
    let answer = run(&mut case.engine(options()), request);
    assert_eq!(answer.text(), format!("w{} w{} ", ids[0], ids[1]));
    let end = answer.end.as_ref().unwrap();
    assert_eq!((end.reason, end.completion_tokens), (Reason::Stop, 4));
    assert_eq!(answer.ids(), ids[..4]);
}

#[test]
fn an_end_token_ends_the_answer_and_has_no_text() {
    let (_dir, case) = llama_with_words();
    let ids = run(&mut case.engine(options()), varied(&case)).ids();
    let mut request = varied(&case);
    request.generation = request.generation.with_min_new_tokens(0).with_eos_token_id(vec![ids[2]]);
    let answer = run(&mut case.engine(options()), request);
    let end = answer.end.as_ref().unwrap();
    assert_eq!((end.reason, end.completion_tokens), (Reason::Stop, 3));
    assert_eq!(answer.text(), format!("w{} w{}", ids[0], ids[1]));
}

#[test]
fn an_encoder_decoder_streams_words_and_stops_at_a_text() {
    let (_dir, case) = with_words(t5());
    let whole = run(&mut case.engine(options()), varied(&case));
    let ids = whole.ids();
    assert_eq!(whole.text(), ids.iter().map(|id| format!("w{id}")).collect::<Vec<_>>().join(" "));
    assert!(whole.tokens.iter().all(|token| !token.text.is_empty()), "each word comes with its token");
    let stop = format!("w{}", ids[2]);
    let answer = run(&mut case.engine(options()), varied(&case).with_stop([stop]));
    assert_eq!(answer.text(), format!("w{} w{} ", ids[0], ids[1]));
    assert_eq!(answer.end.unwrap().reason, Reason::Stop);
}

#[test]
fn a_base_without_a_tokenizer_answers_with_ids() {
    let case = llama();
    let mut engine = Engine::new(case.base.clone(), None, options()).unwrap();
    let answer = run(&mut engine, case.request(vec![3, 5], None, 2));
    assert_eq!((answer.ids().len(), answer.text()), (2, String::new()));
}
