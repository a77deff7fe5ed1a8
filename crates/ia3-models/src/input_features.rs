//! Features of sound, which a model of speech reads in the place of tokens.

use burn::tensor::Tensor;

use crate::error::ModelError;
use crate::inputs::ModelInputs;

const NAME: &str = "input_features";

/// The shape of the features that a model of speech reads, which are [`input_features`](ModelInputs::input_features).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SoundShape {
    /// The number of values of a frame.
    pub bins: usize,
    /// The number of frames.
    pub frames: usize,
    /// The number of states that the encoder makes of them.
    pub tokens: usize,
}

impl ModelInputs {
    /// The inputs of a model of speech: features `[batch, num_mel_bins, frames]`, without tokens for the decoder.
    pub fn from_features(input_features: Tensor<3>) -> Self {
        Self { input_features: Some(input_features), ..Self::default() }
    }
}

/// The features `[batch, bins, frames]` of an encoder that reads no tokens.
pub(crate) fn features(inputs: &ModelInputs, [bins, frames]: [usize; 2]) -> Result<Tensor<3>, ModelError> {
    no_tokens(inputs)?;
    let problem = "is missing, but this model needs it".to_string();
    let features = inputs.input_features.clone();
    let features = features.ok_or(ModelError::Input { name: NAME, problem })?;
    let found @ [batch, ..] = features.dims();
    if batch > 0 && found == [batch, bins, frames] {
        return Ok(features);
    }
    let problem = format!(
        "has shape {found:?}, expected [batch, {bins}, {frames}]: {bins} bins of {frames} frames, to which sound is padded or cut"
    );
    Err(ModelError::Input { name: NAME, problem })
}

/// Checks that each value is finite.
pub(crate) fn check_finite(features: &Tensor<3>) -> Result<(), ModelError> {
    match features.to_data().iter::<f32>().find(|value| !value.is_finite()) {
        None => Ok(()),
        Some(value) => {
            Err(ModelError::Input { name: NAME, problem: format!("holds {value}, which is not finite") })
        }
    }
}

/// Refuses tokens and images for an encoder that reads features.
fn no_tokens(inputs: &ModelInputs) -> Result<(), ModelError> {
    let given = [
        ("input_ids", inputs.input_ids.is_some()),
        ("attention_mask", inputs.attention_mask.is_some()),
        ("token_type_ids", inputs.token_type_ids.is_some()),
        ("position_ids", inputs.position_ids.is_some()),
        ("pixel_values", inputs.pixel_values.is_some()),
    ];
    match given.into_iter().find(|(_, is_given)| *is_given) {
        None => Ok(()),
        Some((name, _)) => {
            let problem = "is given, but this model reads `input_features` in its place; leave it out".into();
            Err(ModelError::Input { name, problem })
        }
    }
}
