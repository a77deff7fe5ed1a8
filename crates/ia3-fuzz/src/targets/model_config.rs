//! `config.json`, and the shapes of the model that it describes.

use burn::module::Module;
use burn::tensor::Device;
use ia3_core::Ia3Config;
use ia3_models::ModelConfig;
use ia3_models::cost::{Workload, costs};
use serde::de::IgnoredAny;

use crate::seeds;
use crate::target::Target;

/// The file.
pub const TARGET: Target = Target {
    name: "model_config",
    run,
    seeds: || seeds::contents("config.json"),
    tokens: &[
        "model_type",
        "t5",
        "mt5",
        "gpt2",
        "falcon",
        "llama",
        "mistral",
        "qwen2",
        "gemma",
        "gemma2",
        "gemma3_text",
        "bart",
        "marian",
        "m2m_100",
        "attn_logit_softcapping",
        "query_pre_attn_scalar",
        "sliding_window_pattern",
        "full_attention",
        "sliding_attention",
        "encoder_layers",
        "decoder_layers",
        "encoder_attention_heads",
        "decoder_attention_heads",
        "encoder_ffn_dim",
        "max_position_embeddings",
        "decoder_vocab_size",
        "share_encoder_decoder_embeddings",
        "forced_eos_token_id",
        "bad_words_ids",
        "bert",
        "gpt_neox",
        "opt",
        "bloom",
        "gptj",
        "gpt_neo",
        "gpt_bigcode",
        "phi",
        "phi3",
        "rotary_pct",
        "partial_rotary_factor",
        "word_embed_proj_dim",
        "rotary_dim",
        "attention_types",
        "window_size",
        "longrope",
        "original_max_position_embeddings",
        "roberta",
        "xlm-roberta",
        "electra",
        "distilbert",
        "esm",
        "deberta",
        "deberta-v2",
        "relative_attention",
        "pos_att_type",
        "c2p|p2c",
        "position_buckets",
        "conv_kernel_size",
        "vit",
        "clip",
        "clip_vision_model",
        "vision_config",
        "image_size",
        "patch_size",
        "num_channels",
        "qkv_bias",
        "pooler_output_size",
        "modernbert",
        "local_attention",
        "global_attn_every_n_layers",
        "classifier_pooling",
        "position_embedding_type",
        "token_dropout",
        "mask_token_id",
        "emb_layer_norm_before",
        "embedding_size",
        "problem_type",
        "hidden_size",
        "num_hidden_layers",
        "num_attention_heads",
        "num_key_value_heads",
        "vocab_size",
        "intermediate_size",
        "rope_theta",
        "rope_scaling",
        "rope_parameters",
        "rope_type",
        "llama3",
        "factor",
        "head_dim",
        "sliding_window",
        "layer_types",
        "n_embd",
        "n_layer",
        "n_head",
        "d_model",
        "d_kv",
        "d_ff",
        "num_layers",
        "num_decoder_layers",
        "feed_forward_proj",
        "is_gated_act",
        "dense_act_fn",
        "tie_word_embeddings",
        "id2label",
        "num_labels",
        "pad_token_id",
        "eos_token_id",
        "decoder_start_token_id",
        "gated-gelu",
        "new_decoder_architecture",
        "multi_query",
        "alibi",
        "num_kv_heads",
        "is_decoder",
        "layer_norm_eps",
    ],
};

fn run(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let Ok(config) = ModelConfig::from_json(text) else { return };
    assert!(serde_json::from_str::<IgnoredAny>(text).is_ok(), "serde_json refuses what was read");
    let _ = (config.label_names(), config.aliases(), config.tied_keys(), config.stack_embedding_keys());
    let model = config.init(&Device::flex());
    let info = model.info();
    let Ok(plan) = Ia3Config::new().plan(&info) else { return };
    let workload =
        Workload { seq: 16, batch: 2, steps: 3, lora_rank: 4, shots: 1, shot_tokens: 8, weight_bytes: 2 };
    costs(&config, &info, model.num_params(), &plan, &workload);
    let _ = config.clone().with_num_labels(3).with_own_head();
}
