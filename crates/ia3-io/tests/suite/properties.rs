//! Round trips of any adapter, and files of any bytes.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use crate::common::{Tiny, fixture, values};
use burn::tensor::{Device, Tensor, TensorData};
use ia3_config::{Ia3Config, ModelInfo, Placement};
use ia3_core::{Adapter, Ia3Vector};
use ia3_io::{AdapterFile, Checkpoint, CheckpointOptions, load_adapter, save_adapter, save_checkpoint_with};
use proptest::prelude::*;

const WEIGHTS: &str = "adapter_model.safetensors";

/// Vectors by module path, all bit patterns of float32 included.
fn vectors() -> impl Strategy<Value = BTreeMap<String, (Vec<u32>, bool)>> {
    let vector = (prop::collection::vec(any::<u32>(), 1..20), any::<bool>());
    prop::collection::btree_map("[a-zA-Z_0-9]{1,8}(\\.[a-zA-Zß_0-9\"]{1,8}){0,4}", vector, 0..8)
}

fn adapter(vectors: &BTreeMap<String, (Vec<u32>, bool)>) -> Adapter {
    let vector = |(path, (bits, is_input)): (&String, &(Vec<u32>, bool))| {
        let values: Vec<f32> = bits.iter().map(|bits| f32::from_bits(*bits)).collect();
        let placement = if *is_input { Placement::Input } else { Placement::Output };
        let l = Tensor::<1>::from_data(TensorData::new(values, [bits.len()]), &Device::flex());
        (path.clone(), Ia3Vector::new(l, placement))
    };
    Adapter {
        config: Ia3Config::new(),
        vectors: vectors.iter().map(vector).collect(),
        saved: Default::default(),
    }
}

/// Opens a folder every way there is; only panics matter.
fn open_all(dir: &Path, info: &ModelInfo) {
    let device = Device::flex();
    let _ = load_adapter(dir, info, &device);
    let _ = AdapterFile::open(dir).map(|file| file.statistics());
    for path in [dir.to_owned(), dir.join(WEIGHTS), dir.join("model.safetensors.index.json")] {
        if let Ok(checkpoint) = Checkpoint::open(path) {
            let names: Vec<String> = checkpoint.tensors().map(|t| t.name.to_string()).collect();
            names.iter().for_each(|name| drop(checkpoint.tensor(name)));
            let _ = checkpoint.load(Tiny::new(&device));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..Default::default() })]

    #[test]
    fn any_adapter_is_read_as_it_was_written(vectors in vectors()) {
        let dir = tempfile::tempdir().unwrap();
        let adapter = adapter(&vectors);
        save_adapter(&adapter, dir.path()).unwrap();
        let bytes = fs::read(dir.path().join(WEIGHTS)).unwrap();
        save_adapter(&adapter, dir.path()).unwrap();
        prop_assert_eq!(bytes, fs::read(dir.path().join(WEIGHTS)).unwrap());
        let file = AdapterFile::open(dir.path()).unwrap();
        prop_assert_eq!(file.vectors.len(), vectors.len());
        for (path, (bits, is_input)) in &vectors {
            let read = &file.vectors[path];
            prop_assert_eq!(&read.values.iter().map(|x| x.to_bits()).collect::<Vec<_>>(), bits);
            prop_assert_eq!(&read.shape, &if *is_input { vec![1, bits.len()] } else { vec![bits.len(), 1] });
        }
    }

    #[test]
    fn shards_of_any_size_hold_the_whole_model(limit in 1u64..3000) {
        let (device, dir) = (Device::flex(), tempfile::tempdir().unwrap());
        let model = Tiny::new(&device);
        let options = CheckpointOptions::new().with_max_shard_bytes(limit);
        save_checkpoint_with(&model, dir.path(), &options).unwrap();
        let checkpoint = Checkpoint::open(dir.path()).unwrap();
        let (loaded, report) = checkpoint.load(Tiny::new(&device)).unwrap();
        prop_assert!(report.unused.is_empty());
        prop_assert_eq!(values(&loaded), values(&model));
    }

    #[test]
    fn random_bytes_never_panic(
        weights in prop::collection::vec(any::<u8>(), 0..200),
        index in "\\PC{0,100}",
        config in prop::collection::vec(any::<u8>(), 0..100),
    ) {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join(WEIGHTS), &weights).unwrap();
        fs::write(dir.path().join("model.safetensors"), &weights).unwrap();
        fs::write(dir.path().join("model.safetensors.index.json"), index).unwrap();
        fs::write(dir.path().join("adapter_config.json"), config).unwrap();
        open_all(dir.path(), &Tiny::new(&Device::flex()).info());
    }

    #[test]
    fn a_valid_adapter_with_flipped_bits_or_cut_short_never_panics(
        flips in prop::collection::vec((any::<prop::sample::Index>(), 0u8..8), 0..4),
        cut in prop::option::of(any::<prop::sample::Index>()),
        in_header in any::<bool>(),
    ) {
        let dir = tempfile::tempdir().unwrap();
        let source = fixture("bert/adapter");
        fs::copy(source.join("adapter_config.json"), dir.path().join("adapter_config.json")).unwrap();
        let mut bytes = fs::read(source.join(WEIGHTS)).unwrap();
        let within = if in_header { 1192 } else { bytes.len() };
        for (at, bit) in flips {
            bytes[at.index(within)] ^= 1 << bit;
        }
        bytes.truncate(cut.map_or(bytes.len(), |at| at.index(within)));
        fs::write(dir.path().join(WEIGHTS), bytes).unwrap();
        open_all(dir.path(), &Tiny::new(&Device::flex()).info());
    }

    #[test]
    fn a_valid_checkpoint_with_flipped_bits_or_cut_short_never_panics(
        flips in prop::collection::vec((any::<prop::sample::Index>(), 0u8..8), 0..4),
        cut in prop::option::of(any::<prop::sample::Index>()),
        sharded in any::<bool>(),
    ) {
        let dir = tempfile::tempdir().unwrap();
        let limit = sharded.then_some(2000);
        let mut options = CheckpointOptions::new();
        options.max_shard_bytes = limit;
        let saved = save_checkpoint_with(&Tiny::new(&Device::flex()), dir.path(), &options).unwrap();
        for file in saved.files {
            let mut bytes = fs::read(&file).unwrap();
            for (at, bit) in &flips {
                let at = at.index(bytes.len());
                bytes[at] ^= 1 << bit;
            }
            bytes.truncate(cut.as_ref().map_or(bytes.len(), |at| at.index(bytes.len())));
            fs::write(file, bytes).unwrap();
        }
        open_all(dir.path(), &Tiny::new(&Device::flex()).info());
    }
}
