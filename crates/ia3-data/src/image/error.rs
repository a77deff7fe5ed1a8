use std::path::PathBuf;

use ia3_guard::{FileError, quote, quote_error, quote_path};

/// What can be wrong with an image, or with the description of its preparation.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ImageError {
    /// The file cannot be read.
    #[error(transparent)]
    File(#[from] FileError),
    /// The file is not an image, or is damaged.
    #[error("{} is no image that can be read: {reason}; give a PNG or JPEG file", quote_path(path), reason = quote_error(reason))]
    Decode {
        /// The file.
        path: PathBuf,
        /// The reason.
        reason: String,
    },
    /// The image has another kind of pixels.
    #[error("{} has {found} pixels, expected 8 bits per channel; convert it", quote_path(path), found = quote(found))]
    Kind {
        /// The file.
        path: PathBuf,
        /// The kind of its pixels.
        found: String,
    },
    /// The image does not have the size that the model reads, and is not to be resized or cropped to it.
    #[error(
        "{} becomes an image of {} by {} pixels (height by width), expected {} by {}, which the model reads; correct `size` or \
         `crop_size` in preprocessor_config.json",
        quote_path(path), found[0], found[1], expected[0], expected[1]
    )]
    Size {
        /// The file.
        path: PathBuf,
        /// The height and the width.
        found: [usize; 2],
        /// The height and the width that the model reads.
        expected: [usize; 2],
    },
    /// The folder of a model does not say how images become numbers.
    #[error(
        "{} has no preprocessor_config.json, which says how images become numbers; copy it from the model's own folder",
        quote_path(folder)
    )]
    NoProcessor {
        /// The folder.
        folder: PathBuf,
    },
    /// The description of the preparation is not JSON of the expected form.
    #[error("preprocessor_config.json is not the description of an image processor: {source}", source = quote_error(source))]
    Json {
        /// The reason.
        source: serde_json::Error,
    },
    /// A field of the description has a value that is not supported.
    #[error("`{field}` is {found} in preprocessor_config.json, expected {expected}", found = quote(found))]
    Field {
        /// The name of the field.
        field: &'static str,
        /// Its value.
        found: String,
        /// The values that it may have.
        expected: &'static str,
    },
}
