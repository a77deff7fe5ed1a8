//! Adapters as state dicts of PEFT, in memory.

use std::collections::BTreeMap;
use std::path::PathBuf;

use burn::tensor::{DType, TensorData};
use ia3_config::{Ia3Config, ModelInfo};
use ia3_core::Adapter;

use crate::adapter::file::AdapterFile;
use crate::adapter::{AdapterFileError, keys, modules_to_save};
use crate::safetensors::file_dtype;

/// The tensors of `adapter_model.safetensors` by their keys, as PEFT's `get_peft_model_state_dict` returns them.
///
/// The facts of the model in `base` decide the layout of matrices saved whole.
///
/// # Errors
///
/// [`AdapterFileError::UnknownLayout`] for a matrix saved whole (`modules_to_save`) without `base`.
///
/// # Panics
///
/// Panics if a device fails to return the values.
pub fn state_dict(
    adapter: &Adapter,
    base: Option<&ModelInfo>,
) -> Result<BTreeMap<String, TensorData>, AdapterFileError> {
    let mut tensors = BTreeMap::new();
    for (path, vector) in &adapter.vectors {
        let values: Vec<f32> = vector.values().into_data().iter().collect();
        tensors.insert(
            keys::vector_key(path),
            TensorData::new(values, vector.placement.file_shape(vector.len(), vector.weight_rank())),
        );
    }
    for (path, data) in &adapter.saved {
        let (name, transposed) = modules_to_save::to_file(path, data.shape().num_dims(), base)?;
        let data = if transposed { modules_to_save::transpose(data.clone()) } else { data.clone() };
        tensors.insert(keys::parameter_key(&name), data);
    }
    Ok(tensors)
}

impl AdapterFile {
    /// Makes an adapter from a state dict of PEFT, as if it had been read from a file.
    ///
    /// # Errors
    ///
    /// [`AdapterFileError::Key`], [`AdapterFileError::DuplicateVector`], [`AdapterFileError::VectorForm`] and [`AdapterFileError::Safetensors`] for the
    /// tensors.
    ///
    /// ```
    /// # use burn::tensor::{Device, TensorData};
    /// # use ia3_io::AdapterFile;
    /// # use ia3_core::Ia3Config;
    /// let l = TensorData::from([[0.5f32], [2.0]]);
    /// let tensors = [("base_model.model.encoder.k.ia3_l".to_string(), l)].into();
    /// let file = AdapterFile::from_state_dict(Ia3Config::new(), tensors)?;
    /// assert_eq!(file.vectors["encoder.k"].values, [0.5, 2.0]);
    /// # Ok::<(), ia3_io::AdapterFileError>(())
    /// ```
    pub fn from_state_dict(
        config: Ia3Config,
        tensors: BTreeMap<String, TensorData>,
    ) -> Result<Self, AdapterFileError> {
        let path = PathBuf::from("<state dict>");
        let mut file = Self::empty(path, config);
        for (key, data) in tensors {
            file_dtype(data.dtype(), &key)?;
            let values = || Ok(data.iter::<f32>().collect());
            let is_double = data.dtype() == DType::F64;
            let whole = || Ok(if is_double { data.clone().convert::<f32>() } else { data.clone() });
            file.insert_tensor(&key, data.shape(), values, whole)?;
        }
        Ok(file)
    }
}
