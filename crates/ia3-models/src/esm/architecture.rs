use burn::tensor::Device;

use super::config::EsmConfig;
use crate::activation::Activation;
use crate::architecture::ArchitectureConfig;
use crate::encoder::{EncoderConfig, Head, HeadConfig, HeadLayers, Step, TokenDecoder};
use crate::error::ModelError;
use crate::layers::linear;
use crate::norm::LayerNorm;
use crate::task::Task;

/// Where checkpoints hold the angles of rotary positions: the model's name, the name that transformers 5.24 writes, with the
/// asterisk, and that of transformers 4, which wrote the same angles in every block.
const ANGLES: [&str; 3] = [
    "esm.rotary_embeddings.inv_freq",
    "esm.encoder.layer.*.attention.self.rotary_embeddings.inv_freq",
    "esm.encoder.layer.0.attention.self.rotary_embeddings.inv_freq",
];

impl EncoderConfig for EsmConfig {
    fn model_type(&self) -> &str {
        "esm"
    }

    fn class_prefix(&self) -> &'static str {
        "Esm"
    }

    fn body_name(&self) -> &'static str {
        "esm"
    }

    fn body_prefix(&self) -> &'static str {
        "esm."
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
        "esm.embeddings.word_embeddings"
    }

    fn float32_states(&self) -> bool {
        self.float32_states
    }

    fn head(&self) -> &HeadConfig {
        &self.head
    }

    fn init_head(&self, device: &Device) -> Head {
        let (d, std, dropout) = (self.hidden_size, self.initializer_range, self.hidden_dropout_prob);
        let layers = HeadLayers { d, std, dropout, device };
        let labels = self.head.count();
        let steps = match self.head.task {
            Task::FeatureExtraction => vec![Step::PoolerBeside],
            Task::TokenClassification => vec![layers.dropped("dropout"), layers.linear("classifier", labels)],
            Task::MaskedLm => self.masked_lm(&layers),
            _ => layers.dense_and_out(Activation::Tanh, labels),
        };
        Head { steps }
    }
}

impl EsmConfig {
    /// What predicts the tokens that a mask hides.
    fn masked_lm(&self, layers: &HeadLayers) -> Vec<Step> {
        let tied = TokenDecoder::new(self.word_embeddings(), self.vocab_size, layers.device);
        let own = || linear(layers.d, self.vocab_size, false, layers.std, layers.device);
        let decoder = if self.tie_word_embeddings { tied } else { tied.with_own(own()) };
        let norm = LayerNorm::new(layers.d, self.layer_norm_eps, layers.device);
        vec![
            layers.linear("lm_head.dense", layers.d),
            Step::Activation(Activation::Gelu),
            Step::Norm("lm_head.layer_norm", norm),
            Step::Decoder(["lm_head.decoder", "lm_head.bias"], Box::new(decoder)),
        ]
    }

    /// A name of the body without its prefix where the model has no head.
    fn in_model(&self, name: &'static str) -> &'static str {
        let bare = self.head.task == Task::FeatureExtraction;
        name.strip_prefix(self.body_prefix()).filter(|_| bare).unwrap_or(name)
    }
}

impl ArchitectureConfig for EsmConfig {
    const MODEL_TYPES: &'static [&'static str] = &["esm"];

    fn read(text: &str) -> Result<Self, ModelError> {
        Self::from_json(text)
    }

    fn model_type(&self) -> &str {
        "esm"
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
            Task::FeatureExtraction => &["pooler.dense", "contact_head.regression"],
            Task::MaskedLm => &["esm.contact_head.regression"],
            _ => &["classifier", "esm.contact_head.regression"],
        }
    }

    fn aliases(&self) -> Vec<(&'static str, &'static str)> {
        ANGLES[1..].iter().map(|other| (self.in_model(ANGLES[0]), *other)).collect()
    }

    fn optional_tensors(&self) -> Vec<&'static str> {
        if self.is_rotary() { ANGLES.into() } else { vec![] }
    }

    fn set_optional_tensor(&mut self, key: &str) {
        self.own_angles |= ANGLES.contains(&key);
    }

    fn classifier(&self) -> Option<&'static str> {
        match self.head.task {
            Task::SequenceClassification => Some("classifier.out_proj"),
            Task::TokenClassification => Some("classifier"),
            _ => None,
        }
    }

    fn head(&self) -> Option<&HeadConfig> {
        Some(&self.head)
    }

    fn head_mut(&mut self) -> Option<&mut HeadConfig> {
        Some(&mut self.head)
    }

    fn set_task(&mut self, task: Task) -> bool {
        let has = Self::TASKS.contains(&task);
        if has {
            self.head.set_task(task);
        }
        has
    }
}
