//! What the model types that share this architecture differ in where `config.json` is silent.

/// The defaults of one `model_type`, those of Hugging Face's configuration class.
pub(super) struct Defaults {
    pub(super) vocab_size: usize,
    pub(super) hidden_size: usize,
    pub(super) intermediate_size: usize,
    pub(super) num_hidden_layers: usize,
    pub(super) num_attention_heads: usize,
    /// `None` is as many as heads of queries.
    pub(super) num_key_value_heads: Option<usize>,
    /// `None` is `hidden_size / num_attention_heads`.
    pub(super) head_dim: Option<usize>,
    pub(super) max_position_embeddings: usize,
    pub(super) rope_theta: f64,
    pub(super) rms_norm_eps: f64,
    pub(super) sliding_window: Option<usize>,
    pub(super) tie_word_embeddings: bool,
    pub(super) pad_token_id: Option<i64>,
    pub(super) eos_token_id: Option<i64>,
}

const LLAMA: Defaults = Defaults {
    vocab_size: 32_000,
    hidden_size: 4096,
    intermediate_size: 11_008,
    num_hidden_layers: 32,
    num_attention_heads: 32,
    num_key_value_heads: None,
    head_dim: None,
    max_position_embeddings: 2048,
    rope_theta: 10_000.0,
    rms_norm_eps: 1e-6,
    sliding_window: None,
    tie_word_embeddings: false,
    pad_token_id: None,
    eos_token_id: Some(2),
};

const MISTRAL: Defaults = Defaults {
    intermediate_size: 14_336,
    num_key_value_heads: Some(8),
    max_position_embeddings: 131_072,
    sliding_window: Some(4096),
    ..LLAMA
};

const QWEN2: Defaults = Defaults {
    vocab_size: 151_936,
    intermediate_size: 22_016,
    num_key_value_heads: Some(32),
    max_position_embeddings: 32_768,
    sliding_window: Some(4096),
    eos_token_id: None,
    ..LLAMA
};

const QWEN3: Defaults = Defaults { head_dim: Some(128), ..QWEN2 };

const SMOLLM3: Defaults = Defaults {
    vocab_size: 128_256,
    hidden_size: 2048,
    num_hidden_layers: 36,
    num_attention_heads: 16,
    num_key_value_heads: Some(4),
    max_position_embeddings: 32_768,
    rope_theta: 2e6,
    tie_word_embeddings: true,
    pad_token_id: Some(128_004),
    eos_token_id: Some(128_001),
    ..LLAMA
};

const OLMO2: Defaults = Defaults {
    vocab_size: 50_304,
    rms_norm_eps: 1e-5,
    pad_token_id: Some(1),
    eos_token_id: Some(50_279),
    ..LLAMA
};

const MIXTRAL: Defaults = Defaults {
    intermediate_size: 14_336,
    num_key_value_heads: Some(8),
    max_position_embeddings: 131_072,
    rope_theta: 1e6,
    rms_norm_eps: 1e-5,
    ..LLAMA
};

const QWEN3_MOE: Defaults = Defaults {
    hidden_size: 2048,
    intermediate_size: 6144,
    num_hidden_layers: 24,
    num_key_value_heads: Some(4),
    head_dim: None,
    ..QWEN2
};

/// The defaults of a `model_type`.
pub(super) fn defaults(model_type: &str) -> &'static Defaults {
    match model_type {
        "mistral" => &MISTRAL,
        "qwen2" => &QWEN2,
        "qwen3" => &QWEN3,
        "smollm3" => &SMOLLM3,
        "olmo2" => &OLMO2,
        "mixtral" => &MIXTRAL,
        "qwen3_moe" => &QWEN3_MOE,
        _ => &LLAMA,
    }
}
