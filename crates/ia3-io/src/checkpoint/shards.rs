//! Splitting a checkpoint into shards.

use std::collections::BTreeMap;

use serde_json::json;

use crate::safetensors::Source;

/// Splits tensors, sorted by name, into shards of at most `limit` bytes. A larger tensor gets a shard of its own.
pub(crate) fn split(mut tensors: Vec<Source<'_>>, limit: Option<u64>) -> Vec<Vec<Source<'_>>> {
    tensors.sort_by(|a, b| a.name.cmp(&b.name));
    let mut shards = vec![vec![]];
    let mut size = 0;
    for tensor in tensors {
        let bytes = tensor.bytes() as u64;
        if size > 0 && limit.is_some_and(|limit| size + bytes > limit) {
            shards.push(vec![]);
            size = 0;
        }
        size += bytes;
        if let Some(last) = shards.last_mut() {
            last.push(tensor);
        }
    }
    shards
}

/// `model-00002-of-00003.safetensors`
pub(crate) fn name(shard: usize, of: usize) -> String {
    format!("model-{:05}-of-{of:05}.safetensors", shard + 1)
}

/// The text of `model.safetensors.index.json`.
pub(crate) fn index(shards: &[Vec<Source>]) -> String {
    let mut weight_map = BTreeMap::new();
    for (i, shard) in shards.iter().enumerate() {
        weight_map.extend(shard.iter().map(|tensor| (tensor.name.clone(), name(i, shards.len()))));
    }
    let all = || shards.iter().flatten();
    let total_size: usize = all().map(Source::bytes).sum();
    let total_parameters: usize = all().map(|tensor| tensor.shape.iter().product::<usize>()).sum();
    let metadata = json!({ "total_parameters": total_parameters, "total_size": total_size });
    format!("{:#}\n", json!({ "metadata": metadata, "weight_map": weight_map }))
}
