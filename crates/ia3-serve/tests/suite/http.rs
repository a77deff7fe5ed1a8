//! OpenAI's protocol, over loopback.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::common::{options, run};
use crate::server::Server;

fn server() -> Server {
    Server::start(options().with_rows(3).with_pass_tokens(8), |options| options)
}

/// The words of the engine's own greedy answer.
fn expected(server: &Server, prompt: &[i64], adapter: Option<&str>, new: usize) -> String {
    let mut request = server.case.request(prompt.to_vec(), adapter, new);
    request.generation = request.generation.with_eos_token_id(vec![]);
    run(&mut server.case.engine(options()), request).text()
}

#[test]
fn models_are_the_base_and_the_adapters() {
    let server = server();
    let models = server.get("/v1/models").json();
    let field = |name: &str| -> Vec<Value> {
        models["data"].as_array().unwrap().iter().map(|model| model[name].clone()).collect()
    };
    assert_eq!(field("id"), ["tiny", "adapter", "adapter_alt", "adapter_b"]);
    assert_eq!(field("parent"), [Value::Null, "tiny".into(), "tiny".into(), "tiny".into()]);
    assert_eq!(server.get("/v1/models/adapter").json()["parent"], "tiny");
    let missing = server.get("/v1/models/other");
    assert_eq!((missing.status, missing.error().2), (404, Some("model".into())));
    std::fs::rename(server.adapters.path().join("adapter"), server.adapters.path().join("renamed")).unwrap();
    assert_eq!(server.get("/v1/models").json()["data"][3]["id"], "renamed");
    server.stop();
}

#[test]
fn a_completion_is_that_of_the_engine_for_each_model() {
    let server = server();
    for (model, adapter) in [("tiny", None), ("adapter", Some("adapter")), ("adapter_b", Some("adapter_b"))] {
        let expected = expected(&server, &[3, 5], adapter, 6);
        for prompt in [json!("w3 w5"), json!([3, 5]), json!(["w3 w5"]), json!([[3, 5]])] {
            let body = json!({"model": model, "prompt": prompt, "max_tokens": 6});
            let answer = server.post("/v1/completions", &body).json();
            let choice = &answer["choices"][0];
            assert_eq!((&choice["text"], &choice["finish_reason"]), (&json!(expected), &json!("length")));
            assert_eq!(
                answer["usage"],
                json!({"prompt_tokens": 2, "completion_tokens": 6, "total_tokens": 8})
            );
            assert_eq!((&answer["object"], &answer["model"]), (&json!("text_completion"), &json!(model)));
        }
    }
    server.stop();
}

#[test]
fn prompts_and_choices_have_their_indices() {
    let server = server();
    let body = json!({"model": "adapter", "prompt": ["w3 w5", "w9"], "n": 2, "max_tokens": 3,
        "temperature": 1.5, "seed": 7});
    let answer = server.post("/v1/completions", &body).json();
    let texts = |answer: &Value| -> Vec<String> {
        answer["choices"].as_array().unwrap().iter().map(|c| c["text"].to_string()).collect()
    };
    assert_eq!(texts(&answer).len(), 4);
    assert_ne!(texts(&answer)[0], texts(&answer)[1], "answers to one prompt are drawn from other seeds");
    assert_eq!(
        texts(&server.post("/v1/completions", &body).json()),
        texts(&answer),
        "a seed repeats its answers"
    );
    assert_eq!(answer["usage"]["prompt_tokens"], 3);
    assert_eq!(answer["usage"]["completion_tokens"], 12);
    server.stop();
}

#[test]
fn a_chat_is_rendered_by_the_template() {
    let server = server();
    let expected = expected(&server, &[3, 5, 7], Some("adapter"), 4);
    let messages = json!([{"role": "system", "content": "w3"},
        {"role": "user", "content": [{"type": "text", "text": "w5"}]}]);
    let body = json!({"model": "adapter", "messages": messages, "max_completion_tokens": 4, "user": "me"});
    let answer = server.post("/v1/chat/completions", &body).json();
    assert_eq!(
        answer["choices"][0]["message"],
        json!({"role": "assistant", "content": expected, "refusal": null})
    );
    assert_eq!(answer["object"], "chat.completion");
    // Without a limit, an answer has what room the row has: the last of its tokens is never read.
    let body = json!({"model": "tiny", "messages": messages});
    assert_eq!(server.post("/v1/chat/completions", &body).json()["usage"]["completion_tokens"], 14);
    server.stop();
}

#[test]
fn a_stream_has_the_same_text_and_ends_with_the_usage() {
    let server = server();
    let expected = expected(&server, &[3, 5], Some("adapter"), 6);
    let body = json!({"model": "adapter", "prompt": "w3 w5", "max_tokens": 6, "n": 2, "stream": true,
        "stream_options": {"include_usage": true}});
    let events = server.post("/v1/completions", &body).events();
    for index in [0, 1] {
        let of = events.iter().flat_map(|e| e["choices"].as_array().unwrap()).filter(|c| c["index"] == index);
        let text: String = of.clone().map(|choice| choice["text"].as_str().unwrap()).collect();
        assert_eq!(text, expected);
        assert!(of.clone().count() > 3, "the text comes in pieces");
        assert_eq!(of.clone().next_back().unwrap()["finish_reason"], "length");
    }
    let usage = json!({"prompt_tokens": 2, "completion_tokens": 12, "total_tokens": 14});
    assert_eq!(events.last().unwrap()["usage"], usage);
    let chat = json!({"model": "adapter", "messages": [{"role": "user", "content": "w5"}], "max_tokens": 3, "stream": true});
    let events = server.post("/v1/chat/completions", &chat).events();
    assert_eq!(events[0]["choices"][0]["delta"], json!({"role": "assistant", "content": ""}));
    assert_eq!(events.last().unwrap()["choices"][0]["finish_reason"], "length");
    assert!(events.iter().all(|event| event["object"] == "chat.completion.chunk"));
    server.stop();
}

#[test]
fn stop_texts_and_logprobs_are_given() {
    let server = server();
    let words: Vec<String> = expected(&server, &[3, 5], None, 6).split(' ').map(str::to_string).collect();
    let body = json!({"model": "tiny", "prompt": "w3 w5", "max_tokens": 6, "stop": words[1], "logprobs": 2});
    let answer = server.post("/v1/completions", &body).json();
    let choice = &answer["choices"][0];
    assert_ne!(words[0], words[1]);
    assert_eq!(choice["text"], format!("{} ", words[0]));
    assert_eq!(choice["finish_reason"], "stop");
    assert_eq!(choice["logprobs"]["tokens"], json!(words[..2]));
    let top = choice["logprobs"]["top_logprobs"][0].as_object().unwrap();
    assert_eq!((top.len(), &top[&words[0]]), (2, &choice["logprobs"]["token_logprobs"][0]));
    let chat = json!({"model": "tiny", "messages": [{"role": "user", "content": "w5"}], "max_tokens": 2,
        "logprobs": true, "top_logprobs": 3});
    let answer = server.post("/v1/chat/completions", &chat).json();
    let content = answer["choices"][0]["logprobs"]["content"].as_array().unwrap();
    assert_eq!(content.len(), 2);
    assert_eq!(content[0]["top_logprobs"][0]["token"], content[0]["token"]);
    server.stop();
}

#[test]
fn errors_name_what_is_wrong() {
    let server = server();
    let complete = |change: Value| {
        let mut body = json!({"model": "tiny", "prompt": "w3", "max_tokens": 2});
        for (name, value) in change.as_object().unwrap() {
            body[name] = value.clone();
        }
        server.post("/v1/completions", &body)
    };
    for (change, status, param) in [
        (json!({"model": "other"}), 404, "model"),
        (json!({"model": null}), 400, "model"),
        (json!({"model": "../adapter"}), 404, "model"),
        (json!({"prompt": []}), 400, "prompt"),
        (json!({"prompt": ""}), 400, "prompt"),
        (json!({"prompt": [999]}), 400, "prompt"),
        (json!({"prompt": {"text": "w3"}}), 400, "prompt"),
        (json!({"max_tokens": -1}), 400, "max_tokens"),
        (json!({"max_tokens": 0}), 400, "max_new_tokens"),
        (json!({"max_tokens": 100}), 400, "max_tokens"),
        (json!({"temperature": -1}), 400, "temperature"),
        (json!({"temperature": "hot"}), 400, "temperature"),
        (json!({"top_p": 7}), 400, "top_p"),
        (json!({"n": 0}), 400, "n"),
        (json!({"stop": [1]}), 400, "stop"),
        (json!({"logit_bias": {"w3": 1}}), 400, "logit_bias"),
        (json!({"logprobs": 21}), 400, "logprobs"),
        (json!({"stream_options": {}}), 400, "stream_options"),
        (json!({"tools": []}), 400, "tools"),
        (json!({"echo": true}), 400, "echo"),
    ] {
        let answer = complete(change.clone());
        assert_eq!(answer.status, status, "{change}: {}", answer.text);
        assert_eq!(
            (answer.status, answer.error().2.as_deref()),
            (status, Some(param)),
            "{change}: {}",
            answer.text
        );
        let streamed = complete({
            let mut change = change.clone();
            change["stream"] = json!(true);
            change
        });
        if param != "stream_options" {
            assert_eq!(streamed.status, status, "{change}, streamed: {}", streamed.text);
        }
    }
    let chat = |messages: Value| {
        server
            .post("/v1/chat/completions", &json!({"model": "tiny", "messages": messages}))
            .error()
            .2
            .unwrap()
    };
    assert_eq!(chat(json!([])), "messages");
    assert_eq!(chat(json!([{"content": "x"}])), "messages[0]");
    assert_eq!(chat(json!([{"role": "user", "content": [{"type": "image_url"}]}])), "messages[0].content");
    assert_eq!(chat(json!([{"role": "user", "content": "w3", "tool_calls": [1]}])), "messages[0].tool_calls");
    for (path, body, status) in
        [("/v1/completions", "{", 400), ("/v1/completions", "[]", 400), ("/v2", "{}", 404)]
    {
        let answer = server.post_text(path, body, None);
        assert_eq!(answer.status, status);
        answer.error();
    }
    let answer = server.get("/v1/completions");
    assert_eq!((answer.status, answer.error().1.as_str()), (405, "invalid_request_error"));
    server.stop();
}

#[test]
fn a_broken_adapter_is_refused_with_its_reason() {
    let server = server();
    std::fs::write(server.adapters.path().join("adapter/adapter_model.safetensors"), "no").unwrap();
    let answer = server.post("/v1/completions", &json!({"model": "adapter", "prompt": "w3"}));
    let (message, kind, param) = answer.error();
    assert_eq!(
        (answer.status, kind.as_str(), param.as_deref()),
        (422, "invalid_request_error", Some("model"))
    );
    assert!(message.starts_with("the adapter `adapter` is refused: "), "{message}");
    assert_eq!(server.post("/v1/completions", &json!({"model": "adapter_b", "prompt": "w3"})).status, 200);
    server.stop();
}

#[test]
fn a_key_is_asked_for_where_there_is_one() {
    let server = Server::start(options(), |options| options.with_api_key("secret".to_string()));
    let body = json!({"model": "tiny", "prompt": "w3", "max_tokens": 1}).to_string();
    for key in [None, Some(""), Some("secre"), Some("secret2"), Some("Secret")] {
        let answer = server.post_text("/v1/completions", &body, key);
        assert_eq!((answer.status, answer.error().1.as_str()), (401, "authentication_error"), "{key:?}");
    }
    assert_eq!(server.post_text("/v1/completions", &body, Some("secret")).status, 200);
    assert_eq!((server.get("/v1/models").status, server.get("/metrics").status), (401, 401));
    assert_eq!((server.get("/health").status, server.get("/ready").status), (200, 200));
    server.stop();
}

#[test]
fn an_address_for_others_needs_a_key() {
    let options = ia3_serve::ServerOptions::new("tiny");
    let check = |address: &str, options: &ia3_serve::ServerOptions| {
        ia3_serve::check_address(address.parse().unwrap(), options)
    };
    for address in ["0.0.0.0:80", "[::]:80", "192.168.0.1:80"] {
        let error = check(address, &options).unwrap_err().to_string();
        assert!(error.starts_with(address) && error.contains("needs a key"), "{error}");
        check(address, &options.clone().with_api_key("k".to_string())).unwrap();
    }
    check("127.0.0.1:80", &options).unwrap();
    check("[::1]:80", &options).unwrap();
}

#[test]
fn a_body_has_a_limit() {
    let server = Server::start(options(), |options| options.with_body_limit(1000));
    let answer = server.post("/v1/completions", &json!({"model": "tiny", "prompt": "w3 ".repeat(1000)}));
    assert_eq!(answer.status, 413);
    assert!(answer.error().0.contains("1000 bytes"), "{}", answer.text);
    server.stop();
}

#[test]
fn a_full_queue_says_when_to_come_again() {
    let server = Server::start(options().with_queue(1).with_tokens(16), |options| options);
    let body = json!({"model": "tiny", "prompt": "w3", "max_tokens": 12, "n": 100});
    let answer = server.post("/v1/completions", &body);
    assert_eq!((answer.status, answer.error().1.as_str()), (429, "rate_limit_error"));
    assert_eq!(answer.retry_after.as_deref(), Some("1"));
    server.stop();
}

#[test]
fn a_client_that_goes_away_frees_its_row() {
    let server = Server::start(options().with_tokens(4096), |options| options);
    let mut client = long_stream(&server, "tiny");
    client.read_exact(&mut [0; 200]).unwrap();
    drop(client);
    let start = Instant::now();
    while server.engines.text_snapshot().unwrap().abandoned == 0 {
        assert!(start.elapsed() < Duration::from_secs(60), "its row is still running");
        std::thread::sleep(Duration::from_millis(5));
    }
    let next = server.post("/v1/completions", &json!({"model": "tiny", "prompt": "w3", "max_tokens": 1}));
    assert_eq!(next.status, 200);
    server.stop();
}

#[test]
fn a_server_that_ends_finishes_what_it_has_begun() {
    let mut server = Server::start(options().with_tokens(600), |options| options);
    let body = json!({"model": "tiny", "prompt": "w3", "max_tokens": 500});
    let address = server.address;
    let running = std::thread::spawn(move || {
        let mut response =
            ureq::post(format!("http://{address}/v1/completions")).send(body.to_string()).unwrap();
        response.body_mut().read_to_string().unwrap()
    });
    while server.engines.text_snapshot().unwrap().running == 0 {
        std::thread::sleep(Duration::from_millis(1));
    }
    server.tell_to_stop();
    let answer: Value = serde_json::from_str(&running.join().unwrap()).unwrap();
    assert_eq!(answer["usage"]["completion_tokens"], 500);
    server.stop();
    assert!(TcpStream::connect(address).is_err(), "it listens no more");
}

/// A stream of many tokens, of which nothing is read yet.
fn long_stream(server: &Server, model: &str) -> TcpStream {
    let body = json!({"model": model, "prompt": "w3", "max_tokens": 4000, "stream": true}).to_string();
    let mut client = TcpStream::connect(server.address).unwrap();
    let length = body.len();
    write!(client, "POST /v1/completions HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\n\r\n{body}")
        .unwrap();
    client
}

#[test]
fn metrics_name_the_adapters_that_run_and_wait() {
    let server = Server::start(options().with_tokens(4096), |options| options);
    let mut running = long_stream(&server, "adapter");
    running.read_exact(&mut [0; 200]).unwrap();
    let waiting = long_stream(&server, "adapter_b");
    let expected = "ia3_lora_requests_info{max_lora=\"4\",running_lora_adapters=\"adapter\",\
                    waiting_lora_adapters=\"adapter_b\"} ";
    let start = Instant::now();
    loop {
        let text = server.get("/metrics").text;
        if text.lines().any(|line| line.starts_with(expected)) {
            break;
        }
        assert!(start.elapsed() < Duration::from_secs(60), "no line `{expected}` in\n{text}");
        std::thread::sleep(Duration::from_millis(5));
    }
    drop((running, waiting));
    server.stop();
}

#[test]
fn metrics_count_what_happened() {
    let server = server();
    for model in ["adapter", "adapter_b"] {
        server.post("/v1/completions", &json!({"model": model, "prompt": "w3 w4", "max_tokens": 3}));
    }
    let expected = [
        "ia3_adapters_resident 2",
        "ia3_adapter_loads_total 2",
        "ia3_prompt_tokens_total 4",
        "ia3_completion_tokens_total 6",
        "ia3_answers_length_total 2",
        "ia3_first_token_seconds_count 2",
        "ia3_first_token_seconds_bucket{le=\"+Inf\"} 2",
        "ia3_next_token_seconds_count 4",
    ];
    // A step is counted after its answers are sent.
    let start = Instant::now();
    loop {
        let text = server.get("/metrics").text;
        let missing = expected.iter().find(|line| !text.lines().any(|l| l == **line));
        let Some(line) = missing else { break };
        assert!(start.elapsed() < Duration::from_secs(60), "no line `{line}` in\n{text}");
        std::thread::sleep(Duration::from_millis(5));
    }
    server.stop();
}
