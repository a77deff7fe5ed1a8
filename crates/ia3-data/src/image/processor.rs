use std::path::Path;

use ia3_guard::{Limit, read_text};
use serde_json::Value;

use super::crop::center_crop;
use super::decode::{Bitmap, decode};
use super::error::ImageError;
use super::fields::{CLIP, Defaults, Fields, Numbers, SIDE, VIT};
use super::filter::Filter;
use super::resize::resize;
use super::sizes::{SizeField, Target};
use crate::pixels::Pixels;

/// The largest number of pixels that an image is resized to.
const LARGEST: usize = 1 << 28;

/// How images become the numbers that a model reads, as `preprocessor_config.json` says: resized, cropped, scaled and normalised, as
/// transformers' processors of ViT and CLIP do with Pillow. An image of another kind than the model reads becomes one of colours, or
/// of brightness for a model of one channel; what is transparent becomes white.
#[derive(Clone, Debug, PartialEq)]
pub struct ImageProcessor {
    channels: usize,
    resize: Option<(Target, Filter)>,
    crop: Option<[usize; 2]>,
    factor: Option<f64>,
    normal: Option<Vec<[f32; 2]>>,
}

impl ImageProcessor {
    /// Reads the processor of the model in `folder`, which has images of `channels` channels: its `preprocessor_config.json`, or the
    /// `image_processor` of its `processor_config.json`.
    ///
    /// # Errors
    ///
    /// [`ImageError::NoProcessor`] if there is neither, and the errors of [`from_json`](Self::from_json).
    pub fn open(folder: &Path, model_type: &str, channels: usize) -> Result<Self, ImageError> {
        let own = folder.join("preprocessor_config.json");
        if own.exists() {
            return Self::from_json(&read_text(&own, Limit::CONFIG)?, model_type, channels);
        }
        let of_all = folder.join("processor_config.json");
        let missing = || ImageError::NoProcessor { folder: folder.to_owned() };
        if !of_all.exists() {
            return Err(missing());
        }
        let json = |source| ImageError::Json { source };
        let whole: Value = serde_json::from_str(&read_text(&of_all, Limit::CONFIG)?).map_err(json)?;
        let part = whole.get("image_processor").ok_or_else(missing)?;
        Self::from_json(&part.to_string(), model_type, channels)
    }

    /// Reads `preprocessor_config.json`. Where it does not name the class of the processor, `model_type` decides.
    ///
    /// # Errors
    ///
    /// - [`ImageError::Json`]: the text is not such a description.
    /// - [`ImageError::Field`]: a field has a value that is not supported.
    pub fn from_json(text: &str, model_type: &str, channels: usize) -> Result<Self, ImageError> {
        let fields: Fields = serde_json::from_str(text).map_err(|source| ImageError::Json { source })?;
        let defaults = defaults(&fields, model_type)?;
        for (field, value) in [("do_pad", fields.do_pad), ("use_square_size", fields.use_square_size)] {
            check(value != Some(true), field, true, "false")?;
        }
        check(
            matches!(channels, 1 | 3),
            "num_channels",
            channels,
            "1 or 3 channels, which image files have",
        )?;
        let factor = fields.rescale_factor.unwrap_or(1.0 / 255.0);
        check(factor.is_finite(), "rescale_factor", factor, "a finite number")?;
        Ok(Self {
            channels,
            resize: fields.do_resize.unwrap_or(true).then(|| resized(&fields, defaults)).transpose()?,
            crop: fields.do_center_crop.unwrap_or(defaults.crops).then(|| cropped(&fields)).transpose()?,
            factor: fields.do_rescale.unwrap_or(true).then_some(factor),
            normal: match fields.do_normalize.unwrap_or(true) {
                true => Some(normal(&fields, defaults, channels)?),
                false => None,
            },
        })
    }

    /// The image in a PNG or JPEG file as a model reads it that has images of `[height, width]`. The orientation that a camera notes
    /// in a file is not applied, as Pillow does not.
    ///
    /// # Errors
    ///
    /// The file cannot be read or decoded, is larger than any good one, or becomes an image of another size.
    pub fn read(&self, path: &Path, expected: [usize; 2]) -> Result<Pixels, ImageError> {
        let image = decode(path, self.channels)?;
        let [height, width] = self.resized([image.height, image.width]);
        // Before anything is computed, because a file of the base may ask for a very large image.
        let found = self.crop.unwrap_or([height, width]);
        if found != expected {
            return Err(ImageError::Size { path: path.to_owned(), found, expected });
        }
        if height.saturating_mul(width) > LARGEST {
            let reason =
                format!("it is {} by {} pixels, too narrow to be resized", image.height, image.width);
            return Err(ImageError::Decode { path: path.to_owned(), reason });
        }
        Ok(self.pixels(&self.prepared(image)))
    }

    /// The height and the width of an image of these sides after it is resized.
    fn resized(&self, sides: [usize; 2]) -> [usize; 2] {
        self.resize.map_or(sides, |(target, _)| target.of(sides))
    }

    /// The image resized and cropped.
    pub fn prepared(&self, image: Bitmap) -> Bitmap {
        let sides = self.resized([image.height, image.width]);
        let image = match self.resize {
            Some((_, filter)) => resize(image, sides, filter),
            None => image,
        };
        match self.crop {
            Some(sides) => center_crop(&image, sides),
            None => image,
        }
    }

    /// The bytes of an image channel by channel, and what they stand for.
    pub fn pixels(&self, image: &Bitmap) -> Pixels {
        let channel = |channel: usize| image.bytes.iter().skip(channel).step_by(image.channels).copied();
        Pixels {
            name: String::new(),
            shape: [image.channels, image.height, image.width],
            bytes: (0..image.channels).flat_map(channel).collect(),
            factor: self.factor,
            normal: self.normal.clone(),
        }
    }
}

fn check(
    ok: bool,
    field: &'static str,
    found: impl ToString,
    expected: &'static str,
) -> Result<(), ImageError> {
    if ok { Ok(()) } else { Err(ImageError::Field { field, found: found.to_string(), expected }) }
}

/// The defaults of the class that the file names, or of the model.
fn defaults(fields: &Fields, model_type: &str) -> Result<Defaults, ImageError> {
    let named = fields.image_processor_type.as_ref().or(fields.feature_extractor_type.as_ref());
    match named.map_or(model_type, String::as_str) {
        name if name.starts_with("ViTImage") || name.starts_with("ViTFeature") || name == "vit" => Ok(VIT),
        name if name.starts_with("CLIP") || name.starts_with("clip") => Ok(CLIP),
        name => {
            let expected = "ViTImageProcessor or CLIPImageProcessor";
            Err(ImageError::Field { field: "image_processor_type", found: name.into(), expected })
        }
    }
}

fn resized(fields: &Fields, defaults: Defaults) -> Result<(Target, Filter), ImageError> {
    let square = fields.default_to_square.unwrap_or(defaults.square);
    let size = fields.size.clone().unwrap_or(SizeField::Number(SIDE)).target("size", square)?;
    let number = fields.resample.unwrap_or(defaults.resample);
    let expected = "1 (Lanczos), 2 (bilinear) or 3 (bicubic)";
    let filter = Filter::from_number(number);
    let found = number.to_string();
    Ok((size, filter.ok_or(ImageError::Field { field: "resample", found, expected })?))
}

fn cropped(fields: &Fields) -> Result<[usize; 2], ImageError> {
    match fields.crop_size.clone().unwrap_or(SizeField::Number(SIDE)).target("crop_size", true)? {
        Target::Sides(sides) => Ok(sides),
        Target::Shortest(side) => {
            let expected = "`height` and `width`";
            Err(ImageError::Field {
                field: "crop_size",
                found: format!("a shortest edge of {side}"),
                expected,
            })
        }
    }
}

/// The mean and the standard deviation of each channel.
fn normal(fields: &Fields, defaults: Defaults, channels: usize) -> Result<Vec<[f32; 2]>, ImageError> {
    let of = |field: &'static str, numbers: &Option<Numbers>, default: [f32; 3]| {
        let numbers = numbers.clone().unwrap_or(Numbers::Each(default.to_vec()));
        let good = numbers.of(channels).filter(|numbers| numbers.iter().all(|number| number.is_finite()));
        let expected = "a finite number for each channel";
        good.ok_or_else(|| ImageError::Field { field, found: format!("{numbers:?}"), expected })
    };
    let mean = of("image_mean", &fields.image_mean, defaults.mean)?;
    let std = of("image_std", &fields.image_std, defaults.std)?;
    check(std.iter().all(|std| *std != 0.0), "image_std", "0 for a channel", "numbers other than 0")?;
    Ok(mean.into_iter().zip(std).map(|(mean, std)| [mean, std]).collect())
}
