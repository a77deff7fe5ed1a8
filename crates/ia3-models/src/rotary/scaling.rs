//! The kinds of rotary embeddings (`ROPE_INIT_FUNCTIONS` of transformers).

use super::frequencies::{Longer, RotaryFrequencies};
use super::llama3::Llama3;
use super::parameters::{RopeParameters, number};
use super::yarn::yarn;
use crate::config_field::{expect, expect_positive};
use crate::error::ModelError;

impl RopeParameters {
    /// The angles per position of the pairs of a head of width `head_dim`, in a model trained on
    /// `max_position_embeddings` positions. The whole head is rotated.
    pub(crate) fn frequencies(
        &self,
        head_dim: usize,
        max_position_embeddings: usize,
    ) -> Result<RotaryFrequencies, ModelError> {
        expect(head_dim.is_multiple_of(2), "head_dim", head_dim, "an even width, for rotary embeddings")?;
        let share = self.partial_rotary_factor.unwrap_or(1.0);
        let whole = self.kind() == "default" || share == 1.0;
        expect(whole, "partial_rotary_factor", share, "1, the whole head, with a scaling")?;
        self.frequencies_of_width(head_dim, max_position_embeddings)
    }

    /// The angles per position as [`frequencies`](Self::frequencies) gives them, where `partial_rotary_factor` is the share
    /// of the head that is rotated. `field` is the field from which the share comes. An odd number of rotated features is
    /// rounded up, as in transformers.
    pub(crate) fn partial_frequencies(
        &self,
        head_dim: usize,
        max_position_embeddings: usize,
        field: &'static str,
    ) -> Result<RotaryFrequencies, ModelError> {
        let share = self.partial_rotary_factor.unwrap_or(1.0);
        let width = (head_dim as f64 * share) as usize;
        let fits = (0.0..=1.0).contains(&share) && width.next_multiple_of(2) <= head_dim;
        expect(fits, field, share, "a share from 0 to 1 whose pairs of features fit into a head")?;
        self.frequencies_of_width(width, max_position_embeddings)
    }

    fn frequencies_of_width(
        &self,
        width: usize,
        max_position_embeddings: usize,
    ) -> Result<RotaryFrequencies, ModelError> {
        self.check()?;
        let base = || RotaryFrequencies::of_base(self.theta(), width);
        let frequencies = match self.kind() {
            "default" => RotaryFrequencies::fixed(base()),
            "linear" => {
                let factor = number("factor", self.factor)? as f32;
                RotaryFrequencies::fixed(base().into_iter().map(|f| f / factor).collect())
            }
            "llama3" => {
                let stretch = Llama3::new(self)?;
                RotaryFrequencies::fixed(base().into_iter().map(|f| stretch.apply(f)).collect())
            }
            "dynamic" => self.dynamic(width, max_position_embeddings)?,
            "yarn" => yarn(self, width, max_position_embeddings)?,
            "longrope" => self.long(width, max_position_embeddings)?,
            other => {
                let (field, found) = ("rope_type", format!("`{other}`"));
                let expected = "default, linear, dynamic, yarn, longrope or llama3";
                return Err(ModelError::Field { field, found, expected });
            }
        };
        let expected = "a base whose powers are finite in float32";
        expect(frequencies.all_finite(), "rope_theta", self.theta(), expected)?;
        Ok(frequencies)
    }

    fn check(&self) -> Result<(), ModelError> {
        expect_positive("rope_theta", self.theta())?;
        let nested = self.other.keys().find(|key| key.ends_with("_attention"));
        let found = nested.map_or("", String::as_str);
        expect(nested.is_none(), "rope_parameters", found, "the same parameters for all layers")
    }

    fn dynamic(&self, width: usize, trained: usize) -> Result<RotaryFrequencies, ModelError> {
        expect(width > 2, "head_dim", width, "more than 2 rotated features with dynamic rotary embeddings")?;
        expect(trained > 0, "max_position_embeddings", trained, "a positive number")?;
        let (theta, factor) = (self.theta(), number("factor", self.factor)?);
        let longer = Some(Longer::Dynamic { theta, factor, trained, width });
        let short = RotaryFrequencies::of_base(theta, width);
        Ok(RotaryFrequencies { longer, ..RotaryFrequencies::fixed(short) })
    }

    /// LongRoPE (`_compute_longrope_parameters`).
    fn long(&self, width: usize, longest: usize) -> Result<RotaryFrequencies, ModelError> {
        let beyond = number("original_max_position_embeddings", self.original_max_position_embeddings)?;
        let factor = self.factor.unwrap_or(longest as f64 / beyond);
        let base = RotaryFrequencies::of_base(self.theta(), width);
        let by = |field, factors: &Option<Vec<f64>>| {
            let factors = factors.as_deref().unwrap_or_default();
            let fit = factors.len() == base.len() && factors.iter().all(|f| *f > 0.0 && f.is_finite());
            expect(fit, field, format!("{factors:?}"), "a positive number for each pair of a head")?;
            Ok::<_, ModelError>(base.iter().zip(factors).map(|(f, factor)| f / *factor as f32).collect())
        };
        let short = by("short_factor", &self.short_factor)?;
        let frequencies = by("long_factor", &self.long_factor)?;
        let inferred = if factor <= 1.0 { 1.0 } else { (1.0 + factor.ln() / beyond.ln()).sqrt() };
        let scale = self.attention_factor.unwrap_or(inferred) as f32;
        Ok(RotaryFrequencies { short, scale, longer: Some(Longer::Fixed { beyond, frequencies }) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rotary::Beside;

    fn read(json: &str) -> RopeParameters {
        serde_json::from_str(json).unwrap()
    }

    fn assert_close(got: &[f32], expected: &[f32]) {
        assert_eq!(got.len(), expected.len());
        for (got, expected) in got.iter().zip(expected) {
            assert!((got / expected - 1.0).abs() < 1e-5, "{got} {expected}");
        }
    }

    /// Values of `_compute_llama3_parameters` of transformers 5.23.
    #[test]
    fn llama3_stretches_long_wavelengths_only() {
        let json = r#"{"rope_type": "llama3", "rope_theta": 500000.0, "factor": 8.0, "low_freq_factor": 1.0,
                       "high_freq_factor": 4.0, "original_max_position_embeddings": 8192}"#;
        let got = read(json).frequencies(16, 131_072).unwrap();
        let expected = [
            1.0,
            0.193_922_76,
            0.037_606_03,
            0.007_292_665,
            5.248_46e-4,
            3.428_102_4e-5,
            6.647_87e-6,
            1.289_173_2e-6,
        ];
        assert_close(&got.of_length(4), &expected);
    }

    #[test]
    fn the_original_length_beside_the_parameters_wins() {
        let json = r#"{"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 32}"#;
        let beside = |length| Beside { original_max_position_embeddings: length, ..Beside::default() };
        let resolved = |length| RopeParameters::resolve(None, Some(read(json)), beside(length));
        assert_eq!(resolved(None).original_max_position_embeddings, Some(32.0));
        assert_eq!(resolved(Some(5.0)).original_max_position_embeddings, Some(5.0));
    }

    /// Values of `_compute_dynamic_ntk_parameters` and `_compute_longrope_parameters` of transformers 5.23.
    #[test]
    fn longer_sequences_have_other_angles() {
        let dynamic = read(r#"{"type": "dynamic", "factor": 2.0}"#).frequencies(4, 8).unwrap();
        assert_close(&dynamic.of_length(8), &[1.0, 0.01]);
        assert_close(&dynamic.of_length(16), &[1.0, 1.0 / 300.0]);
        let json = r#"{"type": "longrope", "short_factor": [1, 2], "long_factor": [4, 8],
                       "original_max_position_embeddings": 8}"#;
        let long = read(json).frequencies(4, 32).unwrap();
        assert_close(&long.of_length(8), &[1.0, 0.005]);
        assert_close(&long.of_length(9), &[0.25, 0.00125]);
        assert_close(&[long.scale()], &[(1.0 + 4f32.ln() / 8f32.ln()).sqrt()]);
    }

    #[test]
    fn an_unknown_type_is_an_error() {
        let error = read(r#"{"type": "spiral"}"#).frequencies(4, 16).unwrap_err().to_string();
        let expected = "`rope_type` is `spiral` in config.json, expected default, linear, dynamic, yarn, longrope or llama3";
        assert_eq!(error, expected);
    }

    #[test]
    fn parameters_of_single_layers_are_refused() {
        let json = r#"{"full_attention": {"rope_type": "default"}}"#;
        let error = read(json).frequencies(4, 16).unwrap_err().to_string();
        let expected =
            "`rope_parameters` is full_attention in config.json, expected the same parameters for all layers";
        assert_eq!(error, expected);
    }

    #[test]
    fn a_factor_that_is_absent_is_named() {
        let error = read(r#"{"type": "linear"}"#).frequencies(4, 16).unwrap_err().to_string();
        assert_eq!(error, "`factor` is absent in config.json, expected a positive number");
    }
}
