use std::io::Cursor;
use std::path::Path;

use ia3_guard::{Limit, read_bytes};
use image::{DynamicImage, ImageReader, Limits};

use super::alpha::on_white;
use super::error::ImageError;

/// The largest file that is read.
const FILE: Limit = Limit { bytes: 256 << 20, what: "an image" };

/// The largest side of an image, in pixels.
const SIDE: u32 = 1 << 15;

/// The most memory that decoding may take, in bytes: 178 million pixels of three channels are the limit of Pillow too.
const MEMORY: u64 = 1 << 29;

/// The pixels of an image, row by row, with all channels of a pixel together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bitmap {
    /// The number of rows.
    pub height: usize,
    /// The number of pixels of a row.
    pub width: usize,
    /// The number of bytes of a pixel.
    pub channels: usize,
    /// The bytes.
    pub bytes: Vec<u8>,
}

/// Reads a PNG or JPEG file as an image of 3 channels, or of 1 channel that is the brightness.
pub(super) fn decode(path: &Path, channels: usize) -> Result<Bitmap, ImageError> {
    let bytes = read_bytes(path, FILE)?;
    let failed = |reason: String| ImageError::Decode { path: path.to_owned(), reason };
    let mut reader = ImageReader::new(Cursor::new(bytes))
        .with_guessed_format()
        .map_err(|error| failed(error.to_string()))?;
    let mut limits = Limits::default();
    (limits.max_image_width, limits.max_image_height) = (Some(SIDE), Some(SIDE));
    limits.max_alloc = Some(MEMORY);
    reader.limits(limits);
    let image = reader.decode().map_err(|error| failed(error.to_string()))?;
    let (height, width) = (image.height() as usize, image.width() as usize);
    let colours = colours(image).map_err(|found| ImageError::Kind { path: path.to_owned(), found })?;
    let bytes = match channels {
        1 => colours.into_iter().map(brightness).collect(),
        _ => colours.concat(),
    };
    Ok(Bitmap { height, width, channels: if channels == 1 { 1 } else { 3 }, bytes })
}

/// Red, green and blue of every pixel; the kind of pixels if they have no bytes.
fn colours(image: DynamicImage) -> Result<Vec<[u8; 3]>, String> {
    Ok(match image {
        DynamicImage::ImageRgb8(image) => image.pixels().map(|pixel| pixel.0).collect(),
        DynamicImage::ImageRgba8(image) => image.pixels().map(|pixel| on_white(pixel.0)).collect(),
        DynamicImage::ImageLuma8(image) => image.pixels().map(|pixel| [pixel.0[0]; 3]).collect(),
        DynamicImage::ImageLumaA8(image) => image
            .pixels()
            .map(|pixel| pixel.0)
            .map(|[value, alpha]| on_white([value, value, value, alpha]))
            .collect(),
        other => return Err(format!("{:?}", other.color())),
    })
}

/// The brightness of a colour, as Pillow's `convert("L")` computes it.
fn brightness([red, green, blue]: [u8; 3]) -> u8 {
    let sum = u32::from(red) * 19_595 + u32::from(green) * 38_470 + u32::from(blue) * 7_471 + 0x8000;
    (sum >> 16) as u8
}
