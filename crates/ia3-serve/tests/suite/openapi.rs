//! The description of the addresses is true.

use serde_json::{Value, json};

use crate::common::options;
use crate::server::Server;

/// A body that an address takes.
fn body(path: &str) -> Value {
    match path.rsplit('/').next() {
        Some("completions") if path.contains("chat") => {
            json!({"model": "tiny", "messages": [{"role": "user", "content": "w3"}]})
        }
        Some("completions") => json!({"model": "tiny", "prompt": "w3"}),
        Some("rank") => json!({"model": "tiny", "input": "w3", "choices": ["w4"]}),
        Some("embeddings" | "classify") => json!({"model": "tiny", "input": "w3"}),
        Some("load_lora_adapter" | "unload_lora_adapter") => json!({"lora_name": "adapter"}),
        _ => json!({"name": "adapter"}),
    }
}

#[test]
fn every_field_of_the_description_is_read_and_no_other() {
    let server = Server::start(options().with_rows(2), |options| options.with_allow_loading(true));
    let document = server.get("/openapi.json").json();
    let mut fields = 0;
    for (path, item) in document["paths"].as_object().unwrap() {
        let Some(post) = item.get("post") else { continue };
        let schema = &post["requestBody"]["content"]["application/json"]["schema"];
        for name in schema["properties"].as_object().unwrap().keys().filter(|name| *name != "user") {
            let mut wrong = body(path);
            wrong[name] = json!({"x": {"y": 1}});
            let answer = server.post(path, &wrong);
            assert_eq!(answer.status, 400, "{path} {name}: {}", answer.text);
            let param = answer.error().2.unwrap_or_default();
            assert!(param.starts_with(name.as_str()), "{path}: {name}, but the error names `{param}`");
            fields += 1;
        }
        for name in schema["required"].as_array().unwrap() {
            let mut missing = body(path);
            missing.as_object_mut().unwrap().remove(name.as_str().unwrap());
            let answer = server.post(path, &missing);
            assert_eq!((answer.status, answer.error().2), (400, name.as_str().map(str::to_string)), "{path}");
        }
        let mut other = body(path);
        other["no_such_field"] = json!(1);
        assert_eq!(server.post(path, &other).error().2.as_deref(), Some("no_such_field"), "{path}");
    }
    assert!(fields > 60, "{fields}");
    server.stop();
}

#[test]
fn every_address_of_the_description_is_there() {
    let server = Server::start(options().with_rows(2), |options| options);
    let document = server.get("/openapi.json").json();
    for (path, item) in document["paths"].as_object().unwrap() {
        let path = path.replace("{name}", "tiny");
        let status = if item.get("get").is_some() { 200 } else { 405 };
        assert_eq!(server.get(&path).status, status, "{path}");
    }
    server.stop();
}

#[test]
fn the_page_fetches_nothing_from_elsewhere() {
    let server = Server::start(options(), |options| options.with_api_key("secret".to_string()));
    let page = server.get("/");
    assert_eq!(page.status, 200);
    assert!(page.text.starts_with("<!doctype html>"));
    for elsewhere in ["http:", "https:", "//cdn", "src=", "@import", "url("] {
        assert!(!page.text.contains(elsewhere), "{elsewhere}");
    }
    server.stop();
}
