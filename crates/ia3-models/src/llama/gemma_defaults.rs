//! What an absent field of `config.json` is for Gemma 1 to 3.

/// The defaults of one `model_type`, those of Hugging Face's configuration class.
pub(super) struct GemmaDefaults {
    pub(super) vocab_size: usize,
    pub(super) hidden_size: usize,
    pub(super) intermediate_size: usize,
    pub(super) num_hidden_layers: usize,
    pub(super) num_attention_heads: usize,
    pub(super) num_key_value_heads: usize,
    pub(super) max_position_embeddings: usize,
    pub(super) attn_logit_softcapping: Option<f64>,
    pub(super) final_logit_softcapping: Option<f64>,
}

const GEMMA: GemmaDefaults = GemmaDefaults {
    vocab_size: 256_000,
    hidden_size: 3072,
    intermediate_size: 24_576,
    num_hidden_layers: 28,
    num_attention_heads: 16,
    num_key_value_heads: 16,
    max_position_embeddings: 8192,
    attn_logit_softcapping: None,
    final_logit_softcapping: None,
};

const GEMMA2: GemmaDefaults = GemmaDefaults {
    hidden_size: 2304,
    intermediate_size: 9216,
    num_hidden_layers: 26,
    num_attention_heads: 8,
    num_key_value_heads: 4,
    attn_logit_softcapping: Some(50.0),
    final_logit_softcapping: Some(30.0),
    ..GEMMA
};

const GEMMA3: GemmaDefaults = GemmaDefaults {
    vocab_size: 262_208,
    max_position_embeddings: 131_072,
    attn_logit_softcapping: None,
    final_logit_softcapping: None,
    ..GEMMA2
};

/// The defaults of a `model_type`.
pub(super) fn gemma_defaults(model_type: &str) -> &'static GemmaDefaults {
    match model_type {
        "gemma2" => &GEMMA2,
        "gemma3_text" => &GEMMA3,
        _ => &GEMMA,
    }
}
