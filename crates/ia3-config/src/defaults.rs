//! The default targets of each architecture.

/// The modules that are adapted by default in a model of one `model_type`.
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

/// Model types for which PEFT has no defaults: those of the architecture that they share. For kin of Llama and for
/// Whisper and models of images they are the paper's placement, for kin of BART and BERT those of PEFT's `bart` and `bert`. The
/// modules of `vit` have the names of transformers 5, as in the adapters that PEFT writes.
#[rustfmt::skip]
const OWN: [(&str, DefaultTargets); 16] = [
    row("clip", &["k_proj", "v_proj", "fc2"], &["fc2"]),
    row("clip_vision_model", &["k_proj", "v_proj", "fc2"], &["fc2"]),
    row("distilbert", &["k_lin", "v_lin", "ffn.lin2"], &["ffn.lin2"]),
    row("electra", &["key", "value", "output.dense"], &["output.dense"]),
    row("esm", &["key", "value", "output.dense"], &["output.dense"]),
    row("m2m_100", &["q_proj", "v_proj", "fc2"], &["fc2"]),
    row("marian", &["q_proj", "v_proj", "fc2"], &["fc2"]),
    row("mbart", &["q_proj", "v_proj", "fc2"], &["fc2"]),
    row("modernbert", &["Wqkv", "mlp.Wo"], &["mlp.Wo"]),
    row("olmo2", &["k_proj", "v_proj", "down_proj"], &["down_proj"]),
    row("phi3", &["qkv_proj", "down_proj"], &["down_proj"]),
    row("qwen3_moe", &["k_proj", "v_proj", "down_proj"], &["down_proj"]),
    row("smollm3", &["k_proj", "v_proj", "down_proj"], &["down_proj"]),
    row("vit", &["k_proj", "v_proj", "fc2"], &["fc2"]),
    row("whisper", &["k_proj", "v_proj", "fc2"], &["fc2"]),
    row("xlm-roberta", &["key", "value", "output.dense"], &["output.dense"]),
];

/// The default targets for a `model_type` of `config.json`, those of PEFT where it has any, or `None` if there are none.
/// Some types, such as `olmo2` and `electra`, have defaults here alone; an adapter that is saved names its targets, so PEFT reads it
/// all the same.
///
/// ```
/// let t5 = ia3_config::default_targets("t5").unwrap();
/// assert_eq!(t5.target_modules, ["k", "v", "wo"]);
/// assert_eq!(t5.feedforward_modules, ["wo"]);
/// ```
pub fn default_targets(model_type: &str) -> Option<DefaultTargets> {
    let find = |table: &[(&str, DefaultTargets)]| {
        let row = table.binary_search_by(|(name, _)| (*name).cmp(model_type));
        row.ok().map(|index| table[index].1)
    };
    find(&TABLE).or_else(|| find(&OWN))
}

/// The model types that have default targets: those of PEFT, sorted, then the others.
pub fn known_model_types() -> impl Iterator<Item = &'static str> {
    TABLE.iter().chain(&OWN).map(|(name, _)| *name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_is_found() {
        for (model_type, targets) in TABLE.into_iter().chain(OWN) {
            assert_eq!(default_targets(model_type), Some(targets), "the tables must be sorted");
        }
        assert_eq!(default_targets("T5"), None);
        assert_eq!(default_targets(""), None);
    }
}
