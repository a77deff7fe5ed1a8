//! Mixes of adapters, and adapters that requests load and unload.

use ia3::MixMethod;
use serde_json::json;

use crate::common::{llama, options, run};
use crate::server::Server;

#[test]
fn a_mix_answers_as_the_mixed_adapter() {
    let case = llama();
    let load = |name: &str| ia3::Adapter::load(case.dir.join(name), &case.base).unwrap();
    let (a, b) = (load("adapter"), load("adapter_b"));
    let folder = crate::common::copy_of_adapters(&case.dir);
    let sum = ia3::Adapter::mix(&[(&a, 0.7), (&b, 0.3)], MixMethod::Linear).unwrap();
    sum.save(folder.path().join("sum")).unwrap();
    let product = ia3::Adapter::mix(&[(&a, 1.0), (&b, 1.0)], MixMethod::Product).unwrap();
    product.save(folder.path().join("product")).unwrap();
    let mut engine =
        ia3_serve::Engine::new(case.base.clone(), Some(folder.path().into()), options().with_rows(3))
            .unwrap();
    let mut bits = |name: &str| run(&mut engine, case.request(vec![3, 5, 9], Some(name), 4)).bits();
    for (mix, saved) in [("adapter:0.7,adapter_b:0.3", "sum"), ("adapter*adapter_b", "product")] {
        let first = bits(mix);
        assert_eq!(first, bits(saved), "{mix}");
        assert_eq!(first, bits(mix), "{mix}, from memory");
    }
    let loads = engine.snapshot().adapter_loads;
    run(&mut engine, case.request(vec![3, 5, 9], Some("adapter*adapter_b"), 1));
    assert_eq!(engine.snapshot().adapter_loads, loads, "a mix is computed once");
    let missing = run(&mut engine, case.request(vec![3], Some("adapter*missing"), 1)).end.unwrap_err();
    assert!(missing.to_string().contains("`missing`"), "{missing}");
}

#[test]
fn requests_load_and_unload_adapters_where_that_is_allowed() {
    let server = Server::start(options().with_rows(2), |options| options.with_allow_loading(true));
    let complete = |model: &str| {
        server.post("/v1/completions", &json!({"model": model, "prompt": "w3", "max_tokens": 2}))
    };
    let before = complete("adapter").json()["choices"].clone();
    let unloaded = server.post("/v1/unload_adapter", &json!({"name": "adapter"})).json();
    assert_eq!((&unloaded["loaded"], &unloaded["generation"]), (&json!(false), &json!(1)));
    assert_eq!(complete("adapter").status, 404);
    assert_eq!(server.get("/v1/models").json()["data"].as_array().unwrap().len(), 3);
    // The names of vLLM, and another name for the folder.
    let body = json!({"lora_name": "other", "lora_path": "adapter"});
    assert_eq!(server.post("/v1/load_lora_adapter", &body).json()["generation"], 2);
    assert_eq!(complete("other").json()["choices"], before);
    assert_eq!(server.post("/v1/load_adapter", &json!({"name": "adapter"})).status, 200);
    assert_eq!(complete("adapter").json()["choices"], before);
    let late = server.post("/v1/unload_adapter", &json!({"name": "other", "expected_generation": 2}));
    assert_eq!((late.status, late.json()["error"]["code"].as_str()), (409, Some("generation_changed")));
    assert_eq!(
        server
            .post("/v1/unload_lora_adapter", &json!({"lora_name": "other", "expected_generation": 3}))
            .status,
        200
    );
    for path in ["../adapter", "/etc", "missing", "", "."] {
        let answer = server.post("/v1/load_adapter", &json!({"name": "x", "path": path}));
        assert_eq!(answer.status, 404, "{path}: {}", answer.text);
    }
    assert_eq!(server.post("/v1/load_adapter", &json!({"name": "tiny"})).status, 400);
    std::fs::write(server.adapters.path().join("adapter_b/adapter_model.safetensors"), "no").unwrap();
    assert_eq!(server.post("/v1/load_adapter", &json!({"name": "adapter_b"})).status, 422);
    server.stop();
}

#[test]
fn a_server_does_not_load_adapters_unless_it_is_told_so() {
    let server = Server::start(options(), |options| options);
    for path in ["load_adapter", "load_lora_adapter", "unload_adapter", "unload_lora_adapter"] {
        let answer = server.post(&format!("/v1/{path}"), &json!({"name": "adapter"}));
        assert_eq!((answer.status, answer.error().1.as_str()), (403, "permission_error"));
    }
    server.stop();
}
