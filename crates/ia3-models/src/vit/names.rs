//! The names that checkpoints give the parameters of a ViT.

use super::config::ViTConfig;
use crate::task::Task;

/// The layers of a block that have other names in checkpoints: (transformers 5, checkpoints).
const RENAMED: [(&str, &str); 8] = [
    ("attention.q_proj", "attention.attention.query"),
    ("attention.k_proj", "attention.attention.key"),
    ("attention.v_proj", "attention.attention.value"),
    ("attention.o_proj", "attention.output.dense"),
    ("mlp.fc1", "intermediate.dense"),
    ("mlp.fc2", "output.dense"),
    ("layernorm_before", "layernorm_before"),
    ("layernorm_after", "layernorm_after"),
];

/// The names of the parameters of all blocks: (the name in the model, the name in checkpoints).
pub(super) fn in_checkpoints(config: &ViTConfig) -> Vec<(String, String)> {
    let body = if config.head.task == Task::FeatureExtraction { "" } else { "vit." };
    let of_parameter = |layer: usize, (own, other): (&str, &str), kind: &str| {
        let own = format!("{body}layers.{layer}.{own}.{kind}");
        (own, format!("{body}encoder.layer.{layer}.{other}.{kind}"))
    };
    let kinds = |layer, names| ["weight", "bias"].map(|kind| of_parameter(layer, names, kind));
    let of_layer = |layer| RENAMED.into_iter().flat_map(move |names| kinds(layer, names));
    (0..config.num_hidden_layers).flat_map(of_layer).collect()
}
