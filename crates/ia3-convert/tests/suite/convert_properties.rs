//! Round trips of any adapter through every format, and files of any bytes.

use crate::common;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use crate::common::fixture;
use crate::common::torch::torch_file;
use ia3_config::{Ia3Config, ModelInfo, ModuleInfo, ModuleKind};
use ia3_convert::{AdapterFormat, FeedForwardSite, open_adapter, place_feed_forward, save_adapter_as};
use ia3_io::{AdapterFile, FileVector};
use proptest::prelude::*;

/// Vectors on outputs by module path, all bit patterns of float32 included.
fn vectors(paths: &'static str) -> impl Strategy<Value = BTreeMap<String, FileVector>> {
    let vector = prop::collection::vec(any::<u32>(), 1..20).prop_map(|bits| FileVector {
        shape: vec![bits.len(), 1],
        values: bits.into_iter().map(f32::from_bits).collect(),
    });
    prop::collection::btree_map(paths, vector, 1..8)
}

const ANY: &str = "[a-zA-Z_0-9]{1,8}(\\.[a-zA-Zß_0-9\"]{1,8}){0,4}";
const T5: &str = "(encoder\\.block\\.[0-9]{1,2}\\.layer\\.(0\\.SelfAttention\\.[qkv]|1\\.DenseReluDense\\.(wi_1|wi|wo))\
                  |decoder\\.block\\.[0-9]{1,2}\\.layer\\.(1\\.EncDecAttention\\.[qkv]|2\\.DenseReluDense\\.wi_1))";

/// An adapter file of these vectors, with whole paths for names.
fn adapter(vectors: BTreeMap<String, FileVector>, inputs: impl Fn(&str) -> bool) -> AdapterFile {
    let targets: Vec<&str> = vectors.keys().map(String::as_str).collect();
    let feedforward: Vec<&str> = targets.iter().copied().filter(|path| inputs(path)).collect();
    let config = Ia3Config::new()
        .with_target_modules(targets.as_slice())
        .with_feedforward_modules(feedforward.as_slice());
    AdapterFile { path: "memory".into(), config, vectors, saved: BTreeMap::new() }
}

fn bits(file: &AdapterFile) -> BTreeMap<&String, (Vec<usize>, Vec<u32>)> {
    let bits = |v: &FileVector| (v.shape.clone(), v.values.iter().map(|x| x.to_bits()).collect());
    file.vectors.iter().map(|(path, v)| (path, bits(v))).collect()
}

/// Writes and reads it in one format, twice into the same place.
fn through(file: &AdapterFile, format: AdapterFormat, path: &Path) -> AdapterFile {
    save_adapter_as(file, format, path, None).unwrap();
    save_adapter_as(file, format, path, None).unwrap();
    let opened = open_adapter(path).unwrap();
    assert_eq!(opened.format, format);
    opened.file
}

/// Opens a path every way there is and converts what it is; only panics matter.
fn open_all(path: &Path, out: &Path) {
    let Ok(opened) = open_adapter(path) else { return };
    let _ = opened.file.placements(None);
    for (i, format) in
        [AdapterFormat::Peft, AdapterFormat::TFew, AdapterFormat::AdapterHub].into_iter().enumerate()
    {
        let _ = save_adapter_as(&opened.file, format, out.join(i.to_string()), None);
    }
    for site in [FeedForwardSite::Wo, FeedForwardSite::Wi1] {
        let _ = place_feed_forward(opened.file.clone(), site, None);
    }
}

/// Gated blocks around every `wo` of the file.
fn gated(file: &AdapterFile) -> ModelInfo {
    let linear = |d_in, d_out| ModuleKind::Linear { d_in, d_out, bias: false };
    let layers = file.vectors.iter().flat_map(|(path, v)| {
        let n = v.values.len();
        match path.strip_suffix("wo") {
            Some(block) => vec![
                (format!("{block}wi_0"), linear(3, n)),
                (format!("{block}wi_1"), linear(3, n)),
                (path.clone(), linear(n, 3)),
            ],
            None => vec![(path.clone(), linear(3, n))],
        }
    });
    ModelInfo::new("t5", layers.map(|(path, kind)| ModuleInfo::new(path, kind)).collect())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..Default::default() })]

    #[test]
    fn any_vectors_on_outputs_pass_through_pytorchs_file(vectors in vectors(ANY)) {
        let dir = tempfile::tempdir().unwrap();
        let file = adapter(vectors, |_| false);
        let tfew = through(&file, AdapterFormat::TFew, &dir.path().join("tfew"));
        prop_assert_eq!(bits(&tfew), bits(&file));
        let peft = through(&tfew, AdapterFormat::Peft, &dir.path().join("peft"));
        prop_assert_eq!(bits(&peft), bits(&file));
        prop_assert_eq!(peft.placements(None).unwrap(), file.placements(None).unwrap());
    }

    #[test]
    fn any_vectors_of_t5_pass_through_every_format(vectors in vectors(T5)) {
        let dir = tempfile::tempdir().unwrap();
        let file = adapter(vectors, |_| false);
        let mut last = file.clone();
        for format in [AdapterFormat::AdapterHub, AdapterFormat::Peft, AdapterFormat::TFew, AdapterFormat::AdapterHub] {
            last = through(&last, format, &dir.path().join(format.to_string()));
            prop_assert_eq!(bits(&last), bits(&file));
        }
        prop_assert_eq!(last.placements(None).unwrap(), file.placements(None).unwrap());
    }

    #[test]
    fn vectors_move_from_wo_to_wi_1_and_back(mut vectors in vectors(T5)) {
        let is_wo = |path: &str| path.ends_with("wo");
        vectors.retain(|path, _| !path.contains("DenseReluDense") || is_wo(path));
        vectors.iter_mut().filter(|(path, _)| is_wo(path)).for_each(|(_, v)| v.shape.reverse());
        prop_assume!(vectors.keys().any(|path| is_wo(path)));
        let file = adapter(vectors, is_wo);
        let base = gated(&file);
        let (moved, placed) = place_feed_forward(file.clone(), FeedForwardSite::Wi1, Some(&base)).unwrap();
        prop_assert_eq!(placed.moved.len(), file.vectors.keys().filter(|path| is_wo(path)).count());
        prop_assert!(moved.vectors.values().all(|v| v.shape == [v.values.len(), 1]));
        let dir = tempfile::tempdir().unwrap();
        let tfew = through(&moved, AdapterFormat::TFew, &dir.path().join("tfew"));
        let (back, _) = place_feed_forward(tfew, FeedForwardSite::Wo, None).unwrap();
        prop_assert_eq!(bits(&back), bits(&file));
        prop_assert_eq!(back.placements(Some(&base)).unwrap(), file.placements(Some(&base)).unwrap());
    }

    #[test]
    fn damaged_files_never_panic(
        source in prop::sample::select(vec![
            ("formats/t5v11/tfew_deepspeed.pt", ""),
            ("formats/t5v11/tfew_dtypes.pt", ""),
            ("formats/t5v11/adapterhub", "pytorch_adapter.bin"),
            ("formats/t5v11/adapterhub", "adapter_config.json"),
            ("formats/t5v11/adapterhub_safetensors", "adapter.safetensors"),
            ("formats/t5v11/peft_bin", "adapter_model.bin"),
        ]),
        flips in prop::collection::vec((any::<prop::sample::Index>(), 0u8..8), 0..4),
        cut in prop::option::of(any::<prop::sample::Index>()),
    ) {
        let dir = tempfile::tempdir().unwrap();
        let (path, name) = (dir.path().join("in"), source.1);
        let from = fixture(source.0);
        if !name.is_empty() {
            fs::create_dir(&path).unwrap();
            for entry in fs::read_dir(&from).unwrap().map(Result::unwrap) {
                fs::copy(entry.path(), path.join(entry.file_name())).unwrap();
            }
        }
        let join = |path: &Path| if name.is_empty() { path.to_owned() } else { path.join(name) };
        let mut bytes = fs::read(join(&from)).unwrap();
        for (at, bit) in flips {
            let at = at.index(bytes.len());
            bytes[at] ^= 1 << bit;
        }
        bytes.truncate(cut.map_or(bytes.len(), |at| at.index(bytes.len())));
        fs::write(join(&path), bytes).unwrap();
        open_all(&path, dir.path());
    }

    /// The archive's checksums stop most damage, so the pickle is spoilt before it is packed.
    #[test]
    fn damaged_pickles_never_panic(
        flips in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        cut in prop::option::of(any::<prop::sample::Index>()),
    ) {
        let mut pickle = common::torch::dict(&[
            ("encoder.block.0.layer.0.SelfAttention.k.multi_lora_b", common::torch::Tensor::default().pickle()),
        ]);
        for (at, byte) in flips {
            let at = at.index(pickle.len());
            pickle[at] = byte;
        }
        pickle.truncate(cut.map_or(pickle.len(), |at| at.index(pickle.len())));
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("in"), torch_file(&pickle)).unwrap();
        open_all(&dir.path().join("in"), dir.path());
    }

    /// Programs of known opcodes go further than random bytes.
    #[test]
    fn random_programs_never_panic(
        opcodes in prop::collection::vec(prop::sample::select(b"(NJKM)t]ae}suqrhjcQRbX.\x85\x86\x87\x88\x8aG\x00\x01".to_vec()), 0..200),
    ) {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("in"), torch_file(&[b"\x80\x02", opcodes.as_slice(), b"."].concat())).unwrap();
        open_all(&dir.path().join("in"), dir.path());
    }
}
