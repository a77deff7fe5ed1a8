//! Writing the files of an adapter folder.

use ia3_config::Ia3Config;

use crate::adapter::card::Card;
use crate::adapter::file::{CONFIG, WEIGHTS};
use crate::fs::{FileError, FolderWrite, WrittenFiles};
use crate::safetensors::{Source, pytorch_metadata, write_file};

const CARD: &str = "README.md";

/// Writes all files of an adapter as one unit. A model card is written only if the folder has none.
pub(crate) fn write_folder(
    mut write: FolderWrite,
    tensors: Vec<Source>,
    config: &Ia3Config,
    card: &Card,
) -> Result<WrittenFiles, FileError> {
    write.file(WEIGHTS, |out| write_file(out, tensors, &pytorch_metadata()))?;
    write.text(CONFIG, &config.to_json())?;
    if !write.current(CARD).exists() {
        write.text(CARD, &card.text())?;
    }
    write.last(&[CONFIG]);
    write.commit()
}
