use super::decode::Bitmap;

/// The middle of an image, `[height, width]`. Where the image is smaller, it is surrounded by zeros.
pub(super) fn center_crop(image: &Bitmap, [height, width]: [usize; 2]) -> Bitmap {
    let start = |own: usize, cropped: usize| (own as i64 - cropped as i64).div_euclid(2);
    let (top, left) = (start(image.height, height), start(image.width, width));
    let inside = |at: i64, length: usize| usize::try_from(at).ok().filter(|at| *at < length);
    let mut bytes = vec![0; height * width * image.channels];
    for (y, row) in bytes.chunks_exact_mut(width * image.channels).enumerate() {
        let Some(from) = inside(y as i64 + top, image.height) else { continue };
        for (x, pixel) in row.chunks_exact_mut(image.channels).enumerate() {
            if let Some(column) = inside(x as i64 + left, image.width) {
                let at = (from * image.width + column) * image.channels;
                pixel.copy_from_slice(&image.bytes[at..at + image.channels]);
            }
        }
    }
    Bitmap { height, width, channels: image.channels, bytes }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_middle_is_kept_and_what_is_missing_is_zero() {
        let image = Bitmap { height: 3, width: 2, channels: 1, bytes: vec![1, 2, 3, 4, 5, 6] };
        let cropped = center_crop(&image, [2, 5]);
        // As `center_crop` of transformers 5.24: the row to the end of the middle, the columns in the middle.
        assert_eq!(cropped.bytes, [0, 0, 1, 2, 0, 0, 0, 3, 4, 0]);
    }
}
