use serde::{Deserialize, Serialize};

/// An image as a model reads it: a byte for each channel of each pixel, and what number a byte stands for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Pixels {
    /// Where the image comes from, as the data name it.
    pub name: String,
    /// The number of channels, of rows, and of pixels of a row.
    pub shape: [usize; 3],
    /// The bytes, in the order of the shape.
    pub bytes: Vec<u8>,
    /// What each byte is multiplied with, if it is (`rescale_factor`).
    pub factor: Option<f64>,
    /// The mean and the standard deviation of each channel, if numbers are normalised (`image_mean`, `image_std`).
    pub normal: Option<Vec<[f32; 2]>>,
}

impl Pixels {
    /// The numbers `[channels, height, width]`, computed as in transformers: the product in float64, the rest in float32.
    pub fn values(&self) -> Vec<f32> {
        let [_, height, width] = self.shape;
        let channel = |(channel, bytes): (usize, &[u8])| {
            let table = self.table(channel);
            bytes.iter().map(move |byte| table[usize::from(*byte)]).collect::<Vec<f32>>()
        };
        self.bytes.chunks((height * width).max(1)).enumerate().flat_map(channel).collect()
    }

    /// The number of every byte in a channel.
    fn table(&self, channel: usize) -> Vec<f32> {
        let scaled = |byte: u8| self.factor.map_or(byte.into(), |factor| (f64::from(byte) * factor) as f32);
        let normal = self.normal.as_ref().and_then(|normal| normal.get(channel));
        let value = |byte: u8| match normal {
            Some([mean, std]) => (scaled(byte) - mean) / std,
            None => scaled(byte),
        };
        (0..=u8::MAX).map(value).collect()
    }
}
