//! The default targets of each architecture.

/// The modules that PEFT adapts by default in a model of one `model_type`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DefaultTargets {
    /// The default of `target_modules`.
    pub target_modules: &'static [&'static str],
    /// The default of `feedforward_modules`: the targets whose input is scaled.
    pub feedforward_modules: &'static [&'static str],
}

const fn row(
    model_type: &'static str,
    target_modules: &'static [&'static str],
    feedforward_modules: &'static [&'static str],
) -> (&'static str, DefaultTargets) {
    let targets = DefaultTargets { target_modules, feedforward_modules };
    (model_type, targets)
}

/// PEFT's `TRANSFORMERS_MODELS_TO_IA3_{TARGET,FEEDFORWARD}_MODULES_MAPPING` (`utils/constants.py`, PEFT 0.21.2),
/// sorted by model type.
#[rustfmt::skip]
const TABLE: [(&str, DefaultTargets); 27] = [
    row("RefinedWeb", &["query_key_value", "dense_4h_to_h"], &["dense_4h_to_h"]),
    row("RefinedWebModel", &["query_key_value", "dense_4h_to_h"], &["dense_4h_to_h"]),
    row("bart", &["q_proj", "v_proj", "fc2"], &["fc2"]),
    row("bert", &["key", "value", "output.dense"], &["output.dense"]),
    row("bloom", &["query_key_value", "mlp.dense_4h_to_h"], &["mlp.dense_4h_to_h"]),
    row("deberta", &["in_proj", "output.dense"], &["output.dense"]),
    row("deberta-v2", &["key_proj", "value_proj", "output.dense"], &["output.dense"]),
    row("falcon", &["query_key_value", "dense_4h_to_h"], &["dense_4h_to_h"]),
    row("gemma", &["q_proj", "v_proj", "down_proj"], &["down_proj"]),
    row("gemma2", &["q_proj", "v_proj", "down_proj"], &["down_proj"]),
    row("gemma3_text", &["q_proj", "v_proj", "down_proj"], &["down_proj"]),
    row("gpt2", &["c_attn", "mlp.c_proj"], &["mlp.c_proj"]),
    row("gpt_bigcode", &["c_attn", "mlp.c_proj"], &["mlp.c_proj"]),
    row("gpt_neo", &["q_proj", "v_proj", "c_proj"], &["c_proj"]),
    row("gpt_neox", &["query_key_value", "dense_4h_to_h"], &["dense_4h_to_h"]),
    row("gptj", &["q_proj", "v_proj", "fc_out"], &["fc_out"]),
    row("llama", &["k_proj", "v_proj", "down_proj"], &["down_proj"]),
    row("llama4", &["q_proj", "v_proj", "down_proj"], &["down_proj"]),
    row("mistral", &["k_proj", "v_proj", "down_proj"], &["down_proj"]),
    row("mixtral", &["k_proj", "v_proj", "w2"], &["w2"]),
    row("mt5", &["k", "v", "wi_1"], &[]),
    row("opt", &["q_proj", "k_proj", "fc2"], &["fc2"]),
    row("phi", &["q_proj", "v_proj", "fc2"], &["fc2"]),
    row("qwen2", &["q_proj", "v_proj", "down_proj"], &["down_proj"]),
    row("qwen3", &["q_proj", "v_proj", "down_proj"], &["down_proj"]),
    row("roberta", &["key", "value", "output.dense"], &["output.dense"]),
    row("t5", &["k", "v", "wo"], &["wo"]),
];

/// The default targets for a `model_type` of `config.json`, or `None` if PEFT has no defaults for it.
///
/// ```
/// let t5 = ia3_config::default_targets("t5").unwrap();
/// assert_eq!(t5.target_modules, ["k", "v", "wo"]);
/// assert_eq!(t5.feedforward_modules, ["wo"]);
/// ```
pub fn default_targets(model_type: &str) -> Option<DefaultTargets> {
    let row = TABLE.binary_search_by(|(name, _)| (*name).cmp(model_type));
    row.ok().map(|index| TABLE[index].1)
}

/// The model types that have default targets, sorted.
pub fn known_model_types() -> impl ExactSizeIterator<Item = &'static str> {
    TABLE.iter().map(|(name, _)| *name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_is_found() {
        for (model_type, targets) in TABLE {
            assert_eq!(default_targets(model_type), Some(targets), "the table must be sorted");
        }
        assert_eq!(default_targets("T5"), None);
        assert_eq!(default_targets(""), None);
    }
}
