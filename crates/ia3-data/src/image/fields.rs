//! The fields of `preprocessor_config.json`.

use serde::Deserialize;

use super::sizes::SizeField;

/// The file. A field that is absent or `null` has the default of the processor's class.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Fields {
    pub(super) image_processor_type: Option<String>,
    /// The older name of `image_processor_type`.
    pub(super) feature_extractor_type: Option<String>,
    pub(super) do_resize: Option<bool>,
    pub(super) size: Option<SizeField>,
    pub(super) default_to_square: Option<bool>,
    pub(super) resample: Option<u64>,
    pub(super) do_center_crop: Option<bool>,
    pub(super) crop_size: Option<SizeField>,
    pub(super) do_rescale: Option<bool>,
    pub(super) rescale_factor: Option<f64>,
    pub(super) do_normalize: Option<bool>,
    pub(super) image_mean: Option<Numbers>,
    pub(super) image_std: Option<Numbers>,
    /// Only absent or `false` is supported.
    pub(super) do_pad: Option<bool>,
    /// Only absent or `false` is supported.
    pub(super) use_square_size: Option<bool>,
}

/// One number for all channels, or one for each.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged, expecting = "expected a number, or one for each channel")]
pub(super) enum Numbers {
    One(f32),
    Each(Vec<f32>),
}

impl Numbers {
    /// The numbers of all channels; `None` if their count is another.
    pub(super) fn of(&self, channels: usize) -> Option<Vec<f32>> {
        match self {
            Self::One(number) => Some(vec![*number; channels]),
            Self::Each(numbers) => Some(numbers.clone()).filter(|numbers| numbers.len() == channels),
        }
    }
}

/// The defaults of a class of processors of transformers.
#[derive(Clone, Copy, Debug)]
pub(super) struct Defaults {
    pub(super) resample: u64,
    pub(super) crops: bool,
    pub(super) square: bool,
    pub(super) mean: [f32; 3],
    pub(super) std: [f32; 3],
}

/// `ViTImageProcessor`
pub(super) const VIT: Defaults =
    Defaults { resample: 2, crops: false, square: true, mean: [0.5; 3], std: [0.5; 3] };

/// `CLIPImageProcessor`
pub(super) const CLIP: Defaults = Defaults {
    resample: 3,
    crops: true,
    square: false,
    mean: [0.481_454_66, 0.457_827_5, 0.408_210_73],
    std: [0.268_629_54, 0.261_302_6, 0.275_777_1],
};

/// The length of the sides of the default sizes.
pub(super) const SIDE: usize = 224;
