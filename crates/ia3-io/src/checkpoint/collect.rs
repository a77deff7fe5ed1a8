//! The tensors of a module, ready to be written to a checkpoint.

use std::io::{self, Write};

use burn::module::{Module, Param};
use burn::tensor::Tensor;
use ia3_core::{
    Bits, NonFinite, ParamPath, ParamVisitor, QuantizedLayout, count_non_finite, visit_params_with,
};

use crate::checkpoint::CheckpointError;
use crate::checkpoint::quantization_config::OwnFormat;
use crate::checkpoint::quantized::{names, write};
use crate::layout;
use crate::safetensors::{Source, file_dtype};

/// How many bytes of a tensor are copied from its device at once.
const CHUNK: usize = 4 << 20;

/// The tensors to write, and the format of quantised weights.
pub(crate) fn sources<M: Module>(
    module: &M,
) -> Result<(Vec<Source<'static>>, Option<OwnFormat>), CheckpointError> {
    let mut collector = Collector::default();
    visit_params_with(module, &mut collector);
    collector.failed.map_or(Ok((collector.sources, collector.format)), Err)
}

#[derive(Default)]
struct Collector {
    sources: Vec<Source<'static>>,
    format: Option<OwnFormat>,
    failed: Option<CheckpointError>,
}

impl Collector {
    fn collect<const D: usize>(
        &mut self,
        path: &ParamPath,
        tensor: Tensor<D>,
    ) -> Result<(), CheckpointError> {
        let (holder, leaf, name) = (path.container(), path.name(), layout::file_name(path));
        let quantized = QuantizedLayout::of(&tensor).filter(|_| names::is_quantizable(holder, leaf));
        let Some(quantized) = quantized else {
            let transposed = layout::is_transposed(holder, leaf, D);
            self.sources.push(source(name, tensor, transposed)?);
            return Ok(());
        };
        self.format = Some(joined(self.format, quantized));
        self.sources.extend(write::sources(&name, quantized, tensor));
        Ok(())
    }
}

/// The format that holds the weights before this one, and this one.
fn joined(before: Option<OwnFormat>, layout: QuantizedLayout) -> OwnFormat {
    let before = before.unwrap_or(OwnFormat { bits: layout.bits, version: 1 });
    let is_plain = before.bits == layout.bits && !layout.full_range && !layout.minima;
    OwnFormat {
        bits: if layout.bits == Bits::Four { Bits::Four } else { before.bits },
        version: if is_plain { before.version } else { 2 },
    }
}

impl ParamVisitor for Collector {
    fn visit_float<const D: usize>(&mut self, path: &ParamPath, param: &Param<Tensor<D>>) {
        if self.failed.is_some() {
            return;
        }
        self.failed = match path.reparameterized() {
            Some(parameter) => Some(CheckpointError::Attached { parameter }),
            None => self.collect(path, param.base()).err(),
        };
    }
}

fn source<const D: usize>(
    name: String,
    tensor: Tensor<D>,
    transposed: bool,
) -> Result<Source<'static>, CheckpointError> {
    let dtype = file_dtype(tensor.dtype(), &name)?;
    // `detach` would turn integers into floats, so the dtype is checked first.
    let tensor = tensor.detach();
    let tensor = if transposed { tensor.transpose() } else { tensor };
    let shape = tensor.shape().to_vec();
    let path = name.clone();
    Ok(Source { name, dtype, shape, write: Box::new(move |out| write_values(&path, tensor, out)) })
}

/// Writes a tensor a few rows at a time. A value that is NaN or infinite is an error, [`NonFinite`].
fn write_values<const D: usize>(name: &str, tensor: Tensor<D>, out: &mut dyn Write) -> io::Result<()> {
    let shape = tensor.shape();
    let rows = shape.first().copied().unwrap_or(0);
    let elements = shape.num_elements();
    if elements == 0 {
        return Ok(());
    }
    let row = elements / rows * tensor.dtype().size();
    let step = (CHUNK / row).max(1);
    let mut count = 0;
    for start in (0..rows).step_by(step) {
        let piece = tensor.clone().slice_dim(0, start..(start + step).min(rows));
        let data = piece.try_into_data().map_err(io::Error::other)?;
        count += count_non_finite(&data);
        out.write_all(data.bytes())?;
    }
    match count {
        0 => Ok(()),
        count => Err(io::Error::other(NonFinite::new(name, count, elements))),
    }
}
