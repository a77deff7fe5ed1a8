//! AdapterHub's folder. The vector on the output of a linear layer has the key `<module path>.loras.<adapter name>.lora_B`
//! (`methods/lora.py` of the library `adapters`).

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use ia3_config::{Ia3Config, ModelInfo, Placement, TaskType};
use ia3_io::adapter::CONFIG;
use ia3_io::fs::{FolderWrite, OutputFolder, WrittenFiles, file_names};
use ia3_io::safetensors::{Entry, TensorFile};
use ia3_io::{AdapterFile, FileVector};

use crate::adapterhub::config::HubFile;
use crate::column::{insert_column, vectors};
use crate::error::ConvertError;
use crate::format::AdapterFormat;
use crate::{selectors, t5};
use ia3_torch::{TorchFile, TorchTensor, write_torch};

const TORCH: &str = "pytorch_adapter.bin";
const SAFE: &str = "adapter.safetensors";
const VECTOR: &str = ".lora_B";
/// Fused projections of queries, keys and values. AdapterHub's vector covers only a part of them (`LoRAMergedLinear`).
const FUSED: [&str; 4] = ["c_attn", "in_proj", "qkv_proj", "query_key_value"];

/// Whether a file is one of the folder's.
pub(crate) fn is_part(path: &Path) -> bool {
    path.file_name().is_some_and(|name| [TORCH, SAFE, CONFIG].iter().any(|part| name == *part))
}

pub(crate) fn read(dir: &Path) -> Result<AdapterFile, ConvertError> {
    let hub = HubFile::read(&dir.join(CONFIG))?;
    let path = weights(dir)?;
    let mut adapter = AdapterFile::empty(path.clone(), Ia3Config::new());
    for (key, vector) in tensors(&path)? {
        let module = module(&path, &key, &hub)?;
        insert_column(&mut adapter, &key, &module, vector)?;
    }
    if adapter.vectors.is_empty() {
        let format = AdapterFormat::AdapterHub;
        return Err(ConvertError::NoVectors { path, format, suffix: VECTOR, found: vec![] });
    }
    adapter.config = selectors::of_outputs(&adapter.vectors)?;
    adapter.config.base_model_name_or_path = hub.model_name.filter(|name| !name.is_empty());
    if matches!(hub.model_type.as_deref(), Some("t5" | "mt5")) {
        adapter.config.task_type = Some(TaskType::Seq2SeqLm);
    }
    Ok(adapter)
}

/// The weights. If there are two files, the library takes the pickle first, and so does this function.
fn weights(dir: &Path) -> Result<PathBuf, ConvertError> {
    let found = [TORCH, SAFE].map(|name| dir.join(name)).into_iter().find(|path| path.exists());
    found.ok_or_else(|| ConvertError::NoAdapterHub { dir: dir.to_owned(), found: file_names(dir) })
}

fn tensors(path: &Path) -> Result<BTreeMap<String, FileVector>, ConvertError> {
    if path.file_name().is_some_and(|name| name == TORCH) {
        let mut file = TorchFile::open(path)?;
        let keys = file.keys().cloned().collect();
        return Ok(vectors(&mut file, &keys)?);
    }
    let file = TensorFile::open(path)?;
    let read = |(key, entry): (&String, &Entry)| {
        let values = file.read_f32(key, entry)?;
        Ok((key.clone(), FileVector { shape: entry.shape.clone(), values }))
    };
    file.tensors.iter().map(read).collect()
}

/// The module of a vector's key, as Hugging Face's model has it.
fn module(path: &Path, key: &str, hub: &HubFile) -> Result<String, ConvertError> {
    let not_ia3 = |what| ConvertError::NotIa3 { path: path.to_owned(), key: key.to_string(), what };
    let marker = format!(".loras.{}{VECTOR}", hub.name);
    let module = key.strip_suffix(&marker).filter(|module| !module.is_empty());
    let module =
        module.ok_or_else(|| not_ia3("a tensor of another adapter than the one in adapter_config.json"))?;
    if FUSED.iter().any(|fused| module.rsplit('.').next() == Some(fused)) {
        return Err(not_ia3("a vector on a part of a fused projection"));
    }
    // `T5AdapterModel` holds the model in the field `transformer`.
    let inner = module.strip_prefix("transformer.").filter(|inner| t5::layer(inner).is_some());
    Ok(inner.unwrap_or(module).to_string())
}

/// Refuses a folder with weights that would remain beside the new ones.
pub(crate) fn check_folder(dir: &Path) -> Result<(), ConvertError> {
    let path = dir.join(SAFE);
    match path.exists() {
        true => Err(ConvertError::InTheWay { path, format: AdapterFormat::AdapterHub }),
        false => Ok(()),
    }
}

/// The layer of a module, if the library can give it a vector.
fn writable(module: &str) -> Result<t5::Layer<'_>, ConvertError> {
    let layer = t5::layer(module).filter(|layer| layer.name != "o" && layer.name != "wi_0");
    layer.ok_or_else(|| {
        let (format, placement) = (AdapterFormat::AdapterHub, Placement::Output);
        ConvertError::Unrepresentable { format, module: module.to_string(), placement }
    })
}

/// Writes vectors on outputs as a folder; its adapter is called `ia3`.
pub(crate) fn write(
    config: &Ia3Config,
    vectors: Vec<(&str, &FileVector)>,
    folder: &OutputFolder,
    base: Option<&ModelInfo>,
) -> Result<WrittenFiles, ConvertError> {
    let layers = vectors.iter().map(|(module, _)| writable(module)).collect::<Result<Vec<_>, _>>()?;
    let hub = HubFile::of(&layers, config.base_model_name_or_path.clone(), base);
    let key = |module: &str| format!("{module}.loras.{}{VECTOR}", hub.name);
    let tensors: Vec<TorchTensor> =
        vectors.iter().map(|(module, vector)| TorchTensor::column(key(module), &vector.values)).collect();
    let mut write = FolderWrite::new(folder)?;
    write.file(TORCH, |out| write_torch(out, &tensors))?;
    write.file(CONFIG, |out| Ok(serde_json::to_writer_pretty(out, &hub)?))?;
    write.last(&[CONFIG]);
    Ok(write.commit()?)
}
