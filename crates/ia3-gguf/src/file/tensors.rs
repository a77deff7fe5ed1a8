//! The descriptions of tensors.

use std::collections::BTreeSet;

use ia3_guard::quote;

use super::cursor::Cursor;
use crate::error::GgufError;
use crate::limits::{MAX_DIMENSIONS, MAX_NAME_BYTES};
use crate::tensor_type::TensorType;

/// A tensor of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TensorInfo {
    /// Its name: `blk.0.attn_q.weight`.
    pub name: String,
    /// Its type.
    pub kind: TensorType,
    /// Its dimensions in the order of the file, the length of a row first: a linear weight is `[d_in, d_out]`, and the
    /// values of one output lie side by side.
    pub dims: Vec<u64>,
    /// Where it begins, counted from the first tensor's place in the file.
    pub offset: u64,
    /// Its size in bytes.
    pub bytes: u64,
}

impl TensorInfo {
    /// The length of a row.
    pub fn columns(&self) -> u64 {
        self.dims.first().copied().unwrap_or(1)
    }

    /// The number of rows.
    pub fn rows(&self) -> u64 {
        self.dims.iter().skip(1).product()
    }

    /// The number of values.
    pub fn len(&self) -> u64 {
        self.dims.iter().product()
    }

    /// Whether there are none, which no tensor of a checked file is.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub(crate) fn not(&self, action: &'static str) -> GgufError {
        GgufError::TensorType { tensor: self.name.clone(), kind: self.kind.name, action }
    }
}

/// Reads the descriptions of `count` tensors.
pub(crate) fn read(input: &mut Cursor<'_>, count: u64, alignment: u64) -> Result<Vec<TensorInfo>, GgufError> {
    let (mut tensors, mut names) = (Vec::new(), BTreeSet::new());
    for _ in 0..count {
        let tensor = read_one(input, alignment)?;
        if !names.insert(tensor.name.clone()) {
            return Err(input.bad(&named(&tensor.name), "is in the file twice".into()));
        }
        tensors.push(tensor);
    }
    Ok(tensors)
}

fn named(name: &str) -> String {
    format!("tensor `{}`", quote(name))
}

fn read_one(input: &mut Cursor<'_>, alignment: u64) -> Result<TensorInfo, GgufError> {
    let name = input.text("the name of a tensor", MAX_NAME_BYTES)?;
    let what = named(&name);
    let count = input.u32(&what)?;
    if count == 0 || count > MAX_DIMENSIONS {
        return Err(input.bad(&what, format!("has {count} dimensions, expected 1 to {MAX_DIMENSIONS}")));
    }
    let dims = (0..count).map(|_| input.u64(&what)).collect::<Result<Vec<_>, _>>()?;
    let id = input.u32(&what)?;
    let kind = TensorType::of(id).ok_or_else(|| input.bad(&what, format!("has the unknown type {id}")))?;
    let bytes = size(&dims, kind).map_err(|problem| input.bad(&what, problem))?;
    let offset = input.u64(&what)?;
    if !offset.is_multiple_of(alignment) {
        let problem = format!("begins at {offset}, which is no multiple of the alignment of {alignment}");
        return Err(input.bad(&what, problem));
    }
    Ok(TensorInfo { name, kind, dims, offset, bytes })
}

fn size(dims: &[u64], kind: TensorType) -> Result<u64, String> {
    if dims.contains(&0) {
        return Err(format!("has the dimensions {dims:?}, one of which is 0"));
    }
    if !dims[0].is_multiple_of(kind.block) {
        let (row, block) = (dims[0], kind.block);
        return Err(format!(
            "has rows of {row} values, which blocks of {block} values of type {kind} do not fill"
        ));
    }
    let rows = dims[1..].iter().try_fold(dims[0] / kind.block, |product, dim| product.checked_mul(*dim));
    let bytes = rows.and_then(|blocks| blocks.checked_mul(kind.bytes)).filter(|bytes| *bytes < 1 << 62);
    bytes.ok_or_else(|| format!("has the dimensions {dims:?}, more than any file can hold"))
}

/// Checks that the tensors lie inside the file and do not overlap.
pub(crate) fn check(
    input: &Cursor<'_>,
    tensors: &[TensorInfo],
    data_start: u64,
    size: u64,
) -> Result<(), GgufError> {
    let mut sorted: Vec<&TensorInfo> = tensors.iter().collect();
    sorted.sort_by_key(|tensor| tensor.offset);
    let mut end_of_last = 0;
    for (i, tensor) in sorted.iter().enumerate() {
        let end = tensor.offset.checked_add(tensor.bytes);
        let inside = end.and_then(|end| end.checked_add(data_start)).filter(|end| *end <= size);
        let (Some(end), Some(_)) = (end, inside) else {
            let (offset, bytes, left) = (tensor.offset, tensor.bytes, size.saturating_sub(data_start));
            let problem = format!(
                "has {bytes} bytes from {offset} on, but the file has {left} bytes of tensors; download or copy it again"
            );
            return Err(input.bad(&named(&tensor.name), problem));
        };
        if tensor.offset < end_of_last {
            let other = sorted[i - 1];
            return Err(input.bad(&named(&tensor.name), format!("overlaps {}", named(&other.name))));
        }
        end_of_last = end;
    }
    Ok(())
}
