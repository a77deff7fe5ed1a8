//! Tells from the paths of its vectors for which architecture an adapter is.

use std::collections::BTreeSet;

use crate::adapter::Adapter;
use crate::error::AdapterError;

/// Refuses adapters of different architectures. A mix of them fits no model.
pub(super) fn check(adapters: &[(&Adapter, f32)]) -> Result<(), AdapterError> {
    let mut known = adapters.iter().enumerate().filter_map(|(index, (adapter, _))| {
        let architectures = architectures(adapter);
        (!architectures.is_empty()).then_some((index, architectures))
    });
    let Some((first_index, first)) = known.next() else { return Ok(()) };
    match known.find(|(_, other)| other.is_disjoint(&first)) {
        None => Ok(()),
        Some((index, other)) => Err(AdapterError::MixedArchitectures {
            first_index,
            first: names(&first),
            index,
            other: names(&other),
        }),
    }
}

fn names(architectures: &BTreeSet<String>) -> String {
    architectures.iter().map(String::as_str).collect::<Vec<_>>().join(", ")
}

/// The architectures whose names of layers the adapter uses.
fn architectures(adapter: &Adapter) -> BTreeSet<String> {
    adapter.vectors.keys().filter_map(|path| architecture(path)).collect()
}

/// The architecture of a layer in a numbered block; for an unknown one, the path of its blocks.
fn architecture(path: &str) -> Option<String> {
    let mut parts = path.split('.');
    let blocks: Vec<&str> = parts.by_ref().take_while(|part| part.parse::<usize>().is_err()).collect();
    let inside = parts.next()?;
    Some(match (blocks.join(".").as_str(), inside) {
        ("encoder.block" | "decoder.block", _) => "T5".into(),
        ("transformer.h", "attn") => "GPT-2".into(),
        ("transformer.h", "self_attention") => "Falcon".into(),
        ("transformer.h", "mlp") => match path.contains(".c_") {
            true => "GPT-2".into(),
            false => "Falcon".into(),
        },
        ("model.layers", _) if path.contains(".W") => "ModernBERT".into(),
        ("model.layers", _) => "Llama".into(),
        ("vit.layers", _) => "ViT".into(),
        ("vision_model.encoder.layers", _) => "CLIP".into(),
        ("bert.encoder.layer", _) => "BERT".into(),
        ("roberta.encoder.layer", _) => "RoBERTa".into(),
        ("electra.encoder.layer", _) => "ELECTRA".into(),
        ("distilbert.transformer.layer", _) => "DistilBERT".into(),
        ("esm.encoder.layer", _) => "ESM".into(),
        ("deberta.encoder.layer", _) => "DeBERTa".into(),
        // An encoder and a decoder may belong to one model.
        (other, _) => format!("`{}`", other.replace("encoder", "…").replace("decoder", "…")),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layers_tell_the_architecture() {
        let known = [
            ("encoder.block.0.layer.0.SelfAttention.k", "T5"),
            ("decoder.block.0.layer.1.EncDecAttention.k", "T5"),
            ("transformer.h.0.attn.c_attn", "GPT-2"),
            ("transformer.h.0.mlp.c_proj", "GPT-2"),
            ("transformer.h.0.mlp.dense_4h_to_h", "Falcon"),
            ("model.layers.3.self_attn.k_proj", "Llama"),
            ("model.layers.3.mlp.Wo", "ModernBERT"),
            ("bert.encoder.layer.0.attention.self.key", "BERT"),
            ("vit.layers.0.attention.k_proj", "ViT"),
            ("vision_model.encoder.layers.0.mlp.fc2", "CLIP"),
            ("model.encoder.layers.0.fc1", "`model.….layers`"),
            ("model.decoder.layers.0.fc1", "`model.….layers`"),
        ];
        for (path, expected) in known {
            assert_eq!(architecture(path).as_deref(), Some(expected), "{path}");
        }
        assert_eq!(architecture("k"), None);
    }
}
