use super::config::WhisperConfig;
use crate::architecture::ArchitectureConfig;
use crate::error::ModelError;
use crate::input_features::SoundShape;

const TABLE: &str = "model.decoder.embed_tokens.weight";

impl ArchitectureConfig for WhisperConfig {
    const MODEL_TYPES: &'static [&'static str] = &["whisper"];
    const HEAD: &'static str = "proj_out.weight";

    fn read(text: &str) -> Result<Self, ModelError> {
        Self::from_json(text)
    }

    fn model_type(&self) -> &str {
        "whisper"
    }

    fn vocab_size(&self) -> usize {
        self.vocab_size
    }

    fn sound(&self) -> Option<SoundShape> {
        Some(self.sound())
    }

    fn base_model_prefix(&self) -> Option<&'static str> {
        Some("model.")
    }

    fn set_float32_states(&mut self, float32: bool) {
        self.float32_states = float32;
    }

    fn set_tied_head(&mut self, tied: bool) {
        self.tied_head = tied;
    }

    fn tied_embedding(&self) -> Option<&'static str> {
        self.tie_word_embeddings.then_some(TABLE)
    }

    fn aliases(&self) -> Vec<(&'static str, &'static str)> {
        self.tied_head.then_some((TABLE, Self::HEAD)).into_iter().collect()
    }
}
