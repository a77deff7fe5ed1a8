//! The images that a model reads.

use burn::tensor::Tensor;
use serde::{Deserialize, Deserializer};

use crate::config_field::expect;
use crate::error::ModelError;
use crate::inputs::ModelInputs;

/// The shape of the images that a model reads, which are [`pixel_values`](ModelInputs::pixel_values).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ImageShape {
    /// The number of channels, which is 3 for colours.
    pub channels: usize,
    /// The number of rows of pixels.
    pub height: usize,
    /// The number of pixels of a row.
    pub width: usize,
    /// The number of tokens that an image becomes: its patches, and one more.
    pub tokens: usize,
}

impl ImageShape {
    /// The pixels `[batch, channels, height, width]` of inputs that have nothing else, checked.
    pub(crate) fn pixels(self, inputs: &ModelInputs) -> Result<Tensor<4>, ModelError> {
        no_texts(inputs)?;
        let missing = || wrong("is missing, but this model reads images".into());
        let pixels = inputs.pixel_values.clone().ok_or_else(missing)?;
        let Self { channels, height, width, .. } = self;
        let [batch, found @ ..] = pixels.dims();
        if batch == 0 || found != [channels, height, width] {
            let problem = format!(
                "has shape {:?}, expected [batch, {channels}, {height}, {width}]; resize the images to that size",
                pixels.dims()
            );
            return Err(wrong(problem));
        }
        match pixels.to_data().iter::<f32>().position(|value| !value.is_finite()) {
            None => Ok(pixels),
            Some(at) => {
                let image = at / (channels * height * width);
                Err(wrong(format!("of image {image} of the batch holds a value that is not finite")))
            }
        }
    }
}

fn wrong(problem: String) -> ModelError {
    ModelError::Input { name: "pixel_values", problem }
}

/// Refuses the inputs of texts and of sound in a model of images.
fn no_texts(inputs: &ModelInputs) -> Result<(), ModelError> {
    let given = [
        ("input_ids", inputs.input_ids.is_some()),
        ("attention_mask", inputs.attention_mask.is_some()),
        ("decoder_input_ids", inputs.decoder_input_ids.is_some()),
        ("decoder_attention_mask", inputs.decoder_attention_mask.is_some()),
        ("token_type_ids", inputs.token_type_ids.is_some()),
        ("position_ids", inputs.position_ids.is_some()),
        ("input_features", inputs.input_features.is_some()),
    ];
    match given.into_iter().find(|(_, is_given)| *is_given) {
        None => Ok(()),
        Some((name, _)) => {
            let problem = "is given, but this model reads images; give `pixel_values` instead".into();
            Err(ModelError::Input { name, problem })
        }
    }
}

/// Reads the two sides of an image or a patch, `[height, width]`. `config.json` holds both, or one number for both.
pub(crate) fn sides<'de, D: Deserializer<'de>>(deserializer: D) -> Result<[usize; 2], D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged, expecting = "expected a number, or two for height and width")]
    enum Sides {
        Both(usize),
        Each([usize; 2]),
    }
    Ok(match Sides::deserialize(deserializer)? {
        Sides::Both(side) => [side; 2],
        Sides::Each(sides) => sides,
    })
}

/// Checks that an image has a patch, and that neither has more values than a weight may have rows.
pub(crate) fn check_patches(channels: usize, image: [usize; 2], patch: [usize; 2]) -> Result<(), ModelError> {
    let few = |n: Option<usize>| n.is_some_and(|n| (1..1 << 21).contains(&n));
    let list = |sides: [usize; 2]| format!("{sides:?}");
    let values = patch[0].checked_mul(patch[1]).and_then(|area| area.checked_mul(channels));
    expect(few(values), "patch_size", list(patch), "patches of 1 to 2097151 values in all channels")?;
    let patches = (image[0] / patch[0]).checked_mul(image[1] / patch[1]);
    expect(few(patches), "image_size", list(image), "1 to 2097151 patches")
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::{Device, Int};

    const SHAPE: ImageShape = ImageShape { channels: 1, height: 2, width: 3, tokens: 7 };

    fn problem(inputs: &ModelInputs) -> String {
        SHAPE.pixels(inputs).unwrap_err().to_string()
    }

    #[test]
    fn what_does_not_fit_is_named() {
        let device = Device::flex();
        let images = |shape: [usize; 4]| ModelInputs::images(Tensor::ones(shape, &device));
        assert!(SHAPE.pixels(&images([4, 1, 2, 3])).is_ok());
        let expected = "`pixel_values` has shape [4, 1, 3, 2], expected [batch, 1, 2, 3]; resize the images to that size";
        assert_eq!(problem(&images([4, 1, 3, 2])), expected);
        assert_eq!(
            problem(&ModelInputs::default()),
            "`pixel_values` is missing, but this model reads images"
        );
        let ids = Tensor::<2, Int>::zeros([1, 2], &device);
        let texts = ModelInputs { input_ids: Some(ids), ..images([1, 1, 2, 3]) };
        let expected = "`input_ids` is given, but this model reads images; give `pixel_values` instead";
        assert_eq!(problem(&texts), expected);
        let infinite =
            Tensor::<4>::ones([2, 1, 2, 3], &device).slice_fill([1..2, 0..1, 0..1, 0..1], f32::NAN);
        let expected = "`pixel_values` of image 1 of the batch holds a value that is not finite";
        assert_eq!(problem(&ModelInputs::images(infinite)), expected);
    }

    #[test]
    fn images_without_a_patch_are_refused() {
        assert!(check_patches(3, [224, 224], [16, 16]).is_ok());
        assert!(check_patches(3, [8, 224], [16, 16]).is_err());
        assert!(check_patches(3, [224, 224], [0, 16]).is_err());
        assert!(check_patches(usize::MAX, [224, 224], [16, 16]).is_err());
        assert!(check_patches(3, [usize::MAX, usize::MAX], [1, 1]).is_err());
    }
}
