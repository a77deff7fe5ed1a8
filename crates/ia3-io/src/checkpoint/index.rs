//! `model.safetensors.index.json`: which shard of a checkpoint holds which tensor.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::{Component, Path};

use serde::de::{Deserialize, Deserializer, Error, MapAccess, Visitor};

use crate::checkpoint::CheckpointError;
use crate::fs::{read_text, wrong_kind};
use crate::safetensors::TensorFile;

/// The tensors of each shard.
type Shards = BTreeMap<String, BTreeSet<String>>;

/// Opens every shard that an index names, and checks that each shard holds exactly the tensors that the index lists.
pub(crate) fn open_shards(path: &Path) -> Result<Vec<TensorFile>, CheckpointError> {
    let text = read_text(path)?;
    let index: Index = serde_json::from_str(&text).map_err(|source| {
        wrong_kind(path, text.as_bytes())
            .map_or_else(|| CheckpointError::Index { path: path.to_owned(), source }, CheckpointError::from)
    })?;
    let shards = index.shards();
    check_names(path, &shards)?;
    let dir = path.parent().unwrap_or(Path::new(""));
    shards.iter().map(|(shard, names)| open_shard(path, dir, shard, names)).collect()
}

fn check_names(path: &Path, shards: &Shards) -> Result<(), CheckpointError> {
    let is_plain = |shard: &str| {
        let mut parts = Path::new(shard).components();
        matches!((parts.next(), parts.next()), (Some(Component::Normal(_)), None))
            && !shard.contains(['/', '\\'])
    };
    if let Some(shard) = shards.keys().find(|shard| !is_plain(shard)) {
        return Err(CheckpointError::ShardPath { path: path.to_owned(), shard: shard.clone() });
    }
    let missing = shards.keys().filter(|shard| !path.with_file_name(shard).exists());
    let missing: Vec<String> = missing.cloned().collect();
    match missing.is_empty() {
        true => Ok(()),
        false => Err(CheckpointError::MissingShards { path: path.to_owned(), shards: missing }),
    }
}

fn open_shard(
    path: &Path,
    dir: &Path,
    shard: &str,
    names: &BTreeSet<String>,
) -> Result<TensorFile, CheckpointError> {
    let file = TensorFile::open(&dir.join(shard))?;
    let lacking: Vec<String> = names.iter().filter(|n| !file.tensors.contains_key(*n)).cloned().collect();
    let unlisted: Vec<String> = file.tensors.keys().filter(|n| !names.contains(*n)).cloned().collect();
    if lacking.is_empty() && unlisted.is_empty() {
        return Ok(file);
    }
    Err(CheckpointError::ShardContents { path: path.to_owned(), shard: shard.to_string(), lacking, unlisted })
}

#[derive(serde::Deserialize)]
struct Index {
    weight_map: WeightMap,
}

impl Index {
    fn shards(self) -> Shards {
        let mut shards = Shards::new();
        for (tensor, shard) in self.weight_map.0 {
            shards.entry(shard).or_default().insert(tensor);
        }
        shards
    }
}

/// The shard of each tensor. A tensor that appears twice is an error.
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
