//! The `config.json` of the model in a GGUF file, made from the file's metadata.

use std::path::Path;

use ia3_gguf::{Architecture, GgufError, GgufFile};
use serde_json::{Map, Value, json};

use crate::error::Error;

/// The text of a `config.json`.
pub(crate) fn config_text(path: &Path) -> Result<String, Error> {
    let file = GgufFile::open(path)?;
    let architecture = Architecture::of(&file)?;
    let fields = Fields { file: &file, name: architecture.name() };
    let config = match architecture.name() {
        "gpt2" => fields.gpt2()?,
        "falcon" => fields.falcon(&architecture)?,
        "t5" => fields.t5()?,
        "llama" | "qwen2" | "qwen3" | "olmo2" | "smollm3" => fields.llama(&architecture)?,
        other => {
            return Err(GgufError::Architecture {
                path: path.to_owned(),
                found: other.to_owned(),
                known: vec!["llama", "qwen2", "qwen3", "olmo2", "smollm3", "gpt2", "falcon", "t5"],
            }
            .into());
        }
    };
    Ok(Value::Object(config).to_string())
}

struct Fields<'a> {
    file: &'a GgufFile,
    /// The name of the architecture, which begins its keys.
    name: &'static str,
}

impl Fields<'_> {
    fn key(&self, key: &str) -> String {
        format!("{}.{key}", self.name)
    }

    fn number(&self, key: &str) -> Result<Option<u64>, GgufError> {
        self.file.metadata().unsigned(&self.key(key))
    }

    fn needed(&self, key: &str) -> Result<u64, GgufError> {
        self.number(key)?.ok_or_else(|| self.file.metadata().no_key(&self.key(key)))
    }

    /// A float, as the shortest decimal that is the float32 of the file.
    fn float(&self, key: &str) -> Result<Option<f64>, GgufError> {
        let float = self.file.metadata().float(&self.key(key))?;
        Ok(float.map(|value| (value as f32).to_string().parse().unwrap_or(value)))
    }

    fn has(&self, tensor: &str) -> bool {
        self.file.tensor(tensor).is_some()
    }

    fn vocab_size(&self) -> Result<u64, GgufError> {
        let (path, tensor) = (self.file.path().to_owned(), "token_embd.weight".to_owned());
        let embedding = self.file.tensor(&tensor).ok_or(GgufError::NoTensor { path, tensor })?;
        Ok(embedding.rows())
    }

    /// What the configurations of all architectures have.
    fn common(&self, model_type: &str) -> Result<Map<String, Value>, GgufError> {
        let mut config = Map::new();
        config.insert("model_type".into(), model_type.into());
        config.insert("vocab_size".into(), self.vocab_size()?.into());
        config.insert("tie_word_embeddings".into(), (!self.has("output.weight")).into());
        let tokens = [("bos_token_id", "bos"), ("eos_token_id", "eos"), ("pad_token_id", "padding")];
        for (field, token) in tokens {
            let id = self.file.metadata().unsigned(&format!("tokenizer.ggml.{token}_token_id"))?;
            config.extend(id.map(|id| (field.to_owned(), id.into())));
        }
        Ok(config)
    }

    fn llama(&self, architecture: &Architecture) -> Result<Map<String, Value>, GgufError> {
        let window = self.number("attention.sliding_window")?;
        let model_type = if self.name == "llama" && window.is_some() { "mistral" } else { self.name };
        let mut config = self.common(model_type)?;
        let (width, heads) = (self.needed("embedding_length")?, architecture.heads());
        let head_dim = self.number("attention.key_length")?.or(self.number("rope.dimension_count")?);
        let fields = json!({
            "hidden_size": width,
            "intermediate_size": self.needed("feed_forward_length")?,
            "num_hidden_layers": self.needed("block_count")?,
            "num_attention_heads": heads,
            "num_key_value_heads": architecture.key_value_heads(),
            "head_dim": head_dim.unwrap_or(width / heads),
            "rms_norm_eps": self.float("attention.layer_norm_rms_epsilon")?.unwrap_or(1e-6),
            "max_position_embeddings": self.needed("context_length")?,
            "rope_parameters": self.rotation()?,
            "attention_bias": self.has("blk.0.attn_q.bias"),
            "mlp_bias": self.has("blk.0.ffn_up.bias"),
            "sliding_window": window,
            "use_sliding_window": false,
        });
        extend(&mut config, fields);
        if self.name == "smollm3" {
            // llama.cpp leaves the rotation out in every fourth layer, whatever the configuration was.
            config.insert("no_rope_layer_interval".into(), 4.into());
        }
        Ok(config)
    }

    /// Rotary embeddings: plain, or with all wavelengths scaled by one factor.
    fn rotation(&self) -> Result<Value, GgufError> {
        let theta = self.float("rope.freq_base")?.unwrap_or(10_000.0);
        let kind = self.file.metadata().text(&self.key("rope.scaling.type"))?;
        match kind {
            None | Some("none") => Ok(json!({"rope_type": "default", "rope_theta": theta})),
            Some("linear") => {
                let factor = self.float("rope.scaling.factor")?.unwrap_or(1.0);
                Ok(json!({"rope_type": "linear", "rope_theta": theta, "factor": factor}))
            }
            Some(other) => Err(GgufError::Header {
                path: self.file.path().to_owned(),
                what: format!("the key `{}`", self.key("rope.scaling.type")),
                problem: format!(
                    "is {}, expected `none` or `linear`; take the original folder",
                    ia3_guard::quote_debug(other)
                ),
            }),
        }
    }

    fn gpt2(&self) -> Result<Map<String, Value>, GgufError> {
        let mut config = self.common("gpt2")?;
        let fields = json!({
            "n_embd": self.needed("embedding_length")?,
            "n_layer": self.needed("block_count")?,
            "n_head": self.needed("attention.head_count")?,
            "n_inner": self.needed("feed_forward_length")?,
            "n_positions": self.needed("context_length")?,
            "layer_norm_epsilon": self.float("attention.layer_norm_epsilon")?.unwrap_or(1e-5),
        });
        extend(&mut config, fields);
        Ok(config)
    }

    fn falcon(&self, architecture: &Architecture) -> Result<Map<String, Value>, GgufError> {
        let mut config = self.common("falcon")?;
        let two_norms = self.has("blk.0.attn_norm_2.weight");
        let grouped = two_norms || architecture.key_value_heads() > 1;
        let fields = json!({
            "hidden_size": self.needed("embedding_length")?,
            "num_hidden_layers": self.needed("block_count")?,
            "num_attention_heads": architecture.heads(),
            "num_kv_heads": architecture.key_value_heads(),
            "ffn_hidden_size": self.needed("feed_forward_length")?,
            "layer_norm_epsilon": self.float("attention.layer_norm_epsilon")?.unwrap_or(1e-5),
            "max_position_embeddings": self.needed("context_length")?,
            "rope_parameters": self.rotation()?,
            "new_decoder_architecture": grouped,
            "num_ln_in_parallel_attn": if two_norms { 2 } else { 1 },
            "multi_query": !grouped,
            "parallel_attn": true,
            "alibi": false,
            "bias": self.has("blk.0.attn_qkv.bias"),
        });
        extend(&mut config, fields);
        Ok(config)
    }

    fn t5(&self) -> Result<Map<String, Value>, GgufError> {
        let mut config = self.common("t5")?;
        let layers = self.needed("block_count")?;
        let gated = self.has("enc.blk.0.ffn_gate.weight");
        let fields = json!({
            "d_model": self.needed("embedding_length")?,
            "d_ff": self.needed("feed_forward_length")?,
            "d_kv": self.needed("attention.key_length")?,
            "num_heads": self.needed("attention.head_count")?,
            "num_layers": layers,
            "num_decoder_layers": self.number("decoder_block_count")?.unwrap_or(layers),
            "relative_attention_num_buckets": self.needed("attention.relative_buckets_count")?,
            "layer_norm_epsilon": self.float("attention.layer_norm_rms_epsilon")?.unwrap_or(1e-6),
            "feed_forward_proj": if gated { "gated-gelu" } else { "relu" },
            "decoder_start_token_id": self.number("decoder_start_token_id")?.unwrap_or(0),
        });
        extend(&mut config, fields);
        Ok(config)
    }
}

fn extend(config: &mut Map<String, Value>, fields: Value) {
    if let Value::Object(fields) = fields {
        config.extend(fields);
    }
}
