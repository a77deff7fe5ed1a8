//! Gemma 1 to 3.

use ia3_gguf::{Architecture, GgufError};
use serde_json::{Map, Value, json};

use super::fields::{Fields, extend};

/// The number of blocks of the models of 27 billion parameters, Gemma 2 and 3. llama.cpp knows them by it, because the file does
/// not say by what their scores are divided.
const BLOCKS_OF_27B: [(&str, u64); 2] = [("gemma2", 46), ("gemma3", 62)];

impl Fields<'_> {
    pub(super) fn gemma(&self, architecture: &Architecture) -> Result<Map<String, Value>, GgufError> {
        let model_type = if self.name == "gemma3" { "gemma3_text" } else { self.name };
        let mut config = self.common(model_type)?;
        let (width, heads) = (self.needed("embedding_length")?, architecture.heads());
        let (layers, head_dim) = (self.needed("block_count")?, self.needed("attention.key_length")?);
        let divisor = if BLOCKS_OF_27B.contains(&(self.name, layers)) { width / heads } else { head_dim };
        let fields = json!({
            "hidden_size": width,
            "intermediate_size": self.needed("feed_forward_length")?,
            "num_hidden_layers": layers,
            "num_attention_heads": heads,
            "num_key_value_heads": architecture.key_value_heads(),
            "head_dim": head_dim,
            "rms_norm_eps": self.float("attention.layer_norm_rms_epsilon")?.unwrap_or(1e-6),
            "max_position_embeddings": self.needed("context_length")?,
            "attention_bias": self.has("blk.0.attn_q.bias"),
            "rope_parameters": self.rotation_of_gemma(head_dim)?,
        });
        extend(&mut config, fields);
        if self.name != "gemma" {
            extend(&mut config, self.windows_and_caps(divisor)?);
        }
        if self.name == "gemma3" {
            let every = self.number("attention.sliding_window_pattern")?.unwrap_or(6);
            config.insert("sliding_window_pattern".into(), every.into());
        }
        Ok(config)
    }

    /// What Gemma 2 and 3 have more. Every second layer of Gemma 2 has the window.
    fn windows_and_caps(&self, divisor: u64) -> Result<Value, GgufError> {
        Ok(json!({
            "query_pre_attn_scalar": divisor,
            "sliding_window": self.needed("attention.sliding_window")?,
            "attn_logit_softcapping": self.float("attn_logit_softcapping")?,
            "final_logit_softcapping": self.float("final_logit_softcapping")?,
        }))
    }

    /// The rotary embeddings; those of Gemma 3 differ in layers with a window, which no key says.
    fn rotation_of_gemma(&self, head_dim: u64) -> Result<Value, GgufError> {
        if self.name != "gemma3" {
            return self.rotation(head_dim);
        }
        let all = self.rotation_from(head_dim, 1_000_000.0)?;
        let theta = self.float("rope.freq_base_swa")?.unwrap_or(10_000.0);
        Ok(json!({
            "full_attention": all,
            "sliding_attention": {"rope_type": "default", "rope_theta": theta},
        }))
    }
}
