use burn::config::Config;
use serde::{Deserialize, Serialize};

use crate::error::TrainError;

/// The loss, under the names of T-Few's configuration.
///
/// A target that is one text, or a class, has its cross entropy as the loss. The weights apply to targets that are one of
/// several texts. By default all three losses of the authors have weight 1.
#[derive(Config, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct LossConfig {
    /// Weight of the length-normalised loss `L_LN`; 0 leaves it out.
    #[config(default = 1.0)]
    pub mc_loss: f64,
    /// Weight of the unlikelihood loss `L_UL` of the wrong texts; 0 leaves it out.
    ///
    /// If both weights are 0, only the right text is scored, as if it were the only one.
    #[config(default = 1.0)]
    pub unlikely_loss: f64,
    /// The form of the unlikelihood loss.
    #[config(default = "Unlikelihood::Authors")]
    pub unlikelihood: Unlikelihood,
    /// Exponent of the length of a text in its score `s = (Σ −log p) / T^length_norm`, both in `L_LN` and in rank
    /// classification.
    #[config(default = 1.0)]
    pub length_norm: f64,
    /// The tokens that a decoder without an encoder is trained on if the target is one text.
    #[config(default = "CausalLoss::Target")]
    pub causal: CausalLoss,
}

/// The unlikelihood loss of wrong texts. `p` is the probability of a token, and `N` is the number of tokens of those texts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Unlikelihood {
    /// As the authors' program computes it (`src/models/EncoderDecoder.py` of r-three/t-few):
    /// `[Σ −log(1 − p + 0.01) − M·log(1.01)] / N`.
    ///
    /// `M` is the number of masked positions, which are padding and the right texts, in a batch padded to its longest text.
    /// The authors' sum includes them. They change the loss, but no gradient.
    Authors,
    /// As equation 1 of arXiv 2205.05638 has it: `[Σ −log(1 − p)] / N`.
    ///
    /// It is infinite at `p = 1`, so `1 − p` is clamped to at least 2⁻²³, the distance from 1 to the next float32.
    Paper,
}

/// The tokens that a decoder without an encoder is trained on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum CausalLoss {
    /// The tokens of the target.
    Target,
    /// The tokens of input and target, except for the first one, which no token predicts.
    All,
}

impl Default for LossConfig {
    /// [`LossConfig::new`].
    fn default() -> Self {
        Self::new()
    }
}

impl LossConfig {
    /// The cross entropy of the right text alone, as in the pre-training of the vectors.
    pub fn language_modelling() -> Self {
        Self::new().with_mc_loss(0.0).with_unlikely_loss(0.0)
    }

    /// Whether wrong texts are scored too.
    pub(crate) fn compares(&self) -> bool {
        self.mc_loss > 0.0 || self.unlikely_loss > 0.0
    }

    /// Refuses weights and exponents that are negative or not finite.
    pub(crate) fn check(&self) -> Result<(), TrainError> {
        let settings = [
            ("mc_loss", self.mc_loss),
            ("unlikely_loss", self.unlikely_loss),
            ("length_norm", self.length_norm),
        ];
        match settings.into_iter().find(|(_, value)| !(*value >= 0.0 && value.is_finite())) {
            None => Ok(()),
            Some((name, value)) => {
                let expected = "a finite number of at least 0";
                Err(TrainError::Setting { name, found: value.to_string(), expected })
            }
        }
    }
}
