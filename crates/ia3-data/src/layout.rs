use std::path::Path;

use rayon::prelude::*;

use crate::chat::Shape;
use crate::encoder::Encoder;
use crate::error::DataError;
use crate::example::Example;
use crate::fields::Fields;
use crate::model_kind::ModelKind;
use crate::record::Record;
use crate::records::read_records;
use crate::template::Template;
use crate::text_example::TextExample;

/// How a row of data becomes examples.
#[derive(Clone, Debug)]
pub enum Layout {
    /// The fields of a row are one example.
    Fields(Fields),
    /// Each template makes one variant of an example from a row. A training draws one variant each time the row comes up.
    Templates {
        /// The templates.
        templates: Vec<Template>,
        /// Seed of the random choices in templates.
        seed: u64,
    },
}

impl Layout {
    /// The variants of a row, in the order of the templates. `index` is the position of the row in the data; it and the seed
    /// fix the random choices in templates.
    ///
    /// # Errors
    ///
    /// As [`Fields::example`] and [`Template::render`].
    pub fn variants(&self, row: &Record, index: usize) -> Result<Vec<TextExample>, DataError> {
        self.variants_for(row, index, &ModelKind::Classifier)
    }

    /// As [`variants`](Self::variants), for a model of this kind.
    ///
    /// # Errors
    ///
    /// As [`Fields::example_for`] and [`Template::render`].
    pub fn variants_for(
        &self,
        row: &Record,
        index: usize,
        model: &ModelKind,
    ) -> Result<Vec<TextExample>, DataError> {
        match self {
            Self::Fields(fields) => Ok(vec![fields.example_for(row, model)?]),
            Self::Templates { templates, seed } => {
                let seed = seed.wrapping_add((index as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15));
                templates.iter().map(|template| template.render(row, seed)).collect()
            }
        }
    }

    /// Reads a file and tokenises it on all cores. Returns the variants of each row, or the windows of its context for a model that
    /// answers questions.
    ///
    /// Where no field is named and the first row has the [`Shape`] of a conversation, all rows are read as such.
    ///
    /// # Errors
    ///
    /// As [`read_records`], and [`DataError::Line`] for the first row that cannot be turned into an example.
    pub fn read(&self, path: &Path, encoder: &Encoder) -> Result<Vec<Vec<Example>>, DataError> {
        self.read_with_shape(path, encoder).map(|(rows, _)| rows)
    }

    /// As [`read`](Self::read), with the shape that was recognised.
    ///
    /// # Errors
    ///
    /// The errors are those of [`read`](Self::read).
    pub fn read_with_shape(
        &self,
        path: &Path,
        encoder: &Encoder,
    ) -> Result<(Vec<Vec<Example>>, Option<Shape>), DataError> {
        let records = read_records(path)?;
        let shape = records.first().and_then(|(_, row)| self.shape(row));
        let encode = |(index, (line, row)): (usize, &(usize, Record))| {
            let encoded = match shape {
                Some(shape) => encoder.encode_row(shape, row).map(|example| vec![example]),
                None => {
                    let variants = self.variants_for(row, index, &encoder.model);
                    variants.and_then(|v| {
                        let all: Vec<Vec<Example>> =
                            v.iter().map(|example| encoder.encode_all(example)).collect::<Result<_, _>>()?;
                        Ok(all.concat())
                    })
                }
            };
            encoded.map_err(|error| error.at(path, *line))
        };
        let rows: Vec<Result<_, _>> = records.par_iter().enumerate().map(encode).collect();
        Ok((rows.into_iter().collect::<Result<_, _>>()?, shape))
    }

    /// The shape of a row whose fields nothing names.
    fn shape(&self, row: &Record) -> Option<Shape> {
        match self {
            Self::Fields(fields) if !fields.is_named() => Shape::of(row),
            _ => None,
        }
    }
}
