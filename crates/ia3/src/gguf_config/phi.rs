//! Phi-2 and Phi-3.

use ia3_gguf::{Architecture, GgufError};
use serde_json::{Map, Value, json};

use super::fields::{Fields, extend};

impl Fields<'_> {
    pub(super) fn phi2(&self, architecture: &Architecture) -> Result<Map<String, Value>, GgufError> {
        let mut config = self.common("phi")?;
        let epsilon = self.float("attention.layer_norm_epsilon")?.unwrap_or(1e-5);
        extend(&mut config, json!({"layer_norm_eps": epsilon, "hidden_act": "gelu_new"}));
        extend(&mut config, self.of_phi(architecture)?);
        Ok(config)
    }

    pub(super) fn phi3(&self, architecture: &Architecture) -> Result<Map<String, Value>, GgufError> {
        let mut config = self.common("phi3")?;
        let trained = self.number("rope.scaling.original_context_length")?;
        let fields = json!({
            "rms_norm_eps": self.float("attention.layer_norm_rms_epsilon")?.unwrap_or(1e-5),
            "original_max_position_embeddings": trained.or(self.number("context_length")?),
            // The file has 0 where there is no window.
            "sliding_window": self.number("attention.sliding_window")?.filter(|window| *window > 0),
        });
        extend(&mut config, fields);
        extend(&mut config, self.of_phi(architecture)?);
        Ok(config)
    }

    /// The sizes, and the rotation of a part of each head.
    fn of_phi(&self, architecture: &Architecture) -> Result<Value, GgufError> {
        let (width, heads) = (self.needed("embedding_length")?, architecture.heads());
        let rotated = self.number("rope.dimension_count")?.unwrap_or(width / heads);
        let mut rotation = self.rotation(rotated)?;
        rotation["partial_rotary_factor"] = share(rotated, width / heads).into();
        Ok(json!({
            "hidden_size": width,
            "intermediate_size": self.needed("feed_forward_length")?,
            "num_hidden_layers": self.needed("block_count")?,
            "num_attention_heads": heads,
            "num_key_value_heads": architecture.key_value_heads(),
            "max_position_embeddings": self.needed("context_length")?,
            "rope_parameters": rotation,
        }))
    }
}

/// The share of `whole` that `part` is, such that `part` is the share of `whole`, rounded down.
fn share(part: u64, whole: u64) -> f64 {
    let share = part as f64 / whole.max(1) as f64;
    if (share * whole as f64) < part as f64 { share.next_up() } else { share }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_give_the_part_again() {
        for whole in 1..200 {
            for part in 1..=whole {
                assert_eq!((whole as f64 * share(part, whole)) as u64, part, "{part} of {whole}");
            }
        }
    }
}
