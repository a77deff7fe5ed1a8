use crate::error::DataError;

/// The number of the label `name`: its position in `names`.
pub(crate) fn position(name: &str, names: &[String]) -> Result<usize, DataError> {
    match names.iter().position(|n| n == name) {
        Some(position) => Ok(position),
        None if names.is_empty() => Err(DataError::NoLabelNames { label: name.into() }),
        None => Err(DataError::UnknownLabel { label: name.into(), names: names.to_vec() }),
    }
}
