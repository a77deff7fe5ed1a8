//! Experts whose matrices transformers 5 keeps in one tensor, as the tensors of each expert.

use std::collections::BTreeMap;

use crate::safetensors::entry::Entry;

/// The tensors with those of fused experts taken apart: `….experts.gate_up_proj` `[experts, 2·inner, d]` is
/// `….experts.N.gate_proj.weight` and `….experts.N.up_proj.weight`, and `….experts.down_proj` `[experts, d, inner]` is
/// `….experts.N.down_proj.weight`. No byte is read.
pub(super) fn taken_apart(tensors: BTreeMap<String, Entry>) -> BTreeMap<String, Entry> {
    let mut all = BTreeMap::new();
    for (name, entry) in tensors {
        match parts(&name, &entry) {
            Some(parts) => all.extend(parts),
            None => drop(all.insert(name, entry)),
        }
    }
    all
}

/// The tensors of the experts in one; `None` for any other tensor.
fn parts(name: &str, entry: &Entry) -> Option<Vec<(String, Entry)>> {
    let &[experts, rows, columns] = entry.shape.as_slice() else { return None };
    let (module, matrices): (&str, &[&str]) = match name {
        _ if name.ends_with(".experts.gate_up_proj") => {
            (name.strip_suffix("gate_up_proj")?, &["gate_proj", "up_proj"])
        }
        _ => (name.strip_suffix("down_proj").filter(|module| module.ends_with(".experts."))?, &["down_proj"]),
    };
    let count = experts.checked_mul(matrices.len())?;
    if count == 0 || !rows.is_multiple_of(matrices.len()) || !entry.bytes.is_multiple_of(count) {
        return None;
    }
    let (bytes, shape) = (entry.bytes / count, vec![rows / matrices.len(), columns]);
    let part = |i: usize| {
        let (expert, matrix) = (i / matrices.len(), matrices[i % matrices.len()]);
        let start = entry.start + (i * bytes) as u64;
        (
            format!("{module}{expert}.{matrix}.weight"),
            Entry { shape: shape.clone(), bytes, start, ..entry.clone() },
        )
    };
    Some((0..count).map(part).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use safetensors::Dtype;

    fn entry(shape: &[usize], start: u64) -> Entry {
        let bytes = 4 * shape.iter().product::<usize>();
        Entry { dtype: Dtype::F32, shape: shape.to_vec(), bytes, start }
    }

    #[test]
    fn fused_experts_are_tensors_of_their_own() {
        let fused = [
            ("a.mlp.experts.gate_up_proj".to_string(), entry(&[2, 6, 5], 100)),
            ("a.mlp.experts.down_proj".to_string(), entry(&[2, 5, 3], 1000)),
            ("a.mlp.down_proj".to_string(), entry(&[2, 5, 3], 2000)),
        ];
        let all = taken_apart(fused.into_iter().collect());
        let found: Vec<(&str, &[usize], usize, u64)> =
            all.iter().map(|(name, e)| (name.as_str(), e.shape.as_slice(), e.bytes, e.start)).collect();
        let expected: Vec<(&str, &[usize], usize, u64)> = vec![
            ("a.mlp.down_proj", &[2, 5, 3], 120, 2000),
            ("a.mlp.experts.0.down_proj.weight", &[5, 3], 60, 1000),
            ("a.mlp.experts.0.gate_proj.weight", &[3, 5], 60, 100),
            ("a.mlp.experts.0.up_proj.weight", &[3, 5], 60, 160),
            ("a.mlp.experts.1.down_proj.weight", &[5, 3], 60, 1060),
            ("a.mlp.experts.1.gate_proj.weight", &[3, 5], 60, 220),
            ("a.mlp.experts.1.up_proj.weight", &[3, 5], 60, 280),
        ];
        assert_eq!(found, expected);
    }
}
