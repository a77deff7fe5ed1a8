//! The head of a decoder: that of a language model, or a classifier of sequences.

use burn::nn::Linear;
use burn::tensor::{Device, Tensor};
use ia3_core::{Ia3Forward, Tied, assert_all_touched};

use crate::causal::{CausalLm, checked_states};
use crate::encoder::HeadConfig;
use crate::error::ModelError;
use crate::inputs::ModelInputs;
use crate::layers::linear;
use crate::mask;
use crate::output::{ModelOutput, Trace};

/// The head of a language model; a classifier has none.
pub(crate) fn unless_classifier(head: &Option<HeadConfig>, lm_head: Tied<Linear>) -> Tied<Linear> {
    if head.is_some() { Tied::absent() } else { lm_head }
}

/// The classifier of hidden states of `width` features, if there is one.
pub(crate) fn score(head: &Option<HeadConfig>, width: usize, std: f64, device: &Device) -> Option<Linear> {
    head.as_ref().map(|head| linear(width, head.count(), false, std, device))
}

/// Computes the logits `[batch, 1, num_labels]` of a classifier, from the hidden state of the last token of each row.
pub(crate) fn classify(
    model: &impl CausalLm,
    score: &Linear,
    pad_token_id: Option<i64>,
    inputs: &ModelInputs,
    traced: bool,
) -> Result<ModelOutput, ModelError> {
    let mut hidden_states = vec![];
    let x = checked_states(model, inputs, Trace::into(traced.then_some(&mut hidden_states)))?;
    let logits = score.ia3_forward(last_token(x, inputs, pad_token_id));
    assert_all_touched(model);
    Ok(ModelOutput { hidden_states, ..ModelOutput::new(logits) })
}

/// The state `[batch, 1, d]` of the token that is classified: the last one of its row that is not the padding token, and the first
/// one in a row of padding tokens only. transformers finds it by the ids too, whatever the mask is. Without a padding token,
/// where it refuses more than one row, the last real token of the mask is taken.
fn last_token(x: Tensor<3>, inputs: &ModelInputs, pad_token_id: Option<i64>) -> Tensor<3> {
    let (Some(pad), Some(ids)) = (pad_token_id, &inputs.input_ids) else {
        return mask::last_real(x, inputs.attention_mask.as_ref());
    };
    let ([batch, seq, d], device) = (x.dims(), ids.device());
    let position = Tensor::<1, burn::tensor::Int>::arange(0..seq as i64, &device).unsqueeze::<2>();
    let last = (ids.clone().not_equal_scalar(pad).int() * position).max_dim(1);
    x.gather(1, last.reshape([batch, 1, 1]).expand([batch, 1, d]))
}

/// The name of the class of transformers that classifies sequences with a decoder of this type.
pub(crate) fn class_name(model_type: &str) -> Option<String> {
    let prefix = match model_type {
        "llama" => "Llama",
        "mistral" => "Mistral",
        "qwen2" => "Qwen2",
        "qwen3" => "Qwen3",
        "qwen3_moe" => "Qwen3Moe",
        "mixtral" => "Mixtral",
        "smollm3" => "SmolLM3",
        "olmo2" => "Olmo2",
        "gemma" => "Gemma",
        "gemma2" => "Gemma2",
        "gemma3_text" => "Gemma3Text",
        "gpt2" => "GPT2",
        "falcon" | "RefinedWeb" | "RefinedWebModel" => "Falcon",
        "gpt_neox" => "GPTNeoX",
        "opt" => "OPT",
        "bloom" => "Bloom",
        "gptj" => "GPTJ",
        "gpt_neo" => "GPTNeo",
        "gpt_bigcode" => "GPTBigCode",
        "phi" => "Phi",
        "phi3" => "Phi3",
        _ => return None,
    };
    Some(format!("{prefix}ForSequenceClassification"))
}
