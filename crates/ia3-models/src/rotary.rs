//! Rotary position embeddings (arXiv 2104.09864), in Hugging Face's half-split layout.

use burn::tensor::{Int, Tensor};
use serde::Deserialize;

use crate::config_field::{expect, expect_positive};
use crate::error::ModelError;

/// How `config.json` describes rotary embeddings: `rope_parameters` since transformers 5, before it `rope_scaling`
/// beside `rope_theta`.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct RopeParameters {
    /// `default`, `linear` or `llama3`.
    pub rope_type: Option<String>,
    /// The older name of `rope_type`, which counts where `rope_type` is absent.
    pub r#type: Option<String>,
    /// Base of the wavelengths.
    pub rope_theta: Option<f64>,
    /// How much longer positions reach (`linear`, `llama3`).
    pub factor: Option<f64>,
    /// Share of the original length from which wavelengths are stretched fully (`llama3`).
    pub low_freq_factor: Option<f64>,
    /// Share of the original length up to which wavelengths are left alone (`llama3`).
    pub high_freq_factor: Option<f64>,
    /// Positions the model was first trained on (`llama3`).
    pub original_max_position_embeddings: Option<f64>,
    /// Share of a head that is rotated; only 1 is supported.
    pub partial_rotary_factor: Option<f64>,
}

impl RopeParameters {
    /// What the fields of a configuration say together, by the precedence of transformers 5
    /// (`RotaryEmbeddingConfigMixin.convert_rope_params_to_dict`): `rope_scaling` unless it is empty, else
    /// `rope_parameters`; inside them first, then beside them.
    pub(crate) fn resolve(
        rope_scaling: Option<Self>,
        rope_parameters: Option<Self>,
        rope_theta: Option<f64>,
        max_position_embeddings: usize,
    ) -> Self {
        let scaling = rope_scaling.filter(|scaling| *scaling != Self::default());
        let described = scaling.or(rope_parameters).unwrap_or_default();
        let trained = described.original_max_position_embeddings;
        Self {
            rope_theta: described.rope_theta.or(rope_theta),
            original_max_position_embeddings: trained.or(Some(max_position_embeddings as f64)),
            ..described
        }
    }

    /// The angle per position of each pair of a head of width `head_dim`, in float32 as PyTorch computes it.
    pub(crate) fn frequencies(&self, head_dim: usize) -> Result<Vec<f32>, ModelError> {
        let theta = self.rope_theta.unwrap_or(10_000.0);
        expect_positive("rope_theta", theta)?;
        expect(head_dim.is_multiple_of(2), "head_dim", head_dim, "an even width, for rotary embeddings")?;
        let share = self.partial_rotary_factor.unwrap_or(1.0);
        expect(share == 1.0, "partial_rotary_factor", share, "1, the whole head")?;
        let pair = |i: usize| 1.0 / theta.powf(((2 * i) as f32 / head_dim as f32).into()) as f32;
        let frequencies = (0..head_dim / 2).map(pair);
        let frequencies: Vec<f32> =
            match self.rope_type.as_deref().or(self.r#type.as_deref()).unwrap_or("default") {
                "default" => frequencies.collect(),
                "linear" => {
                    let factor = number("factor", self.factor)? as f32;
                    frequencies.map(|f| f / factor).collect()
                }
                "llama3" => {
                    let stretch = Llama3::new(self)?;
                    frequencies.map(|f| stretch.apply(f)).collect()
                }
                other => {
                    let (field, found) = ("rope_type", format!("`{other}`"));
                    return Err(ModelError::Field { field, found, expected: "default, linear or llama3" });
                }
            };
        let finite = frequencies.iter().all(|frequency| frequency.is_finite());
        expect(finite, "rope_theta", theta, "a base whose powers are finite in float32")?;
        Ok(frequencies)
    }
}

fn number(field: &'static str, value: Option<f64>) -> Result<f64, ModelError> {
    let value = value.unwrap_or(f64::NAN);
    expect_positive(field, value)?;
    Ok(value)
}

/// Llama 3.1's stretching of long wavelengths (`_compute_llama3_parameters`).
struct Llama3 {
    factor: f32,
    low: f32,
    high: f32,
    length: f32,
}

impl Llama3 {
    fn new(p: &RopeParameters) -> Result<Self, ModelError> {
        let length = number("original_max_position_embeddings", p.original_max_position_embeddings)?;
        let (low, high) =
            (number("low_freq_factor", p.low_freq_factor)?, number("high_freq_factor", p.high_freq_factor)?);
        expect(low < high, "low_freq_factor", low, "less than `high_freq_factor`")?;
        let factor = number("factor", p.factor)? as f32;
        Ok(Self { factor, low: low as f32, high: high as f32, length: length as f32 })
    }

    fn apply(&self, frequency: f32) -> f32 {
        let turns = self.length * frequency / std::f32::consts::TAU;
        let smooth = ((turns - self.low) / (self.high - self.low)).clamp(0.0, 1.0);
        (1.0 - smooth) * frequency / self.factor + smooth * frequency
    }
}

/// Cosines and sines of the angles at some positions, each `[batch or 1, 1, seq, head_dim / 2]`.
#[derive(Clone)]
pub(crate) struct Rotation {
    cos: Tensor<4>,
    sin: Tensor<4>,
}

impl Rotation {
    /// At `positions` `[batch or 1, seq]`, in float32.
    pub(crate) fn at(positions: Tensor<2, Int>, frequencies: &[f32]) -> Self {
        let [batch, seq] = positions.dims();
        let frequencies = Tensor::<1>::from_floats(frequencies, &positions.device());
        let angles = positions.float().reshape([batch, 1, seq, 1]) * frequencies.unsqueeze::<4>();
        Self { cos: angles.clone().cos(), sin: angles.sin() }
    }

    /// Rotates `x` `[batch, heads, seq, head_dim]`: pair `i` is (`x[i]`, `x[i + head_dim/2]`).
    pub(crate) fn apply(&self, x: Tensor<4>) -> Tensor<4> {
        let [_, _, _, head_dim] = x.dims();
        let (cos, sin) = (self.cos.clone().cast(x.dtype()), self.sin.clone().cast(x.dtype()));
        let first = x.clone().narrow(3, 0, head_dim / 2);
        let second = x.narrow(3, head_dim / 2, head_dim / 2);
        let rotated =
            [first.clone() * cos.clone() - second.clone() * sin.clone(), second * cos + first * sin];
        Tensor::cat(rotated.to_vec(), 3)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::{Device, Tolerance};

    #[test]
    fn a_pair_turns_by_its_angle() {
        let device = Device::flex();
        let positions = Tensor::<2, Int>::from_ints([[0, 3]], &device);
        let x = Tensor::<4>::from_floats([[[[1.0, 2.0, 0.0, 0.0], [1.0, 2.0, 0.0, 0.0]]]], &device);
        let frequencies = RopeParameters::default().frequencies(4).unwrap();
        assert_eq!(frequencies, [1.0, 0.01]);
        let got = Rotation::at(positions, &frequencies).apply(x).into_data();
        let expected = [1.0, 2.0, 0.0, 0.0, 3f32.cos(), 2.0 * 0.03f32.cos(), 3f32.sin(), 2.0 * 0.03f32.sin()];
        let expected = burn::tensor::TensorData::new(expected.to_vec(), [1, 1, 2, 4]);
        got.assert_approx_eq::<f32>(&expected, Tolerance::absolute(1e-6));
    }

    /// Values of `_compute_llama3_parameters` of transformers 5.23.
    #[test]
    fn llama3_stretches_long_wavelengths_only() {
        let json = r#"{"rope_type": "llama3", "rope_theta": 500000.0, "factor": 8.0, "low_freq_factor": 1.0,
                       "high_freq_factor": 4.0, "original_max_position_embeddings": 8192}"#;
        let parameters: RopeParameters = serde_json::from_str(json).unwrap();
        let got = parameters.frequencies(16).unwrap();
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
        for (got, expected) in got.iter().zip(expected) {
            assert!((got / expected - 1.0).abs() < 1e-5, "{got} {expected}");
        }
    }

    #[test]
    fn an_unknown_type_is_an_error() {
        let yarn = RopeParameters { rope_type: Some("yarn".into()), ..Default::default() };
        let error = yarn.frequencies(4).unwrap_err().to_string();
        assert_eq!(error, "`rope_type` is `yarn` in config.json, expected default, linear or llama3");
    }
}
