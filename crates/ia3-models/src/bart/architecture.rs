use super::config::{BartConfig, BartPositions};
use crate::architecture::{ArchitectureConfig, HEAD};
use crate::error::ModelError;

const SHARED_TABLE: &str = "model.shared.weight";
const ENCODER_TABLE: &str = "model.encoder.embed_tokens.weight";
const DECODER_TABLE: &str = "model.decoder.embed_tokens.weight";
const ENCODER_POSITIONS: &str = "model.encoder.embed_positions.weight";
const DECODER_POSITIONS: &str = "model.decoder.embed_positions.weight";
const LOGITS_BIAS: &str = "final_logits_bias";

impl ArchitectureConfig for BartConfig {
    const MODEL_TYPES: &'static [&'static str] = &["bart", "mbart", "marian", "m2m_100"];

    fn read(text: &str) -> Result<Self, ModelError> {
        Self::from_json(text)
    }

    fn model_type(&self) -> &str {
        &self.model_type
    }

    fn vocab_size(&self) -> usize {
        self.vocab_size
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
        let table = if self.share_embeddings { SHARED_TABLE } else { DECODER_TABLE };
        self.tie_word_embeddings.then_some(table)
    }

    fn aliases(&self) -> Vec<(&'static str, &'static str)> {
        let encoder = (!self.own_encoder_embedding).then_some((SHARED_TABLE, ENCODER_TABLE));
        let decoder = (!self.own_decoder_embedding).then_some((SHARED_TABLE, DECODER_TABLE));
        let table = if self.share_embeddings { SHARED_TABLE } else { DECODER_TABLE };
        let head = self.tied_head.then_some((table, HEAD));
        [encoder, decoder, head].into_iter().flatten().collect()
    }

    fn stack_embeddings(&self) -> Vec<(&'static str, &'static str)> {
        match self.share_embeddings && self.tie_word_embeddings {
            // In the order in which transformers ties them.
            true => vec![(DECODER_TABLE, SHARED_TABLE), (ENCODER_TABLE, SHARED_TABLE)],
            false => vec![],
        }
    }

    fn set_own_stack_embedding(&mut self, key: &str) {
        self.own_encoder_embedding |= key == ENCODER_TABLE;
        self.own_decoder_embedding |= key == DECODER_TABLE;
    }

    fn optional_tensors(&self) -> Vec<&'static str> {
        let positions: &[&str] = match self.positions {
            BartPositions::Sinusoidal => &[ENCODER_POSITIONS, DECODER_POSITIONS],
            _ => &[],
        };
        let bias = (self.model_type != "m2m_100").then_some(LOGITS_BIAS);
        positions.iter().copied().chain(bias).collect()
    }

    fn set_optional_tensor(&mut self, key: &str) {
        self.encoder_position_table |= key == ENCODER_POSITIONS;
        self.decoder_position_table |= key == DECODER_POSITIONS;
        self.logits_bias |= key == LOGITS_BIAS;
    }
}
