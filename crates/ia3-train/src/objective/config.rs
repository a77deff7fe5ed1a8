use crate::error::TrainError;

/// What the loss is, under the names of T-Few's configuration.
///
/// A target that is one text has its cross entropy, and a class has its own; the weights below are about targets that
/// are one of several texts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LossConfig {
    /// Weight of the length-normalised loss `L_LN`; 0 leaves it out.
    pub mc_loss: f64,
    /// Weight of the unlikelihood loss `L_UL` of the wrong texts; 0 leaves it out.
    ///
    /// With both weights 0 the right text alone is scored, as if it were the only one.
    pub unlikely_loss: f64,
    /// Which unlikelihood loss.
    pub unlikelihood: Unlikelihood,
    /// Exponent of a text's length in its score, `s = (Σ −log p) / T^length_norm`, in `L_LN` and in rank classification.
    pub length_norm: f64,
    /// What a decoder alone answers for where the target is one text.
    pub causal: CausalLoss,
}

/// The unlikelihood loss of wrong texts, `p` being the probability of a token and `N` the number of their tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unlikelihood {
    /// As the authors' program computes it (`src/models/EncoderDecoder.py` of r-three/t-few):
    /// `[Σ −log(1 − p + 0.01) − M·log(1.01)] / N`.
    ///
    /// `M` positions are masked, padding and the right texts, in a batch filled up to its longest text. They stay in the
    /// authors' sum; they change the loss and no gradient.
    Authors,
    /// As equation 1 of arXiv 2205.05638 has it: `[Σ −log(1 − p)] / N`.
    ///
    /// It is infinite at `p = 1`; `1 − p` is taken as at least 2⁻²³, the distance from 1 to the next float32.
    Paper,
}

/// What a decoder alone answers for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CausalLoss {
    /// The tokens of the target.
    Target,
    /// Those of the input too, but for its first, which nothing predicts.
    All,
}

impl Default for LossConfig {
    /// The authors' three losses with weight 1 each, scores a token (exponent 1), a decoder's target alone.
    fn default() -> Self {
        Self {
            mc_loss: 1.0,
            unlikely_loss: 1.0,
            unlikelihood: Unlikelihood::Authors,
            length_norm: 1.0,
            causal: CausalLoss::Target,
        }
    }
}

impl LossConfig {
    /// The cross entropy of the right text alone, as in pre-training the vectors.
    pub fn language_modelling() -> Self {
        Self { mc_loss: 0.0, unlikely_loss: 0.0, ..Self::default() }
    }

    /// Whether wrong texts are scored.
    pub(crate) fn compares(&self) -> bool {
        self.mc_loss > 0.0 || self.unlikely_loss > 0.0
    }

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
