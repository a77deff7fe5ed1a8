//! Writing the files of an adapter folder.

use std::path::Path;

use ia3_config::Ia3Config;

use crate::adapter::card::Card;
use crate::adapter::file::{CONFIG, WEIGHTS};
use crate::fs::{AtomicWrite, FileError, WrittenFiles};
use crate::safetensors::{Source, pytorch_metadata, write_file};

const CARD: &str = "README.md";

/// Writes all files of an adapter or none. A model card is written only if the folder has none.
pub(crate) fn write_folder(
    dir: &Path,
    tensors: Vec<Source>,
    config: &Ia3Config,
    card: &Card,
) -> Result<WrittenFiles, FileError> {
    let mut write = AtomicWrite::new(dir)?;
    write.file(WEIGHTS, |out| write_file(out, tensors, &pytorch_metadata()))?;
    write.text(CONFIG, &config.to_json())?;
    if !dir.join(CARD).exists() {
        write.text(CARD, &card.text())?;
    }
    write.commit()
}
