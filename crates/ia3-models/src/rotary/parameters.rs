use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use crate::config_field::expect_positive;
use crate::error::ModelError;

/// How `config.json` describes rotary embeddings: `rope_parameters` since transformers 5, before it `rope_scaling`
/// beside `rope_theta`.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct RopeParameters {
    /// `default`, `linear`, `dynamic`, `yarn`, `longrope` or `llama3`.
    pub rope_type: Option<String>,
    /// The older name of `rope_type`, which counts where `rope_type` is absent.
    pub r#type: Option<String>,
    /// Base of the wavelengths.
    pub rope_theta: Option<f64>,
    /// How much longer positions reach (all but `default`).
    pub factor: Option<f64>,
    /// Share of the original length from which wavelengths are stretched fully (`llama3`).
    pub low_freq_factor: Option<f64>,
    /// Share of the original length up to which wavelengths are left alone (`llama3`).
    pub high_freq_factor: Option<f64>,
    /// Positions the model was first trained on (`llama3`, `yarn`, `longrope`).
    pub original_max_position_embeddings: Option<f64>,
    /// Factor on cosines and sines (`yarn`, `longrope`); where it is absent, `factor` decides.
    pub attention_factor: Option<f64>,
    /// Turns over the original length from which wavelengths are left alone (`yarn`).
    pub beta_fast: Option<f64>,
    /// Turns over the original length up to which wavelengths are stretched fully (`yarn`).
    pub beta_slow: Option<f64>,
    /// Weight of the logarithm in the numerator of the attention factor (`yarn`).
    pub mscale: Option<f64>,
    /// Weight of the logarithm in the denominator of the attention factor (`yarn`).
    pub mscale_all_dim: Option<f64>,
    /// Whether the limits between the pairs are rounded to whole pairs (`yarn`).
    pub truncate: Option<bool>,
    /// Factor on the wavelength of each pair up to the original length (`longrope`).
    pub short_factor: Option<Vec<f64>>,
    /// Factor on the wavelength of each pair beyond the original length (`longrope`).
    pub long_factor: Option<Vec<f64>>,
    /// Share of a head that is rotated. With `default`, Llama and its kin ignore it, as in transformers; with a scaling they
    /// support only 1.
    pub partial_rotary_factor: Option<f64>,
    /// Fields of other models.
    #[serde(flatten)]
    pub other: BTreeMap<String, Value>,
}

/// The fields of a configuration beside its `rope_parameters` that say something of rotary embeddings.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Beside {
    pub(crate) rope_theta: Option<f64>,
    pub(crate) partial_rotary_factor: Option<f64>,
    pub(crate) original_max_position_embeddings: Option<f64>,
    pub(crate) max_position_embeddings: usize,
}

impl RopeParameters {
    /// What the fields of a configuration say together, by the precedence of transformers 5
    /// (`RotaryEmbeddingConfigMixin.convert_rope_params_to_dict`): `rope_scaling` unless it is empty, else
    /// `rope_parameters`; inside them first, then beside them. Only the original length counts beside them first.
    pub(crate) fn resolve(rope_scaling: Option<Self>, rope_parameters: Option<Self>, beside: Beside) -> Self {
        let scaling = rope_scaling.filter(|scaling| *scaling != Self::default());
        let described = scaling.or(rope_parameters).unwrap_or_default();
        let trained = beside.original_max_position_embeddings.or(described.original_max_position_embeddings);
        Self {
            rope_theta: described.rope_theta.or(beside.rope_theta),
            partial_rotary_factor: described.partial_rotary_factor.or(beside.partial_rotary_factor),
            original_max_position_embeddings: trained.or(Some(beside.max_position_embeddings as f64)),
            ..described
        }
    }

    /// The kind of rotary embeddings that is described.
    pub(crate) fn kind(&self) -> &str {
        self.rope_type.as_deref().or(self.r#type.as_deref()).unwrap_or("default")
    }

    /// Base of the wavelengths.
    pub(super) fn theta(&self) -> f64 {
        self.rope_theta.unwrap_or(10_000.0)
    }
}

/// A number that has to be there and positive.
pub(super) fn number(field: &'static str, value: Option<f64>) -> Result<f64, ModelError> {
    let absent = || ModelError::Field { field, found: "absent".into(), expected: "a positive number" };
    let value = value.ok_or_else(absent)?;
    expect_positive(field, value)?;
    Ok(value)
}
