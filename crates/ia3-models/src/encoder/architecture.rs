use burn::tensor::{Device, Int, Tensor};
use ia3_core::ModelInfo;

use super::body::{EncoderBody, EncoderConfig};
use super::head_config::ProblemType;
use super::model::Encoder;
use crate::architecture::Architecture;
use crate::error::ModelError;
use crate::generate::{Generated, GenerationConfig, Step};
use crate::inputs::ModelInputs;
use crate::loss::{RowLosses, TokenPredictions};
use crate::mask;
use crate::output::ModelOutput;
use crate::task::Task;

impl<B: EncoderBody> Architecture for Encoder<B> {
    fn task(&self) -> Task {
        self.config.head().task
    }

    fn info(&self) -> ModelInfo {
        self.info()
    }

    fn pad_token_id(&self) -> i64 {
        self.config.pad_token_id()
    }

    fn float32_states(&self) -> bool {
        self.config.float32_states()
    }

    fn checkpoint_names(&self) -> Vec<(String, String)> {
        self.config.checkpoint_names()
    }

    fn num_labels(&self) -> Option<usize> {
        let head = self.config.head();
        let counts = !matches!(head.task, Task::FeatureExtraction | Task::MaskedLm | Task::MultipleChoice);
        counts.then(|| head.count())
    }

    fn token_types(&self) -> usize {
        self.config.token_types()
    }

    fn class_name(&self) -> Option<String> {
        let (name, head) = (self.config.class_prefix(), self.config.head());
        Some(match head.task {
            Task::TokenClassification => format!("{name}ForTokenClassification"),
            Task::QuestionAnswering => format!("{name}ForQuestionAnswering"),
            Task::MaskedLm => format!("{name}ForMaskedLM"),
            Task::MultipleChoice => format!("{name}ForMultipleChoice"),
            Task::FeatureExtraction => format!("{name}Model"),
            _ if self.config.image().is_some() => format!("{name}ForImageClassification"),
            _ => format!("{name}ForSequenceClassification"),
        })
    }

    fn problem(&self) -> Option<ProblemType> {
        let head = self.config.head();
        (head.task == Task::SequenceClassification).then(|| head.problem())
    }

    fn run(&self, inputs: &ModelInputs, traced: bool) -> Result<ModelOutput, ModelError> {
        self.run(inputs, traced)
    }

    fn last_logits(&self, inputs: &ModelInputs) -> Result<Tensor<2>, ModelError> {
        let logits = self.forward(inputs)?;
        match self.config.head().task {
            Task::SequenceClassification | Task::MultipleChoice => Ok(logits.squeeze_dim(1)),
            _ => Ok(mask::last_real(logits, inputs.attention_mask.as_ref()).squeeze_dim(1)),
        }
    }

    fn row_losses(&self, inputs: &ModelInputs, labels: Tensor<2, Int>) -> Result<RowLosses, ModelError> {
        self.row_losses(inputs, labels)
    }

    fn token_predictions(
        &self,
        inputs: &ModelInputs,
        labels: Tensor<2, Int>,
    ) -> Result<TokenPredictions, ModelError> {
        self.token_predictions(inputs, labels)
    }

    fn value_losses(&self, inputs: &ModelInputs, values: Tensor<2>) -> Result<RowLosses, ModelError> {
        self.value_losses(inputs, values)
    }

    fn generation_config(&self, max_new_tokens: usize) -> GenerationConfig {
        GenerationConfig::new(max_new_tokens, vec![])
    }

    fn generate_with(
        &self,
        _: &ModelInputs,
        _: &GenerationConfig,
        _: impl FnMut(Step),
    ) -> Result<Generated, ModelError> {
        self.unsupported("is an encoder and has no decoder, so it cannot generate")
    }

    fn log_likelihoods(
        &self,
        _: &[(&[i64], &[Vec<i64>])],
        _: Tensor<2, Int>,
        _: &Device,
    ) -> Result<Tensor<2>, ModelError> {
        self.unsupported("is an encoder and computes no likelihood of a text")
    }
}
