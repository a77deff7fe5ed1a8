use super::config::T5Config;
use crate::architecture::{ArchitectureConfig, HEAD};
use crate::error::ModelError;

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
