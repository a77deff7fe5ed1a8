use burn::tensor::Device;

use super::config::DistilBertConfig;
use crate::activation::Activation;
use crate::architecture::ArchitectureConfig;
use crate::encoder::{EncoderConfig, Head, HeadConfig, Step, TokenDecoder};
use crate::error::ModelError;
use crate::layers::{dropout, linear};
use crate::norm::LayerNorm;
use crate::task::Task;

impl EncoderConfig for DistilBertConfig {
    fn model_type(&self) -> &str {
        "distilbert"
    }

    fn class_prefix(&self) -> &'static str {
        "DistilBert"
    }

    fn body_name(&self) -> &'static str {
        "distilbert"
    }

    fn body_prefix(&self) -> &'static str {
        "distilbert."
    }

    fn vocab_size(&self) -> usize {
        self.vocab_size
    }

    fn pad_token_id(&self) -> i64 {
        self.pad_token_id.unwrap_or(0)
    }

    fn token_types(&self) -> usize {
        0
    }

    fn word_embeddings(&self) -> &'static str {
        "distilbert.embeddings.word_embeddings"
    }

    fn float32_states(&self) -> bool {
        self.float32_states
    }

    fn head(&self) -> &HeadConfig {
        &self.head
    }

    fn init_head(&self, device: &Device) -> Head {
        let layer =
            |name, d_out| Step::Linear(name, linear(self.dim, d_out, true, self.initializer_range, device));
        let dropped = |share| Step::Dropout("dropout", dropout(share));
        let labels = self.head.count();
        let steps = match self.head.task {
            Task::FeatureExtraction => vec![],
            Task::QuestionAnswering => vec![dropped(self.qa_dropout), layer("qa_outputs", labels)],
            Task::TokenClassification => vec![dropped(self.dropout), layer("classifier", labels)],
            Task::MaskedLm => {
                let decoder = match self.tie_word_embeddings {
                    true => {
                        let decoder = TokenDecoder::new(self.word_embeddings(), self.vocab_size, device);
                        Step::Decoder(["vocab_projector", "vocab_projector.bias"], Box::new(decoder))
                    }
                    false => layer("vocab_projector", self.vocab_size),
                };
                let norm = LayerNorm::new(self.dim, Self::EPSILON, device);
                vec![
                    layer("vocab_transform", self.dim),
                    Step::Activation(self.activation),
                    Step::Norm("vocab_layer_norm", norm),
                    decoder,
                ]
            }
            task => vec![
                Step::First,
                layer("pre_classifier", self.dim),
                Step::Activation(Activation::Relu),
                dropped(self.seq_classif_dropout),
                layer("classifier", if task == Task::MultipleChoice { 1 } else { labels }),
            ],
        };
        Head { steps }
    }
}

impl ArchitectureConfig for DistilBertConfig {
    const MODEL_TYPES: &'static [&'static str] = &["distilbert"];

    fn read(text: &str) -> Result<Self, ModelError> {
        Self::from_json(text)
    }

    fn model_type(&self) -> &str {
        "distilbert"
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
            _ => &["pre_classifier", "classifier"],
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
}
