use burn::tensor::{Device, Int, Tensor};
use ia3_core::ModelInfo;

use super::config::T5Config;
use super::model::T5ForConditionalGeneration;
use crate::architecture::{Architecture, ArchitectureConfig, HEAD};
use crate::error::ModelError;
use crate::generate::{Generated, GenerationConfig, Step};
use crate::inputs::{ModelInputs, PaddingSide};
use crate::loss::RowLosses;
use crate::output::ModelOutput;
use crate::task::Task;

impl Architecture for T5ForConditionalGeneration {
    fn task(&self) -> Task {
        Task::Seq2SeqLm
    }

    fn info(&self) -> ModelInfo {
        self.info()
    }

    fn pad_token_id(&self) -> i64 {
        self.config().pad_token_id
    }

    fn float32_states(&self) -> bool {
        self.config().float32_states
    }

    fn token_embeddings(&self) -> Vec<String> {
        ["encoder.embed_tokens", "decoder.embed_tokens"].map(str::to_string).into()
    }

    fn with_own_head(self) -> Self {
        self.with_own_head()
    }

    fn run(&self, inputs: &ModelInputs, traced: bool) -> Result<ModelOutput, ModelError> {
        self.run(inputs, traced)
    }

    fn last_logits(&self, inputs: &ModelInputs) -> Result<Tensor<2>, ModelError> {
        self.last_logits(inputs)
    }

    fn row_losses(&self, inputs: &ModelInputs, labels: Tensor<2, Int>) -> Result<RowLosses, ModelError> {
        self.row_losses(inputs, labels)
    }

    fn generation_config(&self, max_new_tokens: usize) -> GenerationConfig {
        self.generation_config(max_new_tokens)
    }

    fn generate_with(
        &self,
        inputs: &ModelInputs,
        config: &GenerationConfig,
        on_step: impl FnMut(Step),
    ) -> Result<Generated, ModelError> {
        self.generate_with(inputs, config, on_step)
    }

    fn log_likelihoods(
        &self,
        inputs: &[(&[i64], &[Vec<i64>])],
        labels: Tensor<2, Int>,
        device: &Device,
    ) -> Result<Tensor<2>, ModelError> {
        let rows: Vec<Vec<i64>> = inputs.iter().map(|(input, _)| input.to_vec()).collect();
        let rows = ModelInputs::from_rows(&rows, self.config().pad_token_id, PaddingSide::Right, device);
        let input_of = inputs.iter().enumerate().flat_map(|(i, (_, texts))| vec![i; texts.len()]);
        self.log_likelihoods(&rows, labels, &input_of.collect::<Vec<_>>())
    }
}

const SHARED_TABLE: &str = "shared.weight";
const ENCODER_TABLE: &str = "encoder.embed_tokens.weight";
const DECODER_TABLE: &str = "decoder.embed_tokens.weight";

impl ArchitectureConfig for T5Config {
    const MODEL_TYPES: &'static [&'static str] = &["t5", "mt5"];
    const KEEP_IN_FLOAT32: &'static [&'static str] = &["wo"];

    fn read(text: &str) -> Result<Self, ModelError> {
        Self::from_json(text)
    }

    fn model_type(&self) -> &str {
        &self.model_type
    }

    fn set_float32_states(&mut self, float32: bool) {
        self.float32_states = float32;
    }

    fn base_model_prefix(&self) -> Option<&'static str> {
        None
    }

    fn set_tied_head(&mut self, tied: bool) {
        self.tie_lm_head = tied;
    }

    fn tied_embedding(&self) -> Option<&'static str> {
        Some(SHARED_TABLE)
    }

    fn aliases(&self) -> Vec<(&'static str, &'static str)> {
        let encoder = (!self.own_encoder_embedding).then_some(ENCODER_TABLE);
        let decoder = (!self.own_decoder_embedding).then_some(DECODER_TABLE);
        let head = self.tie_lm_head.then_some(HEAD);
        [encoder, decoder, head].into_iter().flatten().map(|other| (SHARED_TABLE, other)).collect()
    }

    fn stack_embeddings(&self) -> Vec<(&'static str, &'static str)> {
        vec![(ENCODER_TABLE, SHARED_TABLE), (DECODER_TABLE, SHARED_TABLE)]
    }

    fn set_own_stack_embedding(&mut self, key: &str) {
        self.own_encoder_embedding |= key == ENCODER_TABLE;
        self.own_decoder_embedding |= key == DECODER_TABLE;
    }
}
