//! T-Few's file. The vector on the output of a linear layer has the key `<module path>.multi_lora_b`
//! (`src/models/lora.py` of r-three/t-few).

use std::path::Path;

use ia3_config::{Ia3Config, TaskType};
use ia3_io::fs::{WrittenFiles, write_file_with};
use ia3_io::{AdapterFile, FileVector};

use crate::column::{insert_column, vectors};
use crate::error::ConvertError;
use crate::format::AdapterFormat;
use crate::selectors;
use ia3_torch::{TorchFile, TorchTensor, write_torch};

const VECTOR: &str = ".multi_lora_b";
/// The suffix of the vector on the input, which T-Few writes and never trains, so it is all ones.
const INPUT: &str = ".multi_lora_a";
const LORA: [&str; 2] = [".lora_a", ".lora_b"];
/// The prefix that DeepSpeed and Lightning add to names.
const WRAPPER: &str = "module.model.";

/// The vectors of a file, and the keys of its other tensors.
pub(crate) fn read(path: &Path) -> Result<(AdapterFile, Vec<String>), ConvertError> {
    let mut file = TorchFile::open(path)?;
    check_lora(&file)?;
    let is_read = |key: &&String| key.ends_with(VECTOR) || key.ends_with(INPUT);
    let (read, ignored): (Vec<_>, Vec<_>) = file.keys().cloned().partition(|key| is_read(&key));
    let read = vectors(&mut file, &read.into_iter().collect())?;
    let mut adapter = AdapterFile::empty(path.to_owned(), Ia3Config::new());
    for (key, vector) in read {
        match module(&key) {
            Some(module) => insert_column(&mut adapter, &key, module, vector)?,
            None if vector.values.iter().all(|value| *value == 1.0) => {}
            None => return Err(not_ia3(path, &key, "a vector on an input that is not all ones")),
        }
    }
    if adapter.vectors.is_empty() {
        let (path, format) = (path.to_owned(), AdapterFormat::TFew);
        return Err(ConvertError::NoVectors { path, format, suffix: VECTOR, found: ignored });
    }
    adapter.config = selectors::of_outputs(&adapter.vectors)?.with_task_type(TaskType::Seq2SeqLm);
    Ok((adapter, ignored))
}

/// The module of a vector's key.
fn module(key: &str) -> Option<&str> {
    let module = key.strip_suffix(VECTOR)?;
    Some(module.strip_prefix(WRAPPER).unwrap_or(module)).filter(|module| !module.is_empty())
}

fn check_lora(file: &TorchFile) -> Result<(), ConvertError> {
    let is_lora = |key: &&String| LORA.iter().any(|suffix| key.ends_with(suffix));
    match file.keys().find(is_lora) {
        Some(key) => Err(not_ia3(file.path(), key, "a matrix of LoRA")),
        None => Ok(()),
    }
}

fn not_ia3(path: &Path, key: &str, what: &'static str) -> ConvertError {
    ConvertError::NotIa3 { path: path.to_owned(), key: key.to_string(), what }
}

/// Writes vectors on outputs as a file.
pub(crate) fn write<'a>(
    vectors: Vec<(&'a str, &'a FileVector)>,
    path: &Path,
) -> Result<WrittenFiles, ConvertError> {
    let column = |(module, vector): (&str, &'a FileVector)| {
        TorchTensor::column(format!("{module}{VECTOR}"), &vector.values)
    };
    let tensors: Vec<TorchTensor> = vectors.into_iter().map(column).collect();
    Ok(write_file_with(path, |out| write_torch(out, &tensors))?)
}
