//! Resizing as Pillow does it (`Resample.c`): a convolution along the rows and one along the columns, with weights in fixed point, and
//! bytes between the two.

use super::decode::Bitmap;
use super::filter::Filter;

/// The bits of a weight after its point.
const PRECISION: u32 = 22;

/// The pixels from which a pixel of the result is made, and their weights.
struct Window {
    first: usize,
    weights: Vec<i64>,
}

/// The image resized to `[height, width]`.
pub(super) fn resize(image: Bitmap, [height, width]: [usize; 2], filter: Filter) -> Bitmap {
    let image = if image.width == width { image } else { along_rows(&image, width, filter) };
    if image.height == height { image } else { along_columns(&image, height, filter) }
}

fn along_rows(image: &Bitmap, width: usize, filter: Filter) -> Bitmap {
    let (windows, channels) = (windows(image.width, width, filter), image.channels);
    let mut bytes = Vec::with_capacity(image.height * width * channels);
    for row in image.bytes.chunks_exact(image.width * channels) {
        for window in &windows {
            for channel in 0..channels {
                bytes.push(window.sum(|i| row[i * channels + channel]));
            }
        }
    }
    Bitmap { width, bytes, ..*image }
}

fn along_columns(image: &Bitmap, height: usize, filter: Filter) -> Bitmap {
    let stride = image.width * image.channels;
    let mut bytes = Vec::with_capacity(height * stride);
    for window in &windows(image.height, height, filter) {
        bytes.extend((0..stride).map(|at| window.sum(|i| image.bytes[i * stride + at])));
    }
    Bitmap { height, bytes, ..*image }
}

impl Window {
    /// The weighted sum of the bytes at the places of the window, rounded and limited to a byte.
    fn sum(&self, byte: impl Fn(usize) -> u8) -> u8 {
        let half = 1i64 << (PRECISION - 1);
        let products = self.weights.iter().enumerate();
        let sum: i64 = products.map(|(i, weight)| weight * i64::from(byte(self.first + i))).sum();
        ((half + sum) >> PRECISION).clamp(0, 255) as u8
    }
}

/// The windows of `to` pixels that are made of `from` pixels.
fn windows(from: usize, to: usize, filter: Filter) -> Vec<Window> {
    let scale = from as f64 / to as f64;
    let widening = scale.max(1.0);
    let support = filter.support() * widening;
    let window = |at: usize| {
        let centre = (at as f64 + 0.5) * scale;
        let first = ((centre - support + 0.5) as i64).max(0) as usize;
        let end = ((centre + support + 0.5) as usize).min(from);
        let weight = |i: usize| filter.weight((i as f64 - centre + 0.5) * (1.0 / widening));
        let weights: Vec<f64> = (first..end).map(weight).collect();
        let total: f64 = weights.iter().sum();
        Window { first, weights: weights.into_iter().map(|weight| fixed(weight, total)).collect() }
    };
    (0..to).map(window).collect()
}

/// A share of the total in fixed point, rounded away from zero.
fn fixed(weight: f64, total: f64) -> i64 {
    let share = if total == 0.0 { weight } else { weight / total };
    let scaled = share * f64::from(1 << PRECISION);
    (if share < 0.0 { scaled - 0.5 } else { scaled + 0.5 }) as i64
}
