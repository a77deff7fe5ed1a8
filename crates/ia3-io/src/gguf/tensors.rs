//! The tensors of a GGUF file, decoded and under the names and in the layout of Hugging Face's model.

use std::collections::BTreeMap;
use std::path::Path;

use burn::tensor::{DType, TensorData};
use ia3_gguf::{Architecture, Format, GgufError, GgufFile, IntegerFormat, RowOrder, TensorInfo};
use safetensors::Dtype;

use crate::kept::Kept;
use crate::layout;

/// The tensors of a GGUF file by Hugging Face's names.
#[derive(Debug)]
pub(crate) struct GgufTensors {
    file: GgufFile,
    places: BTreeMap<String, Place>,
}

#[derive(Debug)]
struct Place {
    tensor: String,
    order: RowOrder,
    /// Whether Hugging Face has the inputs of the layer first, as GPT-2 does.
    transposed: bool,
    /// What llama.cpp's converter has added to the values, which Gemma's norms add themselves.
    added: f32,
}

/// The tensors of factors of the rotary embeddings, which are part of the configuration.
const ROTATION: [&str; 3] = ["rope_freqs.weight", "rope_factors_long.weight", "rope_factors_short.weight"];

/// What is known of a tensor without reading it.
pub(crate) struct Facts {
    pub(crate) dtype: Dtype,
    /// As Hugging Face has it.
    pub(crate) shape: Vec<usize>,
    /// Its size in the file, and where it begins.
    pub(crate) bytes: usize,
    pub(crate) start: u64,
}

impl GgufTensors {
    pub(crate) fn open(path: &Path) -> Result<Self, GgufError> {
        let file = GgufFile::open(path)?;
        let architecture = Architecture::of(&file)?;
        let (inputs_first, is_gemma) =
            (architecture.name() == "gpt2", architecture.name().starts_with("gemma"));
        let mut places = BTreeMap::new();
        for tensor in file.tensors().iter().filter(|tensor| !ROTATION.contains(&tensor.name.as_str())) {
            let known = architecture.parameter(&file, &tensor.name);
            let (name, order) = known.unwrap_or_else(|| (tensor.name.clone(), RowOrder::Same));
            let is_layer = tensor.name.starts_with("blk.") && tensor.dims.len() == 2;
            check_rows(&file, tensor, order)?;
            let place = Place {
                tensor: tensor.name.clone(),
                order,
                transposed: inputs_first && is_layer,
                added: if is_gemma && name.ends_with("norm.weight") { 1.0 } else { 0.0 },
            };
            places.insert(name, place);
        }
        Ok(Self { file, places })
    }

    /// The tensors with their names.
    pub(crate) fn facts(&self) -> impl Iterator<Item = (String, Facts)> {
        self.places.iter().filter_map(|(name, place)| {
            let tensor = self.file.tensor(&place.tensor)?;
            let mut shape: Vec<usize> = tensor.dims.iter().rev().map(|dim| *dim as usize).collect();
            if place.transposed {
                shape.reverse();
            }
            let dtype = match tensor.kind.format {
                Some(Format::F16) => Dtype::F16,
                Some(Format::Bf16) => Dtype::BF16,
                Some(_) => Dtype::F32,
                // No float, so that a model that needs it is refused by its name.
                None => Dtype::U8,
            };
            let (bytes, start) = (tensor.bytes as usize, self.file.start(tensor));
            Some((name.clone(), Facts { dtype, shape, bytes, start }))
        })
    }

    /// The values of a tensor as `dtype`, rounded to nearest; a matrix transposed if `transposed`.
    pub(crate) fn read(&self, name: &str, dtype: DType, transposed: bool) -> Result<TensorData, GgufError> {
        let (values, shape) = self.values(name, transposed)?;
        Ok(layout::as_dtype(values, shape, dtype))
    }

    /// How a matrix of integers stores them; `None` for other tensors.
    pub(crate) fn integers(&self, name: &str) -> Option<IntegerFormat> {
        let tensor = self.file.tensor(&self.places.get(name)?.tensor)?;
        tensor.kind.format?.integers().filter(|_| tensor.dims.len() == 2)
    }

    /// The integers of a matrix, with the outputs first. There must be [`integers`](Self::integers).
    pub(crate) fn kept(&self, name: &str) -> Result<Kept, GgufError> {
        let (place, tensor) = self.stored(name)?;
        let stored = self.file.tensor_integers(tensor)?.ok_or_else(|| self.missing(name))?;
        Ok(Kept {
            shape: [tensor.rows() as usize, tensor.columns() as usize],
            range: stored.format.range,
            values: sorted(stored.values, tensor, place.order),
            scales: sorted(stored.scales, tensor, place.order),
            minima: sorted(stored.minima, tensor, place.order),
        })
    }

    /// The values of a tensor as float32 and its shape.
    pub(crate) fn values(&self, name: &str, transposed: bool) -> Result<(Vec<f32>, Vec<usize>), GgufError> {
        let (place, tensor) = self.stored(name)?;
        let mut shape: Vec<usize> = tensor.dims.iter().rev().map(|dim| *dim as usize).collect();
        let mut values = sorted(self.file.decode(tensor)?, tensor, place.order);
        if place.added != 0.0 {
            values.iter_mut().for_each(|value| *value -= place.added);
        }
        if shape.len() != 2 || transposed == place.transposed {
            return Ok((values, shape));
        }
        let turned = layout::transposed(&values, shape[1]);
        shape.reverse();
        Ok((turned, shape))
    }

    fn stored(&self, name: &str) -> Result<(&Place, &TensorInfo), GgufError> {
        let place = self.places.get(name);
        let found = place.and_then(|place| Some((place, self.file.tensor(&place.tensor)?)));
        found.ok_or_else(|| self.missing(name))
    }

    fn missing(&self, name: &str) -> GgufError {
        GgufError::NoTensor { path: self.file.path().to_owned(), tensor: name.to_owned() }
    }
}

fn rows(tensor: &TensorInfo) -> u64 {
    if tensor.dims.len() == 1 { tensor.columns() } else { tensor.rows() }
}

fn check_rows(file: &GgufFile, tensor: &TensorInfo, order: RowOrder) -> Result<(), GgufError> {
    if rows(tensor).is_multiple_of(order.divisor()) {
        return Ok(());
    }
    Err(GgufError::Header {
        path: file.path().to_owned(),
        what: format!("tensor `{}`", ia3_guard::quote(&tensor.name)),
        problem: format!("has {} rows, which the heads of the model cannot share", rows(tensor)),
    })
}

/// The rows in Hugging Face's order.
fn sorted<T: Copy + Default>(values: Vec<T>, tensor: &TensorInfo, order: RowOrder) -> Vec<T> {
    if order == RowOrder::Same {
        return values;
    }
    let rows = rows(tensor);
    let width = values.len() / rows as usize;
    let mut sorted = vec![T::default(); values.len()];
    for (row, from) in (0..rows).zip(values.chunks_exact(width.max(1))) {
        let to = order.source(row, rows) as usize * width;
        sorted[to..to + width].copy_from_slice(from);
    }
    sorted
}
