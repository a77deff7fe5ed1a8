use burn::tensor::Device;

use super::config::BertConfig;
use super::head;
use crate::architecture::ArchitectureConfig;
use crate::encoder::{EncoderConfig, Head, HeadConfig};
use crate::error::ModelError;
use crate::task::Task;

impl EncoderConfig for BertConfig {
    fn model_type(&self) -> &str {
        &self.model_type
    }

    fn class_prefix(&self) -> &'static str {
        match self.model_type.as_str() {
            "roberta" => "Roberta",
            "xlm-roberta" => "XLMRoberta",
            "electra" => "Electra",
            _ => "Bert",
        }
    }

    fn body_name(&self) -> &'static str {
        match self.model_type.as_str() {
            "roberta" | "xlm-roberta" => "roberta",
            "electra" => "electra",
            _ => "bert",
        }
    }

    fn body_prefix(&self) -> &'static str {
        match self.body_name() {
            "roberta" => "roberta.",
            "electra" => "electra.",
            _ => "bert.",
        }
    }

    fn vocab_size(&self) -> usize {
        self.vocab_size
    }

    fn pad_token_id(&self) -> i64 {
        self.pad_token_id()
    }

    fn token_types(&self) -> usize {
        self.type_vocab_size
    }

    fn word_embeddings(&self) -> &'static str {
        match self.body_name() {
            "roberta" => "roberta.embeddings.word_embeddings",
            "electra" => "electra.embeddings.word_embeddings",
            _ => "bert.embeddings.word_embeddings",
        }
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

impl ArchitectureConfig for BertConfig {
    const MODEL_TYPES: &'static [&'static str] = &["bert", "roberta", "xlm-roberta", "electra"];

    fn read(text: &str) -> Result<Self, ModelError> {
        Self::from_json(text)
    }

    fn model_type(&self) -> &str {
        &self.model_type
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
        match (self.head.task, self.body_name()) {
            (Task::FeatureExtraction, "electra") => &[],
            (Task::FeatureExtraction, _) => &["pooler.dense"],
            (Task::QuestionAnswering, _) => &["qa_outputs"],
            (Task::MaskedLm, _) => &[],
            (Task::MultipleChoice, "bert") => &["classifier", "bert.pooler.dense"],
            (Task::MultipleChoice, "roberta") => &["classifier", "roberta.pooler.dense"],
            (Task::MultipleChoice, _) => &["classifier", "sequence_summary.summary"],
            (Task::SequenceClassification, "bert") => &["classifier", "bert.pooler.dense"],
            _ => &["classifier"],
        }
    }

    fn aliases(&self) -> Vec<(&'static str, &'static str)> {
        match (self.head.task, self.body_name(), self.tie_word_embeddings) {
            (Task::MaskedLm, "bert", true) => vec![("cls.predictions.bias", "cls.predictions.decoder.bias")],
            (Task::MaskedLm, "roberta", true) => vec![("lm_head.bias", "lm_head.decoder.bias")],
            _ => vec![],
        }
    }

    fn classifier(&self) -> Option<&'static str> {
        match (self.head.task, self.body_name()) {
            (Task::FeatureExtraction | Task::MaskedLm | Task::MultipleChoice, _) => None,
            (Task::QuestionAnswering, _) => Some("qa_outputs"),
            (Task::SequenceClassification, "roberta" | "electra") => Some("classifier.out_proj"),
            _ => Some("classifier"),
        }
    }

    fn head(&self) -> Option<&HeadConfig> {
        Some(&self.head)
    }

    fn head_mut(&mut self) -> Option<&mut HeadConfig> {
        Some(&mut self.head)
    }
}
