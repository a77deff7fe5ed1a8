use std::path::Path;

use super::processor::ImageProcessor;
use crate::error::DataError;
use crate::example::{Example, Target};
use crate::fields::Fields;
use crate::model_kind::ModelKind;
use crate::record::Record;
use crate::rows_with_files::examples;
use crate::targets;
use crate::text_example::Answer;

/// Turns rows of data with images into examples. The field `image`, or the one that [`Fields::input`] names, is the path of a PNG or
/// JPEG file, relative to the folder of the data; the answer is that of a row of text.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ImageRows {
    /// How images become numbers.
    pub processor: ImageProcessor,
    /// The height and the width of the images that the model reads.
    pub size: [usize; 2],
    /// The kind of the model, which has to classify a whole image.
    pub model: ModelKind,
    /// The names of the fields, and of the labels.
    pub fields: Fields,
}

impl ImageRows {
    /// Rows for a model of this kind, which reads images of `[height, width]`.
    pub fn new(processor: ImageProcessor, size: [usize; 2], model: ModelKind, fields: Fields) -> Self {
        let input = fields.input.clone().unwrap_or_else(|| "image".into());
        Self { processor, size, model, fields: fields.with_input(input) }
    }

    /// Reads a file of rows and its images, on all cores. All images are in memory then, with a byte for each channel of each pixel.
    ///
    /// # Errors
    ///
    /// As [`read_records`](crate::read_records), and [`DataError::Line`] for the first row that cannot be turned into an example.
    pub fn read(&self, path: &Path) -> Result<Vec<Example>, DataError> {
        examples(path, |row, folder| self.example(row, folder))
    }

    fn example(&self, row: &Record, folder: &Path) -> Result<Example, DataError> {
        let example = self.fields.example_for(row, &self.model)?;
        let target = self.target(&example.answer)?;
        let mut pixels = self.processor.read(&folder.join(&example.input), self.size)?;
        pixels.name = example.input;
        Ok(Example::of_image(pixels, target))
    }

    fn target(&self, answer: &Answer) -> Result<Target, DataError> {
        let names = &self.fields.label_names;
        Ok(match self.model {
            ModelKind::MultiLabel { labels } => Target::Values(targets::classes(answer, names, labels)?),
            ModelKind::Regression => Target::Values(targets::numbers(answer)?),
            _ => Target::Class(targets::class(answer, names)?),
        })
    }
}
