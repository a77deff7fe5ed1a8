use super::parameters::{RopeParameters, number};
use crate::config_field::expect;
use crate::error::ModelError;

/// Llama 3.1's stretching of long wavelengths (`_compute_llama3_parameters`).
pub(super) struct Llama3 {
    factor: f32,
    low: f32,
    high: f32,
    length: f32,
}

impl Llama3 {
    pub(super) fn new(p: &RopeParameters) -> Result<Self, ModelError> {
        let length = number("original_max_position_embeddings", p.original_max_position_embeddings)?;
        let (low, high) =
            (number("low_freq_factor", p.low_freq_factor)?, number("high_freq_factor", p.high_freq_factor)?);
        expect(low < high, "low_freq_factor", low, "less than `high_freq_factor`")?;
        let factor = number("factor", p.factor)? as f32;
        Ok(Self { factor, low: low as f32, high: high as f32, length: length as f32 })
    }

    pub(super) fn apply(&self, frequency: f32) -> f32 {
        let turns = self.length * frequency / std::f32::consts::TAU;
        let smooth = ((turns - self.low) / (self.high - self.low)).clamp(0.0, 1.0);
        (1.0 - smooth) * frequency / self.factor + smooth * frequency
    }
}
