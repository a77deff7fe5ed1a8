use burn::tensor::Device;

use super::config::DebertaConfig;
use super::head;
use crate::architecture::ArchitectureConfig;
use crate::encoder::{EncoderConfig, Head, HeadConfig};
use crate::error::ModelError;
use crate::fused_heads::FusedHeads;
use crate::task::Task;

impl EncoderConfig for DebertaConfig {
    fn model_type(&self) -> &str {
        self.model_type()
    }

    fn class_prefix(&self) -> &'static str {
        if self.second { "DebertaV2" } else { "Deberta" }
    }

    fn body_name(&self) -> &'static str {
        "deberta"
    }

    fn body_prefix(&self) -> &'static str {
        "deberta."
    }

    fn vocab_size(&self) -> usize {
        self.vocab_size
    }

    fn pad_token_id(&self) -> i64 {
        self.pad_token_id
    }

    fn token_types(&self) -> usize {
        self.type_vocab_size
    }

    fn word_embeddings(&self) -> &'static str {
        "deberta.embeddings.word_embeddings"
    }

    fn fused_heads(&self) -> Option<(&'static str, FusedHeads)> {
        (!self.second).then(|| ("in_proj", self.heads()))
    }

    fn float32_states(&self) -> bool {
        self.float32_states
    }

    fn head(&self) -> &HeadConfig {
        &self.head
    }

    fn init_head(&self, device: &Device) -> Head {
        head::init(self, device)
    }
}

impl ArchitectureConfig for DebertaConfig {
    const MODEL_TYPES: &'static [&'static str] = &["deberta", "deberta-v2"];

    fn read(text: &str) -> Result<Self, ModelError> {
        Self::from_json(text)
    }

    fn model_type(&self) -> &str {
        self.model_type()
    }

    fn vocab_size(&self) -> usize {
        self.vocab_size
    }

    fn set_float32_states(&mut self, float32: bool) {
        self.float32_states = float32;
    }

    fn base_model_prefix(&self) -> Option<&'static str> {
        Some(self.body_prefix())
    }

    fn optional_modules(&self) -> &'static [&'static str] {
        match self.head.task {
            Task::FeatureExtraction | Task::MaskedLm => &[],
            Task::QuestionAnswering => &["qa_outputs"],
            Task::TokenClassification => &["classifier"],
            _ => &["classifier", "pooler.dense"],
        }
    }

    fn aliases(&self) -> Vec<(&'static str, &'static str)> {
        match self.head.task == Task::MaskedLm && self.legacy && self.tie_word_embeddings {
            true => vec![("cls.predictions.bias", "cls.predictions.decoder.bias")],
            false => vec![],
        }
    }

    fn classifier(&self) -> Option<&'static str> {
        match self.head.task {
            Task::FeatureExtraction | Task::MaskedLm | Task::MultipleChoice => None,
            Task::QuestionAnswering => Some("qa_outputs"),
            _ => Some("classifier"),
        }
    }

    fn head(&self) -> Option<&HeadConfig> {
        Some(&self.head)
    }

    fn head_mut(&mut self) -> Option<&mut HeadConfig> {
        Some(&mut self.head)
    }

    fn set_task(&mut self, task: Task) -> bool {
        let has = self.has_task(task);
        if has {
            self.head.set_task(task);
        }
        has
    }
}
