use super::config::T5Config;
use crate::architecture::{ArchitectureConfig, HEAD};
use crate::encoder::HeadConfig;
use crate::error::ModelError;
use crate::task::Task;

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

    fn vocab_size(&self) -> usize {
        self.vocab_size
    }

    fn set_float32_states(&mut self, float32: bool) {
        self.float32_states = float32;
    }

    fn base_model_prefix(&self) -> Option<&'static str> {
        self.head.is_some().then_some("transformer.")
    }

    fn optional_modules(&self) -> &'static [&'static str] {
        match self.task() {
            Task::SequenceClassification => &["classification_head"],
            _ => &[],
        }
    }

    fn set_tied_head(&mut self, tied: bool) {
        self.tie_lm_head = tied;
    }

    fn tied_embedding(&self) -> Option<&'static str> {
        self.head.is_none().then_some(SHARED_TABLE)
    }

    fn aliases(&self) -> Vec<(&'static str, &'static str)> {
        let [shared, encoder, decoder] = self.tables();
        let encoder = (!self.own_encoder_embedding).then_some(encoder);
        let decoder = (!self.own_decoder_embedding).then_some(decoder);
        let head = self.tie_lm_head.then_some(HEAD);
        let aliases = [encoder, decoder, head].into_iter().flatten();
        let plain = |name: &'static str| name.strip_prefix("transformer.").unwrap_or(name);
        let names =
            aliases.flat_map(|name| if plain(name) == name { vec![name] } else { vec![name, plain(name)] });
        names.map(|other| (shared, other)).collect()
    }

    fn stack_embeddings(&self) -> Vec<(&'static str, &'static str)> {
        let [shared, encoder, decoder] = self.tables();
        match self.task() {
            Task::FeatureExtraction => vec![(encoder, shared)],
            _ => vec![(encoder, shared), (decoder, shared)],
        }
    }

    fn set_own_stack_embedding(&mut self, key: &str) {
        let [_, encoder, decoder] = self.tables();
        self.own_encoder_embedding |= key == encoder;
        self.own_decoder_embedding |= key == decoder;
    }

    fn classifier(&self) -> Option<&'static str> {
        (self.task() == Task::SequenceClassification).then_some("classification_head.out_proj")
    }

    fn head(&self) -> Option<&HeadConfig> {
        self.head.as_ref()
    }

    fn head_mut(&mut self) -> Option<&mut HeadConfig> {
        self.head.as_mut()
    }

    fn set_task(&mut self, task: Task) -> bool {
        match task {
            Task::Seq2SeqLm => self.head = None,
            Task::SequenceClassification | Task::FeatureExtraction => {
                self.head.get_or_insert_default().task = task;
            }
            _ => return false,
        }
        true
    }
}

impl T5Config {
    /// The keys of the shared embedding, that of the encoder and that of the decoder.
    fn tables(&self) -> [&'static str; 3] {
        match self.task() {
            Task::SequenceClassification => [
                "transformer.shared.weight",
                "transformer.encoder.embed_tokens.weight",
                "transformer.decoder.embed_tokens.weight",
            ],
            _ => [SHARED_TABLE, ENCODER_TABLE, DECODER_TABLE],
        }
    }
}
