//! The report on a GGUF file.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use ia3_gguf::{GgufFile, MergedRecord};
use ia3_guard::quote;
use serde::Serialize;

/// A GGUF file, from its header. No tensor is read.
#[derive(Serialize)]
pub(crate) struct GgufReport {
    kind: &'static str,
    version: u32,
    architecture: Option<String>,
    bytes: u64,
    parameters: u64,
    alignment: u64,
    /// How many tensors there are of each type.
    types: BTreeMap<String, usize>,
    metadata: Vec<(String, String)>,
    tensors: Vec<Tensor>,
    /// What was merged into the file.
    merged: Option<Merged>,
}

#[derive(Serialize)]
struct Tensor {
    name: String,
    r#type: &'static str,
    /// The length of a row first, as in the file.
    shape: Vec<u64>,
}

#[derive(Serialize)]
struct Merged {
    base_sha256: String,
    adapters_sha256: Vec<String>,
}

pub(crate) fn report(path: &Path) -> anyhow::Result<GgufReport> {
    let file = GgufFile::open(path)?;
    let mut types = BTreeMap::new();
    for tensor in file.tensors() {
        *types.entry(tensor.kind.name.to_owned()).or_insert(0) += 1;
    }
    let tensor = |tensor: &ia3_gguf::TensorInfo| Tensor {
        name: tensor.name.clone(),
        r#type: tensor.kind.name,
        shape: tensor.dims.clone(),
    };
    let merged = MergedRecord::of(&file)?
        .map(|record| Merged { base_sha256: record.base_sha256, adapters_sha256: record.adapters });
    Ok(GgufReport {
        kind: "gguf",
        version: file.version(),
        architecture: file.metadata().text("general.architecture")?.map(str::to_owned),
        bytes: file.size(),
        parameters: file.tensors().iter().map(|tensor| tensor.len()).sum(),
        alignment: file.alignment(),
        types,
        metadata: file.metadata().iter().map(|(key, value)| (key.to_owned(), value.to_string())).collect(),
        tensors: file.tensors().iter().map(tensor).collect(),
        merged,
    })
}

impl fmt::Display for GgufReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { version, bytes, parameters, alignment, .. } = self;
        let architecture = quote(self.architecture.as_deref().unwrap_or("unknown"));
        writeln!(
            f,
            "GGUF version {version}, architecture {architecture}, {parameters} parameters, {bytes} bytes"
        )?;
        let types: Vec<String> = self.types.iter().map(|(kind, count)| format!("{count} {kind}")).collect();
        writeln!(f, "tensors:   {} ({}), alignment {alignment}", self.tensors.len(), types.join(", "))?;
        match &self.merged {
            None => write!(f, "merged:    no adapter")?,
            Some(Merged { base_sha256, adapters_sha256 }) => {
                let adapters: Vec<String> =
                    adapters_sha256.iter().map(|hash| quote(hash).into_owned()).collect();
                write!(f, "merged:    {} into {}", adapters.join(", "), quote(base_sha256))?;
            }
        }
        writeln!(f)?;
        self.metadata.iter().try_for_each(|(key, value)| write!(f, "\n{} = {value}", quote(key)))?;
        writeln!(f)?;
        let line = |tensor: &Tensor| {
            (quote(&tensor.name).into_owned(), tensor.r#type, format!("{:?}", tensor.shape))
        };
        self.tensors
            .iter()
            .map(line)
            .try_for_each(|(name, kind, shape)| write!(f, "\n{name:40} {kind:8} {shape}"))
    }
}
