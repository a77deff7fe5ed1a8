//! `ia3 cost`.

use crate::common::succeed;
use serde_json::Value;

fn json(args: &[&str]) -> Value {
    serde_json::from_str(&succeed(&[args, &["--format", "json"]].concat())).unwrap()
}

#[test]
fn a_config_json_is_enough_for_the_costs() {
    let dir = tempfile::tempdir().unwrap();
    let config = r#"{"model_type": "t5", "vocab_size": 32128, "d_model": 2048, "d_kv": 64, "d_ff": 5120, "num_layers": 24,
        "num_heads": 32, "feed_forward_proj": "gated-gelu"}"#;
    let path = dir.path().join("config.json");
    std::fs::write(&path, config).unwrap();
    let config = path.display().to_string();
    let args = "--lora-rank 4 --shots 41 --shot-tokens 98 --seq 103".split(' ');
    let args: Vec<&str> = ["cost", "--config", &config].into_iter().chain(args).collect();
    let report = json(&args);
    let trained: Vec<u64> = report["methods"]
        .as_array()
        .unwrap()
        .iter()
        .map(|m| m["trainable_parameters"].as_u64().unwrap())
        .collect();
    assert_eq!((trained[0], trained[1], trained[3]), (540_672, 8_847_360, 0));
    assert_eq!(report["methods"][3]["disk_bytes"], 16_072);
    let table = succeed(&args);
    assert!(table.contains("(IA)³") && table.contains("LoRA r=4") && table.contains("41 shots"), "{table}");
    let vectors = json(&[&args[..], &["--target", "k", "--feedforward", "x^"]].concat());
    assert_eq!(vectors["methods"][0]["trainable_parameters"], 72 * 2048);
}
