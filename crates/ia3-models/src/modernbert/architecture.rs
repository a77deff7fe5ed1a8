use burn::tensor::Device;

use super::config::{ClassifierPooling, ModernBertConfig};
use crate::architecture::ArchitectureConfig;
use crate::encoder::{EncoderConfig, Head, HeadConfig, Step, TokenDecoder};
use crate::error::ModelError;
use crate::fused_heads::FusedHeads;
use crate::layers::{dropout, linear};
use crate::pooling::Pooling;
use crate::task::Task;

impl EncoderConfig for ModernBertConfig {
    fn model_type(&self) -> &str {
        "modernbert"
    }

    fn class_prefix(&self) -> &'static str {
        "ModernBert"
    }

    fn body_name(&self) -> &'static str {
        "model"
    }

    fn body_prefix(&self) -> &'static str {
        "model."
    }

    fn vocab_size(&self) -> usize {
        self.vocab_size
    }

    fn pad_token_id(&self) -> i64 {
        self.pad_token_id()
    }

    fn token_types(&self) -> usize {
        0
    }

    fn word_embeddings(&self) -> &'static str {
        "model.embeddings.tok_embeddings"
    }

    fn fused_heads(&self) -> Option<(&'static str, FusedHeads)> {
        Some(("Wqkv", self.heads()))
    }

    fn float32_states(&self) -> bool {
        self.float32_states
    }

    fn head(&self) -> &HeadConfig {
        &self.head
    }

    fn init_head(&self, device: &Device) -> Head {
        let first = match (self.head.task, self.classifier_pooling) {
            (Task::SequenceClassification, ClassifierPooling::Cls) => Some(Step::First),
            (Task::MultipleChoice, ClassifierPooling::Cls) => Some(Step::Pool(Pooling::Cls)),
            (Task::SequenceClassification | Task::MultipleChoice, _) => Some(Step::Pool(Pooling::Mean)),
            _ => None,
        };
        let labels = if self.head.task == Task::MultipleChoice { 1 } else { self.head.count() };
        let d = self.hidden_size;
        let last = match self.head.task {
            Task::FeatureExtraction => return Head { steps: vec![] },
            Task::MaskedLm => vec![self.decoder(device)],
            _ => vec![
                Step::Dropout("drop", dropout(self.classifier_dropout)),
                Step::Linear("classifier", linear(d, labels, true, (d as f64).powf(-0.5), device)),
            ],
        };
        let dense = linear(d, d, self.classifier_bias, self.initializer_range, device);
        let head = [
            Step::Linear("head.dense", dense),
            Step::Activation(self.classifier_activation),
            Step::Norm("head.norm", self.norm(device)),
        ];
        Head { steps: first.into_iter().chain(head).chain(last).collect() }
    }
}

impl ModernBertConfig {
    /// The last layer of a masked language model.
    fn decoder(&self, device: &Device) -> Step {
        if !self.tie_word_embeddings {
            let (d, std) = (self.hidden_size, self.initializer_range);
            return Step::Linear("decoder", linear(d, self.vocab_size, self.decoder_bias, std, device));
        }
        let tied = TokenDecoder::new(self.word_embeddings(), self.vocab_size, device);
        let tied = if self.decoder_bias { tied } else { tied.without_bias() };
        Step::Decoder(["decoder", "decoder.bias"], Box::new(tied))
    }
}

impl ArchitectureConfig for ModernBertConfig {
    const MODEL_TYPES: &'static [&'static str] = &["modernbert"];

    fn read(text: &str) -> Result<Self, ModelError> {
        Self::from_json(text)
    }

    fn model_type(&self) -> &str {
        "modernbert"
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
            _ => &["classifier"],
        }
    }

    fn classifier(&self) -> Option<&'static str> {
        match self.head.task {
            Task::FeatureExtraction | Task::MaskedLm | Task::MultipleChoice => None,
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
