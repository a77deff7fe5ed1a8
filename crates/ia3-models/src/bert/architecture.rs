use burn::tensor::{Device, Int, Tensor};
use ia3_core::ModelInfo;

use super::config::BertConfig;
use super::model::BertForSequenceClassification;
use crate::architecture::{Architecture, ArchitectureConfig};
use crate::error::ModelError;
use crate::generate::{Generated, GenerationConfig, Step};
use crate::inputs::ModelInputs;
use crate::loss::RowLosses;
use crate::output::ModelOutput;
use crate::task::Task;

impl Architecture for BertForSequenceClassification {
    const TASK: Task = Task::SequenceClassification;

    fn info(&self) -> ModelInfo {
        self.info()
    }

    fn pad_token_id(&self) -> i64 {
        self.config().pad_token_id()
    }

    fn float32_states(&self) -> bool {
        self.config().float32_states
    }

    fn num_labels(&self) -> Option<usize> {
        Some(self.config().labels())
    }

    fn run(&self, inputs: &ModelInputs, traced: bool) -> Result<ModelOutput, ModelError> {
        self.run(inputs, traced)
    }

    fn last_logits(&self, inputs: &ModelInputs) -> Result<Tensor<2>, ModelError> {
        self.forward(inputs)
    }

    fn row_losses(&self, inputs: &ModelInputs, labels: Tensor<2, Int>) -> Result<RowLosses, ModelError> {
        self.row_losses(inputs, labels)
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
        unsupported("is a classifier and has no decoder, so it cannot generate")
    }

    fn log_likelihoods(
        &self,
        _: &[(&[i64], &[Vec<i64>])],
        _: Tensor<2, Int>,
        _: &Device,
    ) -> Result<Tensor<2>, ModelError> {
        unsupported("is a classifier and computes no likelihood of a text")
    }
}

fn unsupported<T>(problem: &'static str) -> Result<T, ModelError> {
    Err(ModelError::Unsupported { model_type: "bert".into(), problem })
}

impl ArchitectureConfig for BertConfig {
    const MODEL_TYPES: &'static [&'static str] = &["bert"];
    const BASE_MODEL_PREFIX: Option<&'static str> = Some("bert.");
    const OPTIONAL_MODULES: &'static [&'static str] = &["classifier", "bert.pooler.dense"];

    fn read(text: &str) -> Result<Self, ModelError> {
        Self::from_json(text)
    }

    fn model_type(&self) -> &str {
        "bert"
    }

    fn set_float32_states(&mut self, float32: bool) {
        self.float32_states = float32;
    }

    fn set_num_labels(&mut self, labels: usize) {
        self.num_labels = Some(labels);
        self.id2label = self.id2label.take().filter(|names| names.len() == labels);
    }

    fn label_names(&self) -> Vec<String> {
        let names = self.id2label.iter().flatten();
        let mut names: Vec<(usize, &String)> =
            names.filter_map(|(number, name)| Some((number.parse().ok()?, name))).collect();
        names.sort();
        names.into_iter().map(|(_, name)| name.clone()).collect()
    }
}
