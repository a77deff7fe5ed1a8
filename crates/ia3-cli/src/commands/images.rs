//! Images as the rows of a model of images.

use std::path::{Path, PathBuf};

use anyhow::Context;
use ia3::ModelConfig;
use ia3::data::{Example, Fields, ImageProcessor, ImageRows, ModelKind, Pixels};
use ia3::models::ImageShape;

/// How the images of a base become numbers, and their height and width. The configuration is that of a model of images.
fn processor(base: &Path, config: &ModelConfig) -> anyhow::Result<(ImageProcessor, [usize; 2])> {
    let ImageShape { channels, height, width, .. } = config
        .image()
        .with_context(|| format!("a `{}` model reads texts, not images", config.model_type()))?;
    Ok((ImageProcessor::open(base, config.model_type(), channels)?, [height, width]))
}

/// The images of files.
pub(super) fn read(base: &Path, config: &ModelConfig, files: &[PathBuf]) -> anyhow::Result<Vec<Pixels>> {
    let (processor, size) = processor(base, config)?;
    files.iter().map(|file| Ok(processor.read(file, size)?)).collect()
}

/// Reads rows of data with images.
pub(super) fn rows(
    base: &Path,
    config: &ModelConfig,
    model: ModelKind,
    fields: Fields,
) -> anyhow::Result<ImageRows> {
    let (processor, size) = processor(base, config)?;
    Ok(ImageRows::new(processor, size, model, fields))
}

/// The rows of a file; each has one variant.
pub(super) fn examples(rows: &ImageRows, path: &Path) -> anyhow::Result<Vec<Vec<Example>>> {
    Ok(rows.read(path)?.into_iter().map(|example| vec![example]).collect())
}
