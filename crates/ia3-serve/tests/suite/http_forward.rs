//! Embeddings, classes and ranks over HTTP.

use ia3::SentenceConfig;
use ia3::Task;
use ia3::models::Pooling;
use ia3_serve::{ForwardEngine, ForwardRequest, Wanted};
use serde_json::{Value, json};

use crate::common::{Case, cases, options, t5};
use crate::server::Server;
use crate::text::with_words;

/// A server for the first classifier of the corpus.
fn classifier() -> Server {
    let case = cases(|task| task == Task::SequenceClassification).remove(0);
    let mut sentence = SentenceConfig::default();
    (sentence.pooling, sentence.normalize) = (Pooling::Cls, true);
    let base = tempfile::tempdir().unwrap();
    Server::of(case, base, options(), |options| options.with_sentence(sentence))
}

fn alone(case: &Case, ids: &[i64], adapter: &str, wanted: Wanted) -> Vec<f32> {
    let mut engine = ForwardEngine::new(case.base.clone(), Some(case.dir.clone()), options()).unwrap();
    let request = ForwardRequest::new(ids.to_vec(), wanted).with_adapter(adapter.to_string());
    let mut answer = engine.submit(request);
    engine.step();
    answer.try_recv().unwrap().unwrap()
}

fn numbers(value: &Value) -> Vec<f32> {
    value.as_array().unwrap().iter().map(|number| number.as_f64().unwrap() as f32).collect()
}

#[test]
fn embeddings_are_those_of_the_engine_in_both_encodings() {
    let server = classifier();
    let wanted = Wanted::Embedding { pooling: Pooling::Cls, normalize: true };
    let expected = alone(&server.case, &[3, 5, 9], "adapter", wanted);
    let body = json!({"model": "adapter", "input": [[3, 5, 9], [4, 5], [3, 5, 9]]});
    let answer = server.post("/v1/embeddings", &body).json();
    assert_eq!(answer["usage"], json!({"prompt_tokens": 8, "total_tokens": 8, "completion_tokens": 0}));
    assert_eq!((&answer["object"], &answer["data"][1]["index"]), (&json!("list"), &json!(1)));
    for i in [0, 2] {
        assert_eq!(numbers(&answer["data"][i]["embedding"]), expected);
    }
    let body = json!({"model": "adapter", "input": [3, 5, 9], "encoding_format": "base64", "dimensions": expected.len()});
    let text =
        server.post("/v1/embeddings", &body).json()["data"][0]["embedding"].as_str().unwrap().to_string();
    assert_eq!(decode(&text), expected);
    let body = json!({"model": "adapter", "input": [3, 5, 9], "dimensions": 1});
    assert_eq!(server.post("/v1/embeddings", &body).error().2.as_deref(), Some("dimensions"));
    server.stop();
}

/// Numbers in base64, which a client decodes.
fn decode(text: &str) -> Vec<f32> {
    let digit = |c: u8| match c {
        b'A'..=b'Z' => c - b'A',
        b'a'..=b'z' => c - b'a' + 26,
        b'0'..=b'9' => c - b'0' + 52,
        b'+' => 62,
        _ => 63,
    };
    let digits: Vec<u32> = text.bytes().filter(|c| *c != b'=').map(|c| u32::from(digit(c))).collect();
    let bits = digits.chunks(4).flat_map(|four| {
        let value = four.iter().enumerate().map(|(i, digit)| digit << (18 - 6 * i)).sum::<u32>();
        value.to_be_bytes()[1..four.len()].to_vec()
    });
    let bytes: Vec<u8> = bits.collect();
    bytes.chunks_exact(4).map(|four| f32::from_le_bytes(four.try_into().unwrap())).collect()
}

#[test]
fn classes_are_those_of_the_adapter() {
    let server = classifier();
    for adapter in ["adapter", "adapter_b"] {
        let logits = alone(&server.case, &[3, 5, 9], adapter, Wanted::Logits);
        let body = json!({"model": adapter, "input": [[3, 5, 9]]});
        let answer = server.post("/v1/classify", &body).json();
        let entry = &answer["data"][0];
        assert_eq!(entry["num_classes"], logits.len());
        let probabilities = numbers(&entry["probs"]);
        let sum: f32 = logits.iter().map(|logit| logit.exp()).sum();
        for (got, logit) in probabilities.iter().zip(&logits) {
            assert!((got - logit.exp() / sum).abs() < 1e-6, "{entry}");
        }
        let best = (0..logits.len()).max_by(|&a, &b| logits[a].total_cmp(&logits[b])).unwrap();
        let names = server.case.base.config().unwrap().label_names();
        let name = names.get(best).cloned().unwrap_or_else(|| format!("LABEL_{best}"));
        assert_eq!(entry["label"], name);
    }
    let cut = json!({"model": "tiny", "input": [[3, 5, 9]], "truncate_prompt_tokens": 2});
    let two = json!({"model": "tiny", "input": [[3, 5]]});
    let data = |body: &Value| server.post("/v1/classify", body).json()["data"].clone();
    assert_eq!(data(&cut), data(&two));
    server.stop();
}

#[test]
fn an_encoder_says_what_it_does_not_answer() {
    let server = classifier();
    let answers = server.get("/v1/models").json()["data"][0]["answers"].clone();
    assert_eq!(answers, json!(["classify", "embeddings"]));
    let completion = server.post("/v1/completions", &json!({"model": "tiny", "prompt": [3]}));
    assert_eq!((completion.status, completion.error().2.as_deref()), (400, Some("model")));
    let many = vec![vec![3]; 3000];
    assert_eq!(server.post("/v1/embeddings", &json!({"model": "tiny", "input": many})).status, 400);
    server.stop();
}

#[test]
fn choices_are_ranked_by_their_likelihood() {
    let server = Server::start(options().with_rows(2), |options| options);
    let body = json!({"model": "adapter", "input": "w3 w5", "choices": ["w7", "w8 w9", "w4"]});
    let answer = server.post("/v1/rank", &body).json();
    let model = server
        .case
        .base
        .with_adapter(&ia3::Adapter::load(server.case.dir.join("adapter"), &server.case.base).unwrap());
    let model = model.unwrap();
    let ends = server.case.base.module().generation_config(1).eos_token_id;
    let texts: Vec<Vec<i64>> =
        [vec![7], vec![8, 9], vec![4]].into_iter().map(|ids| [ids, ends[..1].to_vec()].concat()).collect();
    let expected = model.module().log_likelihoods(&[(&[3, 5], &texts)]).unwrap().sums();
    let expected: Vec<f32> = expected.into_data().iter().collect();
    let mut best = (0, f64::MIN);
    for (i, expected) in expected.iter().enumerate() {
        let entry = &answer["data"][i];
        let got = entry["log_likelihood"].as_f64().unwrap();
        assert!((got - f64::from(*expected)).abs() < 1e-4, "{entry} and {expected}");
        assert_eq!(entry["tokens"], texts[i].len());
        let score = entry["score"].as_f64().unwrap();
        assert!((score - got / texts[i].len() as f64).abs() < 1e-9);
        if score > best.1 {
            best = (i, score);
        }
    }
    assert_eq!(answer["best"], best.0);
    server.stop();
}

#[test]
fn an_encoder_decoder_answers_completions_as_a_decoder_does() {
    let (base, case) = with_words(t5());
    let server = Server::of(case, base, options().with_rows(3).with_pass_tokens(8), |options| options);
    let answers = server.get("/v1/models").json()["data"][0]["answers"].clone();
    assert_eq!(answers, json!(["completions", "rank"]));
    let body = json!({"model": "adapter", "prompt": "w3 w5", "max_tokens": 6, "n": 2, "logprobs": 2,
        "presence_penalty": 1000.0, "logit_bias": {"7": -1000.0}});
    let whole = server.post("/v1/completions", &body).json();
    let choice = &whole["choices"][0];
    let ids = server.case.base.tokenizer().unwrap().unwrap();
    let tokens = ids.encode(choice["text"].as_str().unwrap(), None).unwrap();
    assert_eq!((choice["finish_reason"].as_str(), tokens.contains(&7)), (Some("length"), false));
    assert_eq!(choice["logprobs"]["token_logprobs"].as_array().unwrap().len(), 6);
    assert_eq!(whole["choices"][1]["text"], choice["text"], "both are greedy");
    let mut stream = body.clone();
    (stream["stream"], stream["n"], stream["logprobs"]) = (json!(true), json!(1), Value::Null);
    let events = server.post("/v1/completions", &stream).events();
    assert!(events.len() > 6, "a token comes when it is chosen: {events:?}");
    let text: String = events.iter().filter_map(|event| event["choices"][0]["text"].as_str()).collect();
    assert_eq!(text, choice["text"].as_str().unwrap());
    let long = json!({"model": "tiny", "prompt": vec![3; 16], "max_tokens": 17});
    assert_eq!(server.post("/v1/completions", &long).json()["error"]["code"], "context_length_exceeded");
    server.stop();
}
