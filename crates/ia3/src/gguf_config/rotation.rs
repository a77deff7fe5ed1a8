//! Rotary embeddings.
//!
//! A file names the scalings `linear` and `yarn`. Of Llama 3's and Phi-3's it has the factors of the wavelengths as tensors.

use std::f64::consts::PI;

use ia3_gguf::GgufError;
use serde_json::{Value, json};

use super::fields::Fields;

/// The factors of Llama 3.1 and later.
const LLAMA_3: &str = "rope_freqs.weight";
const SHORT: &str = "rope_factors_short.weight";
const LONG: &str = "rope_factors_long.weight";

/// What all models of Llama 3.1 and later have: the positions before the scaling, and the shares of them between which wavelengths
/// are stretched in part.
const TRAINED: f64 = 8192.0;
const LOW: f64 = 1.0;
const HIGH: f64 = 4.0;

impl Fields<'_> {
    /// The rotary embeddings of `rotated` features of each head.
    pub(super) fn rotation(&self, rotated: u64) -> Result<Value, GgufError> {
        self.rotation_from(rotated, 10_000.0)
    }

    /// As [`rotation`](Self::rotation), with the base where the file names none.
    pub(super) fn rotation_from(&self, rotated: u64, theta: f64) -> Result<Value, GgufError> {
        let theta = self.float("rope.freq_base")?.unwrap_or(theta);
        let (llama_3, short) = (self.factors(LLAMA_3)?, self.factors(SHORT)?);
        let kind = self.file.metadata().text(&self.key("rope.scaling.type"))?;
        let factor = || self.float("rope.scaling.factor").map(|factor| factor.unwrap_or(1.0));
        match (kind, llama_3, short) {
            (None | Some("none" | "longrope"), None, Some(short)) => self.long(theta, &short),
            (None | Some("none"), Some(factors), None) => self.llama_3(theta, rotated, &factors),
            (None | Some("none"), None, None) => Ok(json!({"rope_type": "default", "rope_theta": theta})),
            (Some("linear"), None, None) => {
                Ok(json!({"rope_type": "linear", "rope_theta": theta, "factor": factor()?}))
            }
            (Some("yarn"), None, None) => self.yarn(theta, factor()?),
            (kind, ..) => Err(self.unknown_scaling(kind)),
        }
    }

    fn yarn(&self, theta: f64, factor: f64) -> Result<Value, GgufError> {
        // What these keys change has no name in a configuration.
        let others = [("yarn_log_multiplier", 0.0), ("yarn_ext_factor", 1.0), ("yarn_attn_factor", 1.0)];
        for (key, neutral) in others {
            if self.float(&format!("rope.scaling.{key}"))?.is_some_and(|value| value != neutral) {
                return Err(self.unknown_scaling(Some(&format!("yarn with a {key}"))));
            }
        }
        Ok(json!({
            "rope_type": "yarn",
            "rope_theta": theta,
            "factor": factor,
            "original_max_position_embeddings": self.needed("rope.scaling.original_context_length")?,
            "beta_fast": self.float("rope.scaling.yarn_beta_fast")?,
            "beta_slow": self.float("rope.scaling.yarn_beta_slow")?,
        }))
    }

    fn long(&self, theta: f64, short: &[f64]) -> Result<Value, GgufError> {
        let missing = || GgufError::NoTensor { path: self.file.path().to_owned(), tensor: LONG.into() };
        let long = self.factors(LONG)?.ok_or_else(missing)?;
        let mut rotation = json!({
            "rope_type": "longrope",
            "rope_theta": theta,
            "short_factor": short,
            "long_factor": long,
            "original_max_position_embeddings": self.needed("rope.scaling.original_context_length")?,
        });
        if let Some(factor) = self.float("rope.scaling.attn_factor")? {
            rotation["attention_factor"] = factor.into();
        }
        Ok(rotation)
    }

    /// The settings of Llama 3 that give these factors.
    fn llama_3(&self, theta: f64, rotated: u64, factors: &[f64]) -> Result<Value, GgufError> {
        let factor = factors.iter().copied().fold(1.0, f64::max);
        let expected = (0..factors.len()).map(|pair| {
            let wavelength = 2.0 * PI * theta.powf(2.0 * pair as f64 / rotated as f64);
            let smooth = ((TRAINED / wavelength - LOW) / (HIGH - LOW)).clamp(0.0, 1.0);
            1.0 / ((1.0 - smooth) / factor + smooth)
        });
        let near = |(a, b): (&f64, f64)| (a - b).abs() <= 1e-3 * b;
        if factors.len() as u64 != rotated / 2 || !factors.iter().zip(expected).all(near) {
            return Err(GgufError::Header {
                path: self.file.path().to_owned(),
                what: format!("tensor `{LLAMA_3}`"),
                problem: format!(
                    "scales the rotary embeddings by other factors than those of Llama 3.1 with a factor of {factor}; take \
                     the original folder"
                ),
            });
        }
        Ok(json!({
            "rope_type": "llama3",
            "rope_theta": theta,
            "factor": factor,
            "low_freq_factor": LOW,
            "high_freq_factor": HIGH,
            "original_max_position_embeddings": TRAINED,
        }))
    }

    /// The values of a tensor, as the shortest decimals that are its float32s.
    fn factors(&self, tensor: &str) -> Result<Option<Vec<f64>>, GgufError> {
        let Some(tensor) = self.file.tensor(tensor) else { return Ok(None) };
        let decimal = |value: &f32| value.to_string().parse().unwrap_or(f64::from(*value));
        Ok(Some(self.file.decode(tensor)?.iter().map(decimal).collect()))
    }

    fn unknown_scaling(&self, kind: Option<&str>) -> GgufError {
        GgufError::Header {
            path: self.file.path().to_owned(),
            what: format!("the key `{}`", self.key("rope.scaling.type")),
            problem: format!(
                "is {}, expected `none`, `linear` or `yarn`, or none beside tensors of factors; take the original folder",
                ia3_guard::quote_debug(kind.unwrap_or("none"))
            ),
        }
    }
}
