//! Parameters saved whole (`modules_to_save`): between the names and layout of Hugging Face and those of burn.

use burn::tensor::{Bytes, TensorData};
use ia3_config::{ModelInfo, ModuleKind};

use crate::adapter::AdapterFileError;
use crate::layout;

/// A parameter of the base in burn's terms.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Place {
    /// Its path in burn.
    pub(crate) path: String,
    /// Whether the matrix in burn is the transposed matrix of the file.
    pub(crate) transposed: bool,
    /// The shape in the file, if it follows from the facts of the model.
    pub(crate) shape: Option<Vec<usize>>,
}

impl Place {
    /// The path of its module.
    pub(crate) fn module(&self) -> Option<&str> {
        Some(self.path.rsplit_once('.')?.0)
    }
}

/// The parameter of the base that a parameter of the file is for; `None` if the base has no such module.
///
/// PEFT writes the base's own weight of an adapted head as `lm_head.base_layer.weight`.
pub(crate) fn to_burn(parameter: &str, base: &ModelInfo) -> Option<Place> {
    let (module, leaf) = parameter.rsplit_once('.')?;
    let module = module.strip_suffix(".base_layer").unwrap_or(module);
    let kind = kind(module, base)?;
    let shape = shape(kind, leaf);
    let leaf = layout::burn_leaf(kind.type_name(), leaf);
    Some(Place { path: format!("{module}.{leaf}"), transposed: is_linear_weight(kind, leaf), shape })
}

/// The name in the file of burn's parameter `path`, and whether the file has its transposed matrix. For a matrix the facts of
/// the model are needed.
pub(crate) fn to_file(
    path: &str,
    rank: usize,
    base: Option<&ModelInfo>,
) -> Result<(String, bool), AdapterFileError> {
    let Some((module, leaf)) = path.rsplit_once('.') else { return Ok((path.to_string(), false)) };
    match base.and_then(|base| kind(module, base)) {
        None if rank > 1 => Err(AdapterFileError::UnknownLayout { parameter: path.to_string() }),
        None => Ok((format!("{module}.{}", layout::file_leaf("Norm", leaf)), false)),
        Some(kind) => {
            let name = format!("{module}.{}", layout::file_leaf(kind.type_name(), leaf));
            Ok((name, is_linear_weight(kind, leaf)))
        }
    }
}

/// The transposed matrix; data of any other rank is returned unchanged.
pub(crate) fn transpose(data: TensorData) -> TensorData {
    let &[rows, cols] = data.shape().as_slice() else { return data };
    let (width, dtype) = (data.dtype().size(), data.dtype());
    let values: Vec<&[u8]> = data.bytes().chunks_exact(width).collect();
    let column = |c: usize| values.iter().skip(c).step_by(cols.max(1)).take(rows);
    let bytes: Vec<u8> = (0..cols).flat_map(column).flat_map(|value| value.iter().copied()).collect();
    TensorData::from_bytes(Bytes::from_bytes_vec(bytes), [cols, rows], dtype)
}

fn kind<'a>(module: &str, base: &'a ModelInfo) -> Option<&'a ModuleKind> {
    base.modules_and_tied().find(|m| m.path == module).map(|m| &m.kind)
}

fn is_linear_weight(kind: &ModuleKind, leaf: &str) -> bool {
    matches!(kind, ModuleKind::Linear { .. }) && leaf == "weight"
}

fn shape(kind: &ModuleKind, leaf: &str) -> Option<Vec<usize>> {
    match (kind, leaf) {
        (ModuleKind::Linear { d_in, d_out, .. }, "weight") => Some(vec![*d_out, *d_in]),
        (ModuleKind::Conv1D { d_in, d_out, .. }, "weight") => Some(vec![*d_in, *d_out]),
        (ModuleKind::Linear { d_out, .. } | ModuleKind::Conv1D { d_out, .. }, "bias") => Some(vec![*d_out]),
        (ModuleKind::Embedding { rows, dim }, "weight") => Some(vec![*rows, *dim]),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ia3_config::ModuleInfo;

    fn base() -> ModelInfo {
        let module = |path: &str, kind| ModuleInfo::new(path, kind);
        ModelInfo::new(
            "bert",
            vec![
                module("classifier", ModuleKind::Linear { d_in: 4, d_out: 3, bias: true }),
                module("c_fc", ModuleKind::Conv1D { d_in: 4, d_out: 3, bias: false }),
                module("norm", ModuleKind::other("LayerNorm")),
            ],
        )
    }

    #[test]
    fn names_and_layout_go_both_ways() {
        let cases = [
            ("classifier.weight", "classifier.weight", 2, true),
            ("classifier.bias", "classifier.bias", 1, false),
            ("c_fc.weight", "c_fc.weight", 2, false),
            ("norm.weight", "norm.gamma", 1, false),
            ("norm.bias", "norm.beta", 1, false),
        ];
        for (file, burn, rank, transposed) in cases {
            let place = to_burn(file, &base()).unwrap();
            assert_eq!((place.path.as_str(), place.transposed), (burn, transposed));
            assert_eq!(to_file(burn, rank, Some(&base())).unwrap(), (file.to_string(), transposed));
        }
        assert_eq!(to_burn("classifier.base_layer.weight", &base()), to_burn("classifier.weight", &base()));
        assert_eq!(to_burn("score.weight", &base()), None);
        assert!(matches!(to_file("classifier.weight", 2, None), Err(AdapterFileError::UnknownLayout { .. })));
    }

    #[test]
    fn a_matrix_is_transposed_byte_by_byte() {
        let transposed = transpose(TensorData::from([[1f32, 2., 3.], [4., 5., 6.]]));
        assert_eq!(transposed, TensorData::from([[1f32, 4.], [2., 5.], [3., 6.]]));
        assert_eq!(transpose(TensorData::from([1f32, 2.])), TensorData::from([1f32, 2.]));
    }
}
