//! Vectors of formats that have them on outputs only, as columns `[n, 1]`.

use std::collections::{BTreeMap, BTreeSet};

use ia3_io::safetensors::decode_f32;
use ia3_io::{AdapterFile, FileVector};
use ia3_torch::{TorchError, TorchFile};

use crate::error::ConvertError;

/// The tensors of some keys, as float32.
pub(crate) fn vectors(
    file: &mut TorchFile,
    keys: &BTreeSet<String>,
) -> Result<BTreeMap<String, FileVector>, TorchError> {
    let tensors = file.read(keys)?.into_iter();
    let vector = |(key, tensor): (String, ia3_torch::TorchValues)| {
        (key, FileVector { shape: tensor.shape, values: decode_f32(tensor.dtype, &tensor.bytes) })
    };
    Ok(tensors.map(vector).collect())
}

/// Adds the vector of a module, which was found under `key` and must be a column.
pub(crate) fn insert_column(
    adapter: &mut AdapterFile,
    key: &str,
    module: &str,
    vector: FileVector,
) -> Result<(), ConvertError> {
    match *vector.shape {
        [n, 1] if n > 0 => Ok(adapter.insert(key, module, vector)?),
        _ => {
            let (path, found) = (adapter.path.clone(), vector.shape);
            Err(ConvertError::ColumnForm { path, key: key.to_string(), found })
        }
    }
}
