//! PEFT's `print_trainable_parameters` from the configuration alone: no weight is allocated.

use burn::module::Module;
use burn::tensor::Device;
use ia3_core::{Ia3Config, TrainableParameters};
use ia3_models::ModelConfig;

struct Row {
    name: &'static str,
    /// What `config.json` says, without the braces.
    config: &'static str,
    trainable: usize,
    all: usize,
    sites: usize,
}

/// With the head tied where transformers ties it from a configuration alone.
#[rustfmt::skip]
const TABLE: &[Row] = &[
    Row { name: "t5-small", config: r#""model_type": "t5""#, trainable: 43_008, all: 60_549_632, sites: 48 },
    Row { name: "t5-base", config: r#""model_type": "t5", "d_model": 768, "d_ff": 3072, "num_layers": 12, "num_heads": 12"#, trainable: 129_024, all: 223_032_576, sites: 96 },
    Row { name: "t5-large", config: r#""model_type": "t5", "d_model": 1024, "d_ff": 4096, "num_layers": 24, "num_heads": 16"#, trainable: 344_064, all: 738_012_160, sites: 192 },
    Row { name: "t5-3b", config: r#""model_type": "t5", "d_model": 1024, "d_kv": 128, "d_ff": 16384, "num_layers": 24, "num_heads": 32"#, trainable: 1_376_256, all: 2_852_974_592, sites: 192 },
    Row { name: "t5-11b", config: r#""model_type": "t5", "d_model": 1024, "d_kv": 128, "d_ff": 65536, "num_layers": 24, "num_heads": 128"#, trainable: 5_505_024, all: 11_312_826_368, sites: 192 },
    Row { name: "t5-v1_1-small", config: r#""model_type": "t5", "d_ff": 1024, "num_layers": 8, "num_heads": 6, "feed_forward_proj": "gated-gelu""#, trainable: 34_816, all: 60_546_432, sites: 64 },
    Row { name: "t5-v1_1-base", config: r#""model_type": "t5", "d_model": 768, "d_ff": 2048, "num_layers": 12, "num_heads": 12, "feed_forward_proj": "gated-gelu""#, trainable: 104_448, all: 223_008_000, sites: 96 },
    Row { name: "T0_3B", config: r#""model_type": "t5", "d_model": 2048, "d_ff": 5120, "num_layers": 24, "num_heads": 32, "feed_forward_proj": "gated-gelu""#, trainable: 540_672, all: 2_784_499_712, sites: 192 },
    Row { name: "T0", config: r#""model_type": "t5", "d_model": 4096, "d_ff": 10240, "num_layers": 24, "num_heads": 64, "feed_forward_proj": "gated-gelu""#, trainable: 1_081_344, all: 11_004_817_408, sites: 192 },
    Row { name: "mt5-small", config: r#""model_type": "mt5""#, trainable: 34_816, all: 172_154_240, sites: 64 },
    Row { name: "mt5-large", config: r#""model_type": "mt5", "d_model": 1024, "d_ff": 2816, "num_layers": 24, "num_heads": 16"#, trainable: 282_624, all: 973_749_248, sites: 192 },
    Row { name: "gpt2", config: r#""model_type": "gpt2""#, trainable: 64_512, all: 124_504_320, sites: 24 },
    Row { name: "gpt2-medium", config: r#""model_type": "gpt2", "n_embd": 1024, "n_layer": 24, "n_head": 16"#, trainable: 172_032, all: 354_995_200, sites: 48 },
    Row { name: "gpt2-large", config: r#""model_type": "gpt2", "n_embd": 1280, "n_layer": 36, "n_head": 20"#, trainable: 322_560, all: 774_352_640, sites: 72 },
    Row { name: "gpt2-xl", config: r#""model_type": "gpt2", "n_embd": 1600, "n_layer": 48, "n_head": 25"#, trainable: 537_600, all: 1_558_148_800, sites: 96 },
    Row { name: "falcon-rw-1b", config: r#""model_type": "falcon", "vocab_size": 50304, "hidden_size": 2048, "num_hidden_layers": 24, "num_attention_heads": 32, "alibi": true, "bias": true, "multi_query": false, "parallel_attn": false"#, trainable: 344_064, all: 1_311_969_280, sites: 48 },
    Row { name: "falcon-7b", config: r#""model_type": "falcon""#, trainable: 731_136, all: 6_922_451_840, sites: 64 },
    Row { name: "falcon-7b, old config", config: r#""model_type": "RefinedWebModel", "n_head": 71, "n_layer": 32, "multi_query": true, "parallel_attn": true"#, trainable: 731_136, all: 6_922_451_840, sites: 64 },
    Row { name: "falcon-11B", config: r#""model_type": "falcon", "hidden_size": 4096, "num_hidden_layers": 60, "num_attention_heads": 32, "num_kv_heads": 8, "new_decoder_architecture": true, "num_ln_in_parallel_attn": 1"#, trainable: 1_351_680, all: 10_837_835_776, sites: 120 },
    Row { name: "falcon-40b", config: r#""model_type": "falcon", "hidden_size": 8192, "num_hidden_layers": 60, "num_attention_heads": 128, "num_kv_heads": 8, "new_decoder_architecture": true"#, trainable: 2_519_040, all: 41_305_812_992, sites: 120 },
    Row { name: "falcon-40b, old config", config: r#""model_type": "RefinedWeb", "hidden_size": 8192, "n_layer": 60, "n_head": 128, "n_head_kv": 8"#, trainable: 2_519_040, all: 41_305_812_992, sites: 120 },
    Row { name: "llama-2-7b", config: r#""model_type": "llama""#, trainable: 614_400, all: 6_739_030_016, sites: 96 },
    Row { name: "llama-3-8b", config: r#""model_type": "llama", "vocab_size": 128256, "intermediate_size": 14336, "num_key_value_heads": 8"#, trainable: 524_288, all: 8_030_785_536, sites: 96 },
    Row { name: "pythia-70m", config: r#""model_type": "gpt_neox", "vocab_size": 50304, "hidden_size": 512, "num_hidden_layers": 6, "num_attention_heads": 8, "intermediate_size": 2048"#, trainable: 21_504, all: 70_448_128, sites: 12 },
    Row { name: "pythia-12b", config: r#""model_type": "gpt_neox", "vocab_size": 50688, "hidden_size": 5120, "num_hidden_layers": 36, "num_attention_heads": 40, "intermediate_size": 20480"#, trainable: 1_290_240, all: 11_847_362_560, sites: 72 },
    Row { name: "gpt-neox-20b", config: r#""model_type": "gpt_neox""#, trainable: 1_892_352, all: 20_556_460_032, sites: 88 },
    Row { name: "opt-125m", config: r#""model_type": "opt""#, trainable: 55_296, all: 125_294_592, sites: 36 },
    Row { name: "opt-350m", config: r#""model_type": "opt", "hidden_size": 1024, "num_hidden_layers": 24, "ffn_dim": 4096, "num_attention_heads": 16, "word_embed_proj_dim": 512, "do_layer_norm_before": false"#, trainable: 147_456, all: 331_343_872, sites: 72 },
    Row { name: "opt-30b", config: r#""model_type": "opt", "hidden_size": 7168, "num_hidden_layers": 48, "ffn_dim": 28672, "num_attention_heads": 56"#, trainable: 2_064_384, all: 29_976_604_672, sites: 144 },
    Row { name: "bloom-560m", config: r#""model_type": "bloom", "hidden_size": 1024, "n_layer": 24, "n_head": 16"#, trainable: 172_032, all: 559_386_624, sites: 48 },
    Row { name: "bloom", config: r#""model_type": "bloom", "hidden_size": 14336, "n_layer": 70, "n_head": 112"#, trainable: 7_024_640, all: 176_254_296_064, sites: 140 },
    Row { name: "gpt-j-6b", config: r#""model_type": "gptj""#, trainable: 688_128, all: 6_051_570_912, sites: 84 },
    Row { name: "gpt-neo-125m", config: r#""model_type": "gpt_neo", "hidden_size": 768, "num_layers": 12, "num_heads": 12, "attention_types": [[["global", "local"], 6]]"#, trainable: 55_296, all: 125_253_888, sites: 36 },
    Row { name: "gpt-neo-2.7B", config: r#""model_type": "gpt_neo", "hidden_size": 2560, "num_layers": 32, "num_heads": 20, "attention_types": [[["global", "local"], 16]]"#, trainable: 491_520, all: 2_651_799_040, sites: 96 },
    Row { name: "santacoder", config: r#""model_type": "gpt_bigcode", "vocab_size": 49280, "n_embd": 2048, "n_layer": 24, "n_head": 16, "n_positions": 2048, "n_inner": 8192"#, trainable: 251_904, all: 1_125_138_432, sites: 48 },
    Row { name: "starcoder", config: r#""model_type": "gpt_bigcode", "vocab_size": 49152, "n_embd": 6144, "n_layer": 40, "n_head": 48, "n_positions": 8192, "n_inner": 24576"#, trainable: 1_239_040, all: 15_518_695_424, sites: 80 },
    Row { name: "phi-1_5", config: r#""model_type": "phi""#, trainable: 294_912, all: 1_418_565_632, sites: 72 },
    Row { name: "phi-2", config: r#""model_type": "phi", "hidden_size": 2560, "intermediate_size": 10240, "num_hidden_layers": 32, "partial_rotary_factor": 0.4"#, trainable: 491_520, all: 2_780_175_360, sites: 96 },
    Row { name: "phi-3-mini", config: r#""model_type": "phi3""#, trainable: 557_056, all: 3_821_636_608, sites: 64 },
    Row { name: "phi-3-medium", config: r#""model_type": "phi3", "hidden_size": 5120, "intermediate_size": 17920, "num_hidden_layers": 40, "num_attention_heads": 40, "num_key_value_heads": 10"#, trainable: 1_024_000, all: 13_961_262_080, sites: 80 },
    Row { name: "phi-4-mini", config: r#""model_type": "phi3", "vocab_size": 200064, "num_attention_heads": 24, "num_key_value_heads": 8, "partial_rotary_factor": 0.75, "tie_word_embeddings": true"#, trainable: 425_984, all: 3_836_447_744, sites: 64 },
    Row { name: "mixtral-8x7b", config: r#""model_type": "mixtral""#, trainable: 3_735_552, all: 46_706_528_256, sites: 320 },
    Row { name: "qwen3-30b-a3b", config: r#""model_type": "qwen3_moe", "num_hidden_layers": 48, "head_dim": 128, "norm_topk_prob": true"#, trainable: 4_767_744, all: 30_536_890_368, sites: 6240 },
    Row { name: "gemma-2b", config: r#""model_type": "gemma", "hidden_size": 2048, "intermediate_size": 16384, "num_hidden_layers": 18, "num_attention_heads": 8, "num_key_value_heads": 1"#, trainable: 336_384, all: 2_506_508_800, sites: 54 },
    Row { name: "gemma-2-9b", config: r#""model_type": "gemma2", "hidden_size": 3584, "intermediate_size": 14336, "num_hidden_layers": 42, "num_attention_heads": 16, "num_key_value_heads": 8"#, trainable: 860_160, all: 9_242_566_144, sites: 126 },
    Row { name: "gemma-3-1b", config: r#""model_type": "gemma3_text", "vocab_size": 262144, "hidden_size": 1152, "intermediate_size": 6912, "num_attention_heads": 4, "num_key_value_heads": 1"#, trainable: 212_992, all: 1_000_098_944, sites: 78 },
    Row { name: "bart-base", config: r#""model_type": "bart", "d_model": 768, "encoder_layers": 6, "decoder_layers": 6, "encoder_ffn_dim": 3072, "decoder_ffn_dim": 3072, "encoder_attention_heads": 12, "decoder_attention_heads": 12"#, trainable: 64_512, all: 139_484_928, sites: 48 },
    Row { name: "bart-large", config: r#""model_type": "bart""#, trainable: 172_032, all: 406_463_488, sites: 96 },
    Row { name: "mbart-large-50", config: r#""model_type": "mbart", "vocab_size": 250054"#, trainable: 172_032, all: 611_051_520, sites: 96 },
    Row { name: "m2m100_418M", config: r#""model_type": "m2m_100""#, trainable: 172_032, all: 484_077_568, sites: 96 },
    Row { name: "nllb-200-3.3B", config: r#""model_type": "m2m_100", "vocab_size": 256206, "d_model": 2048, "encoder_layers": 24, "decoder_layers": 24, "encoder_ffn_dim": 8192, "decoder_ffn_dim": 8192"#, trainable: 688_128, all: 3_345_551_360, sites: 192 },
    Row { name: "whisper-tiny", config: r#""model_type": "whisper""#, trainable: 21_504, all: 37_782_144, sites: 32 },
    Row { name: "whisper-large-v3", config: r#""model_type": "whisper", "vocab_size": 51866, "num_mel_bins": 128, "d_model": 1280, "encoder_layers": 32, "decoder_layers": 32, "encoder_attention_heads": 20, "decoder_attention_heads": 20, "encoder_ffn_dim": 5120, "decoder_ffn_dim": 5120"#, trainable: 573_440, all: 1_544_064_000, sites: 256 },
    Row { name: "distil-large-v3", config: r#""model_type": "whisper", "vocab_size": 51866, "num_mel_bins": 128, "d_model": 1280, "encoder_layers": 32, "decoder_layers": 2, "encoder_attention_heads": 20, "decoder_attention_heads": 20, "encoder_ffn_dim": 5120, "decoder_ffn_dim": 5120"#, trainable: 266_240, all: 756_672_000, sites: 106 },
    Row { name: "roberta-large", config: r#""model_type": "roberta", "hidden_size": 1024, "num_hidden_layers": 24, "num_attention_heads": 16, "intermediate_size": 4096, "max_position_embeddings": 514, "type_vocab_size": 1"#, trainable: 172_032, all: 355_533_826, sites: 96 },
    Row { name: "xlm-roberta-large", config: r#""model_type": "xlm-roberta", "vocab_size": 250002, "hidden_size": 1024, "num_hidden_layers": 24, "num_attention_heads": 16, "intermediate_size": 4096, "max_position_embeddings": 514, "type_vocab_size": 1"#, trainable: 172_032, all: 560_064_514, sites: 96 },
    Row { name: "esm2_t6_8M", config: r#""model_type": "esm", "vocab_size": 33, "mask_token_id": 32, "pad_token_id": 1, "position_embedding_type": "rotary", "token_dropout": true, "hidden_size": 320, "num_hidden_layers": 6, "num_attention_heads": 20, "intermediate_size": 1280"#, trainable: 13_440, all: 7_525_883, sites: 24 },
    Row { name: "esm2_t33_650M", config: r#""model_type": "esm", "vocab_size": 33, "mask_token_id": 32, "pad_token_id": 1, "position_embedding_type": "rotary", "token_dropout": true, "hidden_size": 1280, "num_hidden_layers": 33, "num_attention_heads": 20, "intermediate_size": 5120"#, trainable: 295_680, all: 651_338_903, sites: 132 },
    Row { name: "esm2_t36_3B", config: r#""model_type": "esm", "vocab_size": 33, "mask_token_id": 32, "pad_token_id": 1, "position_embedding_type": "rotary", "token_dropout": true, "hidden_size": 2560, "num_hidden_layers": 36, "num_attention_heads": 40, "intermediate_size": 10240"#, trainable: 645_120, all: 2_839_650_723, sites: 144 },
    Row { name: "esm1b_t33_650M", config: r#""model_type": "esm", "vocab_size": 33, "mask_token_id": 32, "pad_token_id": 1, "token_dropout": true, "emb_layer_norm_before": true, "hidden_size": 1280, "num_hidden_layers": 33, "num_attention_heads": 20, "intermediate_size": 5120"#, trainable: 295_680, all: 652_654_743, sites: 132 },
    Row { name: "ModernBERT-base", config: r#""model_type": "modernbert""#, trainable: 76_032, all: 149_682_434, sites: 44 },
    Row { name: "ModernBERT-large", config: r#""model_type": "modernbert", "hidden_size": 1024, "intermediate_size": 2624, "num_hidden_layers": 28, "num_attention_heads": 16"#, trainable: 159_488, all: 395_992_834, sites: 56 },
    Row { name: "deberta-base", config: r#""model_type": "deberta", "relative_attention": true, "pos_att_type": "c2p|p2c", "position_biased_input": false"#, trainable: 73_728, all: 139_267_586, sites: 36 },
    Row { name: "deberta-large", config: r#""model_type": "deberta", "hidden_size": 1024, "num_hidden_layers": 24, "num_attention_heads": 16, "intermediate_size": 4096, "relative_attention": true, "pos_att_type": "c2p|p2c", "position_biased_input": false"#, trainable: 196_608, all: 406_411_266, sites: 72 },
    Row { name: "deberta-v3-base", config: r#""model_type": "deberta-v2", "relative_attention": true, "position_buckets": 256, "norm_rel_ebd": "layer_norm", "share_att_key": true, "pos_att_type": "p2c|c2p", "position_biased_input": false, "hidden_size": 768, "num_hidden_layers": 12, "num_attention_heads": 12, "intermediate_size": 3072"#, trainable: 64_512, all: 184_488_194, sites: 48 },
    Row { name: "deberta-v2-xxlarge", config: r#""model_type": "deberta-v2", "relative_attention": true, "position_buckets": 256, "norm_rel_ebd": "layer_norm", "share_att_key": true, "pos_att_type": "p2c|c2p", "position_biased_input": false, "num_hidden_layers": 48, "conv_kernel_size": 3, "conv_act": "gelu""#, trainable: 516_096, all: 1_567_429_634, sites: 192 },
    Row { name: "vit-base-patch16-224", config: r#""model_type": "vit""#, trainable: 55_296, all: 85_855_490, sites: 36 },
    Row { name: "vit-large-patch32-384", config: r#""model_type": "vit", "hidden_size": 1024, "num_hidden_layers": 24, "num_attention_heads": 16, "intermediate_size": 4096, "image_size": 384, "patch_size": 32"#, trainable: 147_456, all: 305_757_186, sites: 72 },
    Row { name: "vit-huge-patch14-224", config: r#""model_type": "vit", "hidden_size": 1280, "num_hidden_layers": 32, "num_attention_heads": 16, "intermediate_size": 5120, "patch_size": 14"#, trainable: 245_760, all: 631_013_122, sites: 96 },
    Row { name: "clip-vit-base-patch32", config: r#""model_type": "clip", "vision_config": {}"#, trainable: 55_296, all: 87_512_834, sites: 36 },
    Row { name: "clip-vit-large-patch14", config: r#""model_type": "clip", "vision_config": {"hidden_size": 1024, "num_hidden_layers": 24, "num_attention_heads": 16, "intermediate_size": 4096, "patch_size": 14}"#, trainable: 147_456, all: 303_329_282, sites: 72 },
    Row { name: "clip-vit-base-patch16, the tower", config: r#""model_type": "clip_vision_model", "patch_size": 16"#, trainable: 55_296, all: 85_854_720, sites: 36 },
    Row { name: "mistral-7b", config: r#""model_type": "mistral""#, trainable: 524_288, all: 7_242_256_384, sites: 96 },
    Row { name: "qwen2-0.5b", config: r#""model_type": "qwen2", "hidden_size": 896, "intermediate_size": 4864, "num_hidden_layers": 24, "num_attention_heads": 14, "num_key_value_heads": 2, "tie_word_embeddings": true"#, trainable: 141_312, all: 494_174_080, sites: 72 },
    Row { name: "qwen2-72b", config: r#""model_type": "qwen2", "vocab_size": 152064, "hidden_size": 8192, "intermediate_size": 29568, "num_hidden_layers": 80, "num_attention_heads": 64, "num_key_value_heads": 8"#, trainable: 3_102_720, all: 72_709_306_368, sites: 240 },
    Row { name: "qwen3-0.6b", config: r#""model_type": "qwen3", "hidden_size": 1024, "intermediate_size": 3072, "num_hidden_layers": 28, "num_attention_heads": 16, "num_key_value_heads": 8, "tie_word_embeddings": true"#, trainable: 172_032, all: 596_221_952, sites: 84 },
    Row { name: "qwen3-8b", config: r#""model_type": "qwen3", "hidden_size": 4096, "intermediate_size": 12288, "num_hidden_layers": 36, "num_attention_heads": 32, "num_key_value_heads": 8"#, trainable: 626_688, all: 8_191_362_048, sites: 108 },
    Row { name: "qwen3-32b", config: r#""model_type": "qwen3", "hidden_size": 5120, "intermediate_size": 25600, "num_hidden_layers": 64, "num_attention_heads": 64, "num_key_value_heads": 8"#, trainable: 2_228_224, all: 32_764_351_488, sites: 192 },
    Row { name: "smollm3-3b", config: r#""model_type": "smollm3", "intermediate_size": 11008"#, trainable: 433_152, all: 3_075_531_776, sites: 108 },
    Row { name: "olmo2-7b", config: r#""model_type": "olmo2", "vocab_size": 100352"#, trainable: 614_400, all: 7_299_231_744, sites: 96 },
    Row { name: "olmo2-32b", config: r#""model_type": "olmo2", "vocab_size": 100352, "hidden_size": 5120, "intermediate_size": 27648, "num_hidden_layers": 64, "num_attention_heads": 40, "num_key_value_heads": 8"#, trainable: 1_900_544, all: 32_236_180_480, sites: 192 },
    Row { name: "llama-3.1-70b", config: r#""model_type": "llama", "vocab_size": 128256, "hidden_size": 8192, "intermediate_size": 28672, "num_hidden_layers": 80, "num_attention_heads": 64, "num_key_value_heads": 8"#, trainable: 2_457_600, all: 70_556_164_096, sites: 240 },
    Row { name: "llama-3.1-405b", config: r#""model_type": "llama", "vocab_size": 128256, "hidden_size": 16384, "intermediate_size": 53248, "num_hidden_layers": 126, "num_attention_heads": 128, "num_key_value_heads": 8"#, trainable: 6_967_296, all: 405_860_356_096, sites: 378 },
];

fn config(row: &Row) -> ModelConfig {
    ModelConfig::from_json(&format!("{{{}}}", row.config)).unwrap()
}

#[test]
fn the_counts_are_pefts() {
    for row in TABLE {
        let model = config(row).init(&Device::flex());
        let plan = Ia3Config::new().plan(&model.info()).unwrap();
        let trainable = plan.trainable_parameters();
        let counts = TrainableParameters { trainable, all: model.num_params() + trainable };
        assert_eq!(
            (counts.trainable, counts.all, plan.sites.len()),
            (row.trainable, row.all, row.sites),
            "{}",
            row.name
        );
    }
}

#[test]
fn a_head_of_its_own_counts() {
    let t0_3b = TABLE.iter().find(|row| row.name == "T0_3B").unwrap();
    let model = config(t0_3b).with_tied_head(false).init(&Device::flex());
    assert_eq!(model.num_params(), 2_849_757_184);
}

/// PEFT's default for BERT also scales the input of the attention's output projection; the paper does not.
#[test]
fn bert_has_pefts_placement_and_the_papers() {
    let minilm =
        r#"{"model_type": "bert", "hidden_size": 384, "num_hidden_layers": 6, "intermediate_size": 1536}"#;
    let info = ModelConfig::from_json(minilm).unwrap().init(&Device::flex()).info();
    let count = |config: Ia3Config| {
        let plan = config.plan(&info).unwrap();
        (plan.trainable_parameters(), plan.sites.len())
    };
    assert_eq!(count(Ia3Config::new()), (16_128, 24));
    let paper = Ia3Config::new()
        .with_target_modules(r".*\.(key|value)|.*layer\.\d+\.output\.dense")
        .with_feedforward_modules(r".*layer\.\d+\.output\.dense");
    assert_eq!(count(paper), (13_824, 18));
}

/// The paper's placement on fused projections leaves the queries out.
#[test]
fn fused_projections_know_their_queries() {
    let trainable = |name: &str| {
        let row = TABLE.iter().find(|row| row.name == name).unwrap();
        let info = config(row).init(&Device::flex()).info();
        let plan = Ia3Config::new().plan(&info).unwrap();
        let queries = |path: &str| -> usize {
            let module = info.modules.iter().find(|m| m.path == path).unwrap();
            module.queries.iter().map(|range| range.len()).sum()
        };
        plan.trainable_parameters() - plan.sites.iter().map(|site| queries(&site.path)).sum::<usize>()
    };
    // Layers times (keys and values, inner activations).
    assert_eq!(trainable("gpt2"), 12 * (2 * 768 + 3072));
    assert_eq!(trainable("falcon-7b"), 32 * (2 * 64 + 4 * 4544));
    assert_eq!(trainable("falcon-11B"), 60 * (2 * 8 * 128 + 4 * 4096));
    assert_eq!(trainable("falcon-40b"), 60 * (2 * 8 * 64 + 4 * 8192));
    assert_eq!(trainable("falcon-rw-1b"), 24 * (2 * 2048 + 4 * 2048));
    assert_eq!(trainable("pythia-12b"), 36 * (2 * 5120 + 20_480));
    assert_eq!(trainable("bloom"), 70 * (2 * 14_336 + 4 * 14_336));
    assert_eq!(trainable("starcoder"), 40 * (2 * 128 + 24_576));
    assert_eq!(trainable("phi-3-medium"), 40 * (2 * 10 * 128 + 17_920));
}
