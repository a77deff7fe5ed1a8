//! Vectors of formats that have them on outputs only, as columns `[n, 1]`.

use ia3_io::{AdapterFile, FileVector};

use crate::error::ConvertError;

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
