//! The `config.json` of the model in a GGUF file, made from the file's metadata.

mod fields;
mod gemma;
mod phi;
mod rotation;

use std::path::Path;

use ia3_gguf::{Architecture, GgufError, GgufFile};
use serde_json::{Map, Value, json};

use self::fields::{Fields, extend};
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
        "gemma" | "gemma2" | "gemma3" => fields.gemma(&architecture)?,
        "phi2" => fields.phi2(&architecture)?,
        "phi3" => fields.phi3(&architecture)?,
        _ => fields.llama(&architecture)?,
    };
    Ok(Value::Object(config).to_string())
}

impl Fields<'_> {
    fn llama(&self, architecture: &Architecture) -> Result<Map<String, Value>, GgufError> {
        let window = self.number("attention.sliding_window")?;
        let model_type = if self.name == "llama" && window.is_some() { "mistral" } else { self.name };
        let mut config = self.common(model_type)?;
        let (width, heads) = (self.needed("embedding_length")?, architecture.heads());
        let head_dim = self.number("attention.key_length")?.or(self.number("rope.dimension_count")?);
        let head_dim = head_dim.unwrap_or(width / heads);
        let fields = json!({
            "hidden_size": width,
            "intermediate_size": self.needed("feed_forward_length")?,
            "num_hidden_layers": self.needed("block_count")?,
            "num_attention_heads": heads,
            "num_key_value_heads": architecture.key_value_heads(),
            "head_dim": head_dim,
            "rms_norm_eps": self.float("attention.layer_norm_rms_epsilon")?.unwrap_or(1e-6),
            "max_position_embeddings": self.needed("context_length")?,
            "rope_parameters": self.rotation(head_dim)?,
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
        let width = self.needed("embedding_length")?;
        let two_norms = self.has("blk.0.attn_norm_2.weight");
        let grouped = two_norms || architecture.key_value_heads() > 1;
        let fields = json!({
            "hidden_size": width,
            "num_hidden_layers": self.needed("block_count")?,
            "num_attention_heads": architecture.heads(),
            "num_kv_heads": architecture.key_value_heads(),
            "ffn_hidden_size": self.needed("feed_forward_length")?,
            "layer_norm_epsilon": self.float("attention.layer_norm_epsilon")?.unwrap_or(1e-5),
            "max_position_embeddings": self.needed("context_length")?,
            "rope_parameters": self.rotation(width / architecture.heads())?,
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
