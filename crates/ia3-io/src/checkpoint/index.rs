//! `model.safetensors.index.json`: which shard of a checkpoint holds which tensor.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::{Component, Path};

use serde::de::{Deserialize, Deserializer, Error, MapAccess, Visitor};

use crate::checkpoint::CheckpointError;
use crate::fs::{Limit, read_text, wrong_kind};
use crate::safetensors::TensorFile;

/// Opens every shard that an index names.
///
/// Only the names of the shards count, as in transformers: an index may list a tensor that its shard lacks, such as the
/// head of a tied pair, or leave one out. A tensor that the model needs and no shard holds is found when it is loaded.
pub(crate) fn open_shards(path: &Path) -> Result<Vec<TensorFile>, CheckpointError> {
    let text = read_text(path, Limit::CONFIG)?;
    let index: Index = serde_json::from_str(&text).map_err(|source| {
        wrong_kind(path, text.as_bytes())
            .map_or_else(|| CheckpointError::Index { path: path.to_owned(), source }, CheckpointError::from)
    })?;
    let shards: BTreeSet<String> = index.weight_map.0.into_values().collect();
    check_names(path, &shards)?;
    shards.iter().map(|shard| Ok(TensorFile::open_weights(&path.with_file_name(shard))?)).collect()
}

fn check_names(path: &Path, shards: &BTreeSet<String>) -> Result<(), CheckpointError> {
    let is_plain = |shard: &str| {
        let mut parts = Path::new(shard).components();
        matches!((parts.next(), parts.next()), (Some(Component::Normal(_)), None))
            && !shard.contains(['/', '\\'])
    };
    if let Some(shard) = shards.iter().find(|shard| !is_plain(shard)) {
        return Err(CheckpointError::ShardPath { path: path.to_owned(), shard: shard.clone() });
    }
    let missing = shards.iter().filter(|shard| !path.with_file_name(shard).exists());
    let missing: Vec<String> = missing.cloned().collect();
    match missing.is_empty() {
        true => Ok(()),
        false => Err(CheckpointError::MissingShards { path: path.to_owned(), shards: missing }),
    }
}

#[derive(serde::Deserialize)]
struct Index {
    weight_map: WeightMap,
}

struct WeightMap(BTreeMap<String, String>);

impl<'de> Deserialize<'de> for WeightMap {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(UniqueKeys).map(Self)
    }
}

struct UniqueKeys;

impl<'de> Visitor<'de> for UniqueKeys {
    type Value = BTreeMap<String, String>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of file names by tensor")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut entries = BTreeMap::new();
        while let Some((tensor, shard)) = map.next_entry::<String, String>()? {
            if let Some(first) = entries.insert(tensor.clone(), shard) {
                return Err(A::Error::custom(format!("`{tensor}` appears twice, first in {first}")));
            }
        }
        Ok(entries)
    }
}
