//! Finding the quantised weights of a checkpoint by the names of their tensors.

use std::collections::BTreeMap;

use super::config::Method;
use super::four_bit::{FourBit, STATE};
use super::grouped::{Grouped, Layout};
use super::int8::{Int8, Program};
use super::{Kind, PackedWeight};
use crate::checkpoint::CheckpointError;
use crate::checkpoint::quantization_config::{Announced, of_folder};
use crate::checkpoint::stored_tensors::StoredTensors;

/// What the name of a tensor says.
enum Named<'a> {
    /// The integers of GPTQ or AWQ, of the layer at this path.
    Grouped(&'a str),
    /// The scales of eight bits, of the layer at this path.
    Int8(&'a str, Program),
    /// The state of four bits, of the weight of this name.
    FourBit(&'a str),
}

fn named(tensor: &str) -> Option<Named<'_>> {
    let four_bit = || Some(Named::FourBit(&tensor[..tensor.find(STATE)?]));
    let grouped = || tensor.strip_suffix(".qweight").map(Named::Grouped);
    let int8 = |program: Program| {
        let stem = tensor.strip_suffix(program.names()[1])?.strip_suffix('.')?;
        Some(Named::Int8(stem, program))
    };
    let int8 = || [Program::Bitsandbytes, Program::Torchao].into_iter().find_map(int8);
    grouped().or_else(int8).or_else(four_bit)
}

/// The quantised weights, by the name of the weight. Their tensors have been checked against each other and against
/// `quantization_config` of the `config.json` beside them.
pub(in crate::checkpoint) fn find(
    file: &StoredTensors,
) -> Result<BTreeMap<String, PackedWeight>, CheckpointError> {
    let stored: Vec<(&str, Named)> = file.names().filter_map(|name| Some((name, named(name)?))).collect();
    let Some((first, _)) = stored.first() else { return Ok(BTreeMap::new()) };
    let unannounced = |tensor: &str, other| CheckpointError::Unannounced {
        path: file.path().to_owned(),
        tensor: tensor.to_string(),
        other,
    };
    let method = match file.folder().map(of_folder).transpose()? {
        Some(Announced::Packed(method)) => method,
        Some(Announced::Integers(_)) => return Err(unannounced(first, true)),
        Some(Announced::Floats) | None => return Err(unannounced(first, false)),
    };
    let mut weights = BTreeMap::new();
    for (tensor, named) in stored {
        let (name, kind) = match (named, method) {
            (Named::Grouped(stem), Method::Gptq { bits, group_size, zeros }) => {
                let grouped = Grouped::of(file, stem, Layout::Gptq { bits, zeros }, group_size)?;
                (format!("{stem}.weight"), Kind::Grouped(grouped))
            }
            (Named::Grouped(stem), Method::Awq { group_size }) => {
                let grouped = Grouped::of(file, stem, Layout::Awq, group_size)?;
                (format!("{stem}.weight"), Kind::Grouped(grouped))
            }
            (Named::Int8(stem, program), Method::Bitsandbytes | Method::Torchao)
                if (program == Program::Torchao) == (method == Method::Torchao) =>
            {
                (format!("{stem}.weight"), Kind::Int8(Int8::of(file, stem, program)?))
            }
            (Named::FourBit(weight), Method::Bitsandbytes) => {
                (weight.to_string(), Kind::FourBit(FourBit::of(file, weight, tensor)?))
            }
            _ => return Err(unannounced(tensor, true)),
        };
        weights.insert(name, PackedWeight::new(file, kind));
    }
    Ok(weights)
}

impl PackedWeight {
    fn new(file: &StoredTensors, kind: Kind) -> Self {
        let (shape, parts) = match &kind {
            Kind::Grouped(grouped) => (grouped.shape(), grouped.parts()),
            Kind::Int8(int8) => (int8.shape, int8.parts()),
            Kind::FourBit(four_bit) => (four_bit.shape, four_bit.parts()),
        };
        let bytes = parts.iter().filter_map(|part| Some(file.entry(part).ok()?.1.bytes)).sum();
        Self { shape, parts, bytes, kind }
    }
}
