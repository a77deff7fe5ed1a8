//! LyCORIS's file (`lycoris/modules/ia3.py`): safetensors with `lycoris_<module path>.weight`, where the path has `_` in the place
//! of its dots, and `….on_input`. The factor is 1 + weight.

use std::collections::BTreeMap;
use std::path::Path;

use ia3_config::{Ia3Config, ModelInfo, ModuleKind, Placement};
use ia3_io::safetensors::{Entry, TensorFile};
use ia3_io::{AdapterFile, FileVector};

use crate::error::ConvertError;
use crate::format::AdapterFormat;
use crate::selectors;

const PREFIX: &str = "lycoris_";
const VECTOR: &str = ".weight";
const SIDE: &str = ".on_input";

/// Whether a safetensors file has the keys of LyCORIS's (IA)³.
pub(crate) fn is_there(path: &Path) -> bool {
    TensorFile::open(path).is_ok_and(|file| file.tensors.keys().any(|key| key.ends_with(SIDE)))
}

/// Reads a file for a base, whose module paths say where the dots of a path are.
pub(crate) fn read(path: &Path, base: Option<&ModelInfo>) -> Result<AdapterFile, ConvertError> {
    let base = base.ok_or_else(|| ConvertError::BaseNeeded { path: path.to_owned() })?;
    let (file, names) = (TensorFile::open(path)?, names(base));
    let (mut adapter, mut placements) =
        (AdapterFile::empty(path.to_owned(), Ia3Config::new()), BTreeMap::new());
    for (key, entry) in &file.tensors {
        let Some(name) = key.strip_suffix(VECTOR) else {
            if key
                .strip_suffix(SIDE)
                .is_some_and(|name| file.tensors.contains_key(&format!("{name}{VECTOR}")))
            {
                continue;
            }
            return Err(not_ia3(path, key, "neither the weight nor the side of a vector"));
        };
        let side_key = format!("{name}{SIDE}");
        let side = file.tensors.get(&side_key);
        let side = side.ok_or_else(|| not_ia3(path, key, "a weight without `on_input` beside it"))?;
        let placement = placement(&file, &side_key, side)?;
        let module = module(path, key, name, &names)?;
        let vector = vector(&file, key, entry, placement)?;
        check_layer(path, key, base, module, placement, vector.values.len())?;
        placements.insert(module.to_string(), placement);
        adapter.insert(key, module, vector)?;
    }
    if adapter.vectors.is_empty() {
        let (path, found) = (path.to_owned(), file.tensors.keys().cloned().collect());
        return Err(ConvertError::NoVectors { path, format: AdapterFormat::Lycoris, suffix: VECTOR, found });
    }
    adapter.config = selectors::select(Ia3Config::new(), &adapter.vectors, &placements, Some(base))?;
    Ok(adapter)
}

fn not_ia3(path: &Path, key: &str, what: &'static str) -> ConvertError {
    ConvertError::NotIa3 { path: path.to_owned(), key: key.to_string(), what }
}

/// Which side a vector is on: a tensor of one boolean, or the number 0 or 1.
fn placement(file: &TensorFile, key: &str, entry: &Entry) -> Result<Placement, ConvertError> {
    let wrong = || not_ia3(&file.path, key, "no single boolean");
    if entry.shape.iter().product::<usize>() != 1 {
        return Err(wrong());
    }
    match file.read_flag(key, entry)? {
        Some(true) => Ok(Placement::Input),
        Some(false) => Ok(Placement::Output),
        None => Err(wrong()),
    }
}

/// The paths of the modules of the base by their names with `_` for the dots; `None` where several have one name.
fn names(base: &ModelInfo) -> BTreeMap<String, Option<&str>> {
    let mut names = BTreeMap::new();
    for module in &base.modules {
        let path = Some(module.path.as_str());
        names.entry(module.path.replace('.', "_")).and_modify(|other| *other = None).or_insert(path);
    }
    names
}

fn module<'a>(
    path: &Path,
    key: &str,
    name: &str,
    names: &BTreeMap<String, Option<&'a str>>,
) -> Result<&'a str, ConvertError> {
    let name = name
        .strip_prefix(PREFIX)
        .ok_or_else(|| not_ia3(path, key, "a tensor of another kind than `lycoris_<module path>.weight`"))?;
    match names.get(name) {
        Some(Some(module)) => Ok(module),
        None => Err(not_ia3(path, key, "a vector of a module that the base does not have")),
        Some(None) => Err(not_ia3(path, key, "a vector whose name several modules of the base have")),
    }
}

/// The factors of a vector, in the shape that PEFT gives them.
fn vector(
    file: &TensorFile,
    key: &str,
    entry: &Entry,
    placement: Placement,
) -> Result<FileVector, ConvertError> {
    let len = entry.shape.iter().product();
    if len == 0 || entry.shape.iter().filter(|size| **size != 1).count() > 1 {
        return Err(not_ia3(&file.path, key, "a matrix or empty"));
    }
    let values = file.read_f32(key, entry)?.into_iter().map(|weight| 1.0 + weight).collect();
    let shape = if placement == Placement::Input { vec![1, len] } else { vec![len, 1] };
    Ok(FileVector { shape, values })
}

/// LyCORIS scales the weight alone, so a vector on the outputs of a layer with a bias is another function than PEFT's.
fn check_layer(
    path: &Path,
    key: &str,
    base: &ModelInfo,
    module: &str,
    placement: Placement,
    len: usize,
) -> Result<(), ConvertError> {
    let (d_in, d_out, bias) = match base.module(module).map(|module| &module.kind) {
        Some(ModuleKind::Linear { d_in, d_out, bias } | ModuleKind::Conv1D { d_in, d_out, bias }) => {
            (*d_in, *d_out, *bias)
        }
        _ => return Err(not_ia3(path, key, "a vector of a module that is no linear layer")),
    };
    if bias && placement == Placement::Output {
        let what =
            "a vector on the outputs of a layer with a bias, which LyCORIS does not scale and PEFT does";
        return Err(not_ia3(path, key, what));
    }
    match len == if placement == Placement::Input { d_in } else { d_out } {
        true => Ok(()),
        false => {
            Err(not_ia3(path, key, "a vector of another length than that side of its layer in the base"))
        }
    }
}
