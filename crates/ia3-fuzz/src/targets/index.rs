//! `model.safetensors.index.json` beside two shards.

use ia3_io::Checkpoint;
use serde::de::IgnoredAny;

use crate::input::{Folder, join, parts};
use crate::seeds;
use crate::target::Target;

const INDEX: &str = "model.safetensors.index.json";
const SHARDS: [&str; 2] = ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"];

/// The index, and the two shards.
pub const TARGET: Target = Target {
    name: "index",
    run,
    seeds: seeds_of_fixtures,
    tokens: &[
        "weight_map",
        "metadata",
        "total_size",
        "model-00001-of-00002.safetensors",
        "model-00003",
        "..",
        "a.weight",
        "b.bias",
    ],
};

fn run(data: &[u8]) {
    let [index, first, second] = parts(data);
    let folder = Folder::new();
    folder.write(INDEX, index);
    folder.write(SHARDS[0], first);
    folder.write(SHARDS[1], second);
    let Ok(checkpoint) = Checkpoint::open(folder.path("")) else { return };
    assert!(serde_json::from_slice::<IgnoredAny>(index).is_ok(), "serde_json refuses what was read");
    let names: Vec<String> = checkpoint.tensors().map(|tensor| tensor.name.to_string()).collect();
    names.iter().for_each(|name| drop(checkpoint.tensor(name)));
    let _ = (checkpoint.quantization(), checkpoint.total_bytes(), checkpoint.main_dtype_of_several());
}

fn seeds_of_fixtures() -> Vec<Vec<u8>> {
    let header = |name: &str| format!(r#"{{"{name}":{{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}}}"#);
    let shard = |name: &str| {
        let header = header(name);
        [&(header.len() as u64).to_le_bytes()[..], header.as_bytes(), &[0; 8]].concat()
    };
    let (first, second) = (shard("a.weight"), shard("b.bias"));
    let map = format!(r#"{{"a.weight": "{}", "b.bias": "{}"}}"#, SHARDS[0], SHARDS[1]);
    let whole = format!(r#"{{"metadata": {{"total_size": 16}}, "weight_map": {map}}}"#);
    let of_fixtures = seeds::contents(INDEX);
    let indices = of_fixtures.iter().map(Vec::as_slice).chain([whole.as_bytes()]);
    indices.map(|index| join(&[index, &first, &second])).collect()
}
