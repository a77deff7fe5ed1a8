//! The figures of arXiv 2205.05638; where the paper's differ, `docs/cost.md` says why.

use burn::module::Module;
use burn::tensor::Device;
use ia3_core::Ia3Config;

use super::*;

const T0: &str = r#"{"model_type": "t5", "vocab_size": 32128, "d_kv": 64, "num_layers": 24,
    "feed_forward_proj": "gated-gelu", "d_model": "#;
const PAPER: Workload =
    Workload { seq: 103, batch: 8, steps: 1000, lora_rank: 4, shots: 41, shot_tokens: 98, weight_bytes: 4 };

fn t0(sizes: &str) -> [Cost; 4] {
    let config = ModelConfig::from_json(&format!("{T0}{sizes}}}")).unwrap().with_tied_head(false);
    // As the authors place them: k, v and wi_1.
    let vectors = Ia3Config::new()
        .with_target_modules(["k", "v", "wi_1"])
        .with_feedforward_modules(Vec::<String>::new());
    of(&config, &vectors)
}

fn of(config: &ModelConfig, vectors: &Ia3Config) -> [Cost; 4] {
    let model = config.init(&Device::flex());
    let plan = vectors.plan(&model.info()).unwrap();
    costs(config, &model.info(), model.num_params(), &plan, &PAPER).try_into().unwrap()
}

fn t0_3b() -> [Cost; 4] {
    t0(r#"2048, "d_ff": 5120, "num_heads": 32"#)
}

fn t0_11b() -> [Cost; 4] {
    t0(r#"4096, "d_ff": 10240, "num_heads": 64"#)
}

#[test]
fn parameters_and_disk_are_the_papers() {
    let [ia3, lora, full, _] = t0_3b();
    assert_eq!((ia3.trainable_parameters, full.trainable_parameters), (540_672, 2_849_757_184));
    assert_eq!(
        lora.trainable_parameters, 8_847_360,
        "9.1M with the layer norms, which the authors train too"
    );
    let [ia3, _, full, context] = t0_11b();
    assert_eq!((ia3.trainable_parameters, full.trainable_parameters), (1_081_344, 11_135_332_352));
    assert_eq!(ia3.disk_bytes, 4_325_376, "4.2 MB as a torch file in MiB");
    assert_eq!(full.disk_bytes, 44_541_329_408, "41.5 in GiB");
    assert_eq!(full.trainable_parameters / ia3.trainable_parameters, 10_297, "up to 10,000 times fewer");
    assert_eq!(context.disk_bytes, 16_072, "16 kB");
}

#[test]
fn operations_are_the_papers() {
    let [ia3, _, full, context] = t0_11b();
    assert_eq!(ia3.inference_flops, 11_135_332_352 * 103, "1.1e12");
    assert_eq!(ia3.training_flops, 3 * 11_135_332_352 * 103 * 8000, "2.7e16 with N = 11e9");
    assert_eq!(full.training_flops, full.frozen_training_flops);
    assert_eq!(2 * ia3.training_flops, 3 * ia3.frozen_training_flops, "1.8e16 of a frozen base");
    assert_eq!(context.inference_flops, 11_135_332_352 * (41 * 98 + 103), "4.5e13 for T5+LM");
    assert_eq!(context.training_flops, 0);
}

#[test]
fn gpt_3_as_the_paper_counts_it() {
    let json = r#"{"model_type": "gpt2", "n_embd": 12288, "n_layer": 96, "n_head": 96, "n_positions": 2048}"#;
    let config = ModelConfig::from_json(json).unwrap();
    let [_, _, full, context] = of(&config, &Ia3Config::new());
    assert_eq!(full.trainable_parameters / 1_000_000_000, 174, "175B");
    let flops = context.inference_flops as f64;
    assert!((flops / 1.442e15 - 1.0).abs() < 0.01, "{flops}: 1.4e15");
    // Keys and values of 32 examples of 512 tokens: 144 GiB.
    let model = config.init(&Device::flex());
    let plan = Ia3Config::new().plan(&model.info()).unwrap();
    let prompt = Workload { shots: 32, shot_tokens: 512, ..PAPER };
    let context = costs(&config, &model.info(), model.num_params(), &plan, &prompt)[3];
    assert_eq!((context.activation_memory, context.disk_bytes), (144 << 30, 65_536));
}

#[test]
fn llama_counts_as_pefts_comparison_does() {
    let json = r#"{"model_type": "llama", "vocab_size": 128256, "hidden_size": 3072, "intermediate_size": 8192,
        "num_hidden_layers": 28, "num_attention_heads": 24, "num_key_value_heads": 8, "head_dim": 128}"#;
    let config = ModelConfig::from_json(json).unwrap();
    assert_eq!(of(&config, &Ia3Config::new())[0].trainable_parameters, 286_720);
}

#[test]
fn memory_of_a_small_classifier_is_counted_by_hand() {
    let json = r#"{"model_type": "bert", "vocab_size": 10, "hidden_size": 4, "num_hidden_layers": 1,
        "num_attention_heads": 2, "intermediate_size": 6, "max_position_embeddings": 8, "num_labels": 3}"#;
    let config = ModelConfig::from_json(json).unwrap();
    let vectors = Ia3Config::new().with_task_type(ia3_core::config::TaskType::SeqCls);
    let [ia3, lora, full, context] = of(&config, &vectors);
    // key 4, value 4, output.dense 6, attention.output.dense 4, and the classifier's 4 · 3 + 3.
    assert_eq!(ia3.trainable_parameters, 18 + 15);
    // query, key, value, attention output and pooler 4 + 4 each; intermediate and output 4 + 6 each.
    assert_eq!(lora.trainable_parameters, 4 * (5 * 8 + 2 * 10) + 15);
    let (tokens, outputs, attention) = (8 * 103, 5 * 4 + 6 + 4 + 3, 2 * 2 * 103);
    assert_eq!(ia3.activation_memory, 4 * tokens * (outputs + attention + 10));
    assert_eq!(full.activation_memory, 4 * tokens * (outputs + attention + 5 * 4 + 4 + 6 + 4));
    assert_eq!(lora.activation_memory, 4 * tokens * (outputs + attention + 30 + 7 * 4));
    assert_eq!((ia3.optimizer_memory, context.optimizer_memory), (12 * 33, 0));
    assert_eq!(full.weight_memory, 4 * full.trainable_parameters);
}
