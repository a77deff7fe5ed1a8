use burn::module::Module;
use burn::nn::Embedding;
use burn::tensor::{Device, Int, Tensor};
use ia3_core::{ModelInfo, assert_all_touched, model_info};

use super::config::T5Config;
use super::stack::{T5Encoder, encoded};
use crate::encoder::ProblemType;
use crate::error::ModelError;
use crate::inputs::{ModelInputs, check_rows, required};
use crate::loss::RowLosses;
use crate::mask;
use crate::output::{ModelOutput, Trace};

/// The encoder of T5 alone, which is Hugging Face's `T5EncoderModel` or `MT5EncoderModel`. Its answer is its hidden states.
#[derive(Module, Debug)]
pub struct T5EncoderModel {
    /// The embedding of an encoder that has none of its own, `[vocab, d_model]`.
    pub shared: Embedding,
    /// The encoder.
    pub encoder: T5Encoder,
    #[module(skip)]
    config: T5Config,
}

impl T5EncoderModel {
    pub(super) fn new(config: &T5Config, device: &Device) -> Self {
        let encoder = T5Encoder::new(config, device);
        Self { shared: config.embedding(device), encoder, config: config.clone() }
    }

    pub(super) fn config(&self) -> &T5Config {
        &self.config
    }

    pub(super) fn info(&self) -> ModelInfo {
        model_info(self, Some(&self.config.model_type), None)
    }

    pub(super) fn run(&self, inputs: &ModelInputs, traced: bool) -> Result<ModelOutput, ModelError> {
        inputs.check(self.config.vocab_size)?;
        check_rows(self, &inputs.input_ids)?;
        let ids = required("input_ids", &inputs.input_ids)?;
        let mut hidden_states = vec![];
        let trace = Trace::into(traced.then_some(&mut hidden_states));
        let mask = inputs.attention_mask.clone();
        let (x, _) = encoded(&self.config, (&self.shared, &self.encoder), ids, mask, trace);
        assert_all_touched(self);
        Ok(ModelOutput { hidden_states, ..ModelOutput::new(x) })
    }

    pub(super) fn last_logits(&self, inputs: &ModelInputs) -> Result<Tensor<2>, ModelError> {
        let states = self.run(inputs, false)?.logits;
        Ok(mask::last_real(states, inputs.attention_mask.as_ref()).squeeze_dim(1))
    }

    pub(super) fn problem(&self) -> Option<ProblemType> {
        None
    }

    pub(super) fn num_labels(&self) -> Option<usize> {
        None
    }

    pub(super) fn class_name(&self) -> Option<String> {
        Some(if self.config.model_type == "mt5" { "MT5EncoderModel" } else { "T5EncoderModel" }.into())
    }

    pub(super) fn row_losses(&self, _: &ModelInputs, _: Tensor<2, Int>) -> Result<RowLosses, ModelError> {
        self.config.unsupported("without a head has no loss")
    }

    pub(super) fn value_losses(&self, _: &ModelInputs, _: Tensor<2>) -> Result<RowLosses, ModelError> {
        self.config.unsupported("without a head has no loss")
    }
}
