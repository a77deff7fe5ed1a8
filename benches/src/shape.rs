//! The table of architectures and sizes that are measured.

use ia3::ModelConfig;

/// An architecture and the size of its batch.
pub struct Shape {
    /// The name in reports.
    pub name: &'static str,
    /// The `config.json` of the architecture.
    pub config: &'static str,
    /// Number of rows of the batch.
    pub batch: usize,
    /// Number of tokens of an input.
    pub input: usize,
    /// Number of tokens of a target, for an encoder-decoder. A decoder-only model predicts its input.
    pub target: Option<usize>,
}

/// The shapes that are measured.
pub const SHAPES: &[Shape] = &[
    Shape {
        name: "t5-small",
        config: r#"{"model_type": "t5", "d_model": 512, "d_kv": 64, "d_ff": 2048, "num_layers": 6,
                    "num_heads": 8, "vocab_size": 32128, "dropout_rate": 0.0}"#,
        batch: 8,
        input: 128,
        target: Some(16),
    },
    Shape {
        name: "t5-base",
        config: r#"{"model_type": "t5", "d_model": 768, "d_kv": 64, "d_ff": 3072, "num_layers": 12,
                    "num_heads": 12, "vocab_size": 32128, "dropout_rate": 0.0}"#,
        batch: 8,
        input: 128,
        target: Some(16),
    },
    Shape {
        name: "gpt2",
        config: r#"{"model_type": "gpt2", "resid_pdrop": 0.0, "embd_pdrop": 0.0, "attn_pdrop": 0.0}"#,
        batch: 4,
        input: 128,
        target: None,
    },
    Shape {
        name: "falcon-small",
        config: r#"{"model_type": "falcon", "vocab_size": 50304, "hidden_size": 768, "num_hidden_layers": 12,
                    "num_attention_heads": 12}"#,
        batch: 4,
        input: 128,
        target: None,
    },
    Shape {
        name: "llama-small",
        config: r#"{"model_type": "llama", "vocab_size": 32000, "hidden_size": 768, "intermediate_size": 2048,
                    "num_hidden_layers": 12, "num_attention_heads": 12, "num_key_value_heads": 4}"#,
        batch: 4,
        input: 128,
        target: None,
    },
    // The shape of SmolLM2-135M.
    Shape {
        name: "smollm2-135m",
        config: r#"{"model_type": "llama", "vocab_size": 49152, "hidden_size": 576, "intermediate_size": 1536,
                    "num_hidden_layers": 30, "num_attention_heads": 9, "num_key_value_heads": 3,
                    "max_position_embeddings": 8192, "rope_theta": 100000.0, "rms_norm_eps": 1e-5,
                    "tie_word_embeddings": true}"#,
        batch: 4,
        input: 128,
        target: None,
    },
    Shape {
        name: "bert-base",
        config: r#"{"model_type": "bert", "hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}"#,
        batch: 8,
        input: 128,
        target: None,
    },
    Shape {
        name: "minilm",
        config: r#"{"model_type": "bert", "hidden_size": 384, "num_hidden_layers": 6, "num_attention_heads": 12,
                    "intermediate_size": 1536, "hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}"#,
        batch: 8,
        input: 128,
        target: None,
    },
];

impl Shape {
    /// The shape of the table that has this name.
    ///
    /// # Panics
    ///
    /// Panics if there is no such shape.
    pub fn named(name: &str) -> &'static Self {
        SHAPES.iter().find(|shape| shape.name == name).unwrap_or_else(|| panic!("there is no shape {name}"))
    }

    /// Whether the model is a classifier, which does not generate.
    ///
    /// # Panics
    ///
    /// Panics if [`config`](Self::config) is not a valid `config.json`.
    pub fn classifies(&self) -> bool {
        matches!(self.model_config(), ModelConfig::Bert(_))
    }

    /// Whether the model is a Llama.
    ///
    /// # Panics
    ///
    /// Panics if [`config`](Self::config) is not a valid `config.json`.
    pub fn is_llama(&self) -> bool {
        matches!(self.model_config(), ModelConfig::Llama(_))
    }

    pub(crate) fn model_config(&self) -> ModelConfig {
        ModelConfig::from_json(self.config).expect("the table holds valid configurations")
    }
}
