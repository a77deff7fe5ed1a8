//! Adapters that must not be converted and are made in code: damaged archives, weights in folders, changed adapter files. The
//! folder `bad_inputs` has the cases that are data. `DIR` in a message stands for the folder of the case.

use std::fmt::Display;
use std::fs;
use std::path::Path;

use crate::common::torch::{Tensor, archive, dict, text, torch_file};
use crate::common::{copy, fixture, info, names};
use ia3_convert::{
    AdapterFormat, ConvertError, ConvertOptions, FeedForwardSite, TorchError, convert_adapter_with,
    open_adapter, place_feed_forward, save_adapter_as,
};
use ia3_io::AdapterFile;

const OUT: AdapterFormat = AdapterFormat::Peft;
const KEY: &str = "encoder.block.0.layer.0.SelfAttention.k.multi_lora_b";

/// Converts `DIR/<from>` to `DIR/out` and compares the message.
fn refuse(name: &str, dir: &Path, from: &str, to: AdapterFormat, options: &ConvertOptions, expected: &str) {
    let before = names(dir);
    let error = match convert_adapter_with(dir.join(from), to, dir.join("out"), options) {
        Ok(_) => panic!("{name} was accepted"),
        Err(error) => error.to_string(),
    };
    assert_eq!(error.replace(&dir.display().to_string(), "DIR"), expected, "{name}");
    assert_eq!(names(dir), before, "{name} leaves files behind");
}

/// A T-Few file with these bytes.
fn refuse_file(name: &str, bytes: &[u8], expected: &str) {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("FILE"), bytes).unwrap();
    let expected = expected.replace("`FILE`", "`DIR/FILE`");
    refuse(name, dir.path(), "FILE", OUT, &ConvertOptions::new(), &expected);
}

/// With protocol 2 before and the end after.
fn program(opcodes: &[&[u8]]) -> Vec<u8> {
    [b"\x80\x02", opcodes.concat().as_slice(), b"."].concat()
}

#[test]
fn the_file_that_the_others_spoil_is_read() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("FILE"), torch_file(&dict(&[(KEY, Tensor::default().pickle())]))).unwrap();
    let opened = open_adapter(dir.path().join("FILE")).unwrap();
    assert_eq!(opened.file.vectors.values().next().unwrap().values, [1., 2., 3.]);
}

/// What would take all memory or the whole stack of a reader that is not careful.
#[test]
fn pickles_that_are_large_are_read_in_bounded_memory() {
    let with = |opcodes: Vec<u8>| {
        let mut items = Tensor::default().pickle();
        items.extend(opcodes);
        dict(&[(KEY, items)])
    };
    let open = |pickle: &[u8]| {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("FILE"), torch_file(pickle)).unwrap();
        open_adapter(dir.path().join("FILE")).map(|opened| opened.file.vectors.len())
    };
    // A tuple in a tuple in a tuple, as the attributes of a dictionary.
    let nested = [b"}".to_vec(), b")".to_vec(), vec![0x85; 1_000_000], b"b0".to_vec()].concat();
    assert!(open(&with(nested)).is_err_and(|e| e.to_string().contains("has the opcode 0x30")));
    // A dictionary that holds itself.
    let cycle = [text("a"), b"}q\x01(X\x01\0\0\0bh\x01u".to_vec()].concat();
    assert_eq!(open(&with(cycle)).unwrap(), 1);
    // Numbers of the memo far apart.
    let memo: Vec<u8> =
        (0..1000u32).flat_map(|i| [b"r", &(i * 4_000_000).to_le_bytes()[..]].concat()).collect();
    assert_eq!(open(&with(memo)).unwrap(), 1);
    // One long text under many keys, and as the name of many storages.
    let long = [text(&"x".repeat(1 << 20)), b"q\x01N".to_vec(), b"h\x01N".repeat(500_000)].concat();
    assert!(
        open(&with(long)).is_err_and(|e| matches!(e, ConvertError::Torch(TorchError::DuplicateKey { .. })))
    );
    let marks = vec![b'('; 1_000_000];
    assert!(open(&with(marks)).is_err_and(|e| e.to_string().contains("more from its stack")));
}

/// A file of 12 kB that would become 480 kB, and so on for larger ones.
#[test]
fn many_tensors_on_the_same_bytes() {
    let window = Tensor { len: 3000, shape: vec![3000, 1], ..Tensor::default() }.pickle();
    let first = [b"\x80\x02}(".to_vec(), text("0.multi_lora_b"), window, b"q\x01".to_vec()].concat();
    let again = |i| [text(&format!("{i}.multi_lora_b")), b"h\x01".to_vec()].concat();
    let pickle = [first, (1..40).flat_map(again).collect(), b"u.".to_vec()].concat();
    let file = archive(&[("archive/data.pkl", &pickle), ("archive/data/0", &[0; 12000])]);
    refuse_file(
        "one storage for all",
        &file,
        &format!(
            "the tensor `1.multi_lora_b` of `FILE` is one too many: the vectors together have more than the {} bytes of \
             the file, so they overlap",
            file.len()
        ),
    );
}

#[test]
fn archives_that_are_not_pytorchs() {
    let good = torch_file(&dict(&[(KEY, Tensor::default().pickle())]));
    let zip = "the zip archive `FILE` cannot be read";
    let again = "download or copy it again";
    refuse_file(
        "cut short",
        &good[..good.len() - 30],
        &format!("{zip}: invalid Zip archive: Could not find EOCD; {again}"),
    );
    refuse_file(
        "the first bytes alone",
        &good[..40],
        &format!("{zip}: invalid Zip archive: Could not find EOCD; {again}"),
    );
    refuse_file(
        "a pickle of 5 MB",
        &torch_file(&vec![b'N'; 5 << 20]),
        "the entry `archive/data.pkl` of `FILE` has 5242880 bytes, expected 4194304 at most",
    );
    let mut flipped = good.clone();
    let at = flipped.windows(4).position(|bytes| bytes == 2f32.to_le_bytes()).unwrap();
    flipped[at] ^= 1;
    refuse_file("a flipped bit", &flipped, "cannot read `FILE`: Invalid checksum");
    // The method in the central directory of the only entry: deflate.
    let mut deflated = archive(&[("data.pkl", b"\x80\x02}.")]);
    let central = deflated.windows(4).rposition(|bytes| bytes == b"PK\x01\x02").unwrap();
    deflated[central + 10] = 8;
    refuse_file(
        "compressed",
        &deflated,
        "the entry `data.pkl` of `FILE` is compressed (Deflated), expected it uncompressed; save the file with `torch.save`",
    );
    let mut bomb = archive(&[("data.pkl", b"\x80\x02}.")]);
    let central = bomb.windows(4).rposition(|bytes| bytes == b"PK\x01\x02").unwrap();
    bomb[central + 24..central + 28].copy_from_slice(&u32::MAX.wrapping_sub(1).to_le_bytes());
    refuse_file(
        "4 GB in 4 bytes",
        &bomb,
        "the entry `data.pkl` of `FILE` is 4294967294 bytes in 4, expected it uncompressed; save the file with `torch.save`",
    );
}

#[test]
fn adapterhub_folders_with_other_weights() {
    let dir = tempfile::tempdir().unwrap();
    copy("formats/t5v11/adapterhub", &dir.path().join("hub"));
    fs::remove_file(dir.path().join("hub/pytorch_adapter.bin")).unwrap();
    let message = "`DIR/hub` holds no AdapterHub adapter: pytorch_adapter.bin and adapter.safetensors are missing, found adapter_config.json";
    refuse("no weights", dir.path(), "hub", OUT, &ConvertOptions::new(), message);
    let key = "encoder.block.0.layer.0.SelfAttention.k.loras.task.lora_B";
    let (tensor, wrapped) = (Tensor::default().pickle(), format!("transformer.{key}"));
    let twice = torch_file(&dict(&[(key, tensor.clone()), (&wrapped, tensor)]));
    fs::write(dir.path().join("hub/pytorch_adapter.bin"), twice).unwrap();
    let message = format!(
        "`DIR/hub/pytorch_adapter.bin` holds two vectors of `encoder.block.0.layer.0.SelfAttention.k`, the second under `{wrapped}`; save each adapter in a folder of its own"
    );
    refuse("two names of a vector", dir.path(), "hub", OUT, &ConvertOptions::new(), &message);
    let key = "transformer.h.0.attn.c_attn.loras.task.lora_B";
    let fused = torch_file(&dict(&[(key, Tensor::default().pickle())]));
    fs::write(dir.path().join("hub/pytorch_adapter.bin"), fused).unwrap();
    let message = format!(
        "`{key}` of `DIR/hub/pytorch_adapter.bin` is a vector on a part of a fused projection, which an (IA)³ adapter does not have"
    );
    refuse("a fused projection", dir.path(), "hub", OUT, &ConvertOptions::new(), &message);
}

/// PEFT's adapter of the gated T5, changed.
fn spoilt(change: impl Fn(&mut AdapterFile)) -> AdapterFile {
    let mut file = AdapterFile::open(fixture("t5v11/adapter")).unwrap();
    change(&mut file);
    file
}

fn message<T, E: Display>(result: Result<T, E>) -> String {
    match result {
        Ok(_) => panic!("accepted"),
        Err(error) => error.to_string().replace(&fixture("").display().to_string(), "DIR/"),
    }
}

#[test]
fn vectors_that_contradict_each_other_or_the_configuration() {
    let block = "encoder.block.0.layer.1.DenseReluDense";
    let (wo, wi_1, wi) = (format!("{block}.wo"), format!("{block}.wi_1"), format!("{block}.wi"));
    let with = |module: &str, shape: [usize; 2], input: bool| {
        spoilt(|file| {
            let n = shape[0] * shape[1];
            let vector = ia3_io::FileVector { shape: shape.to_vec(), values: vec![1.0; n] };
            file.vectors.insert(module.to_string(), vector);
            let feedforward = if input { vec!["wo", module] } else { vec!["wo"] };
            file.config = (file.config.clone())
                .with_target_modules(["k", "v", "wo", module])
                .with_feedforward_modules(feedforward.as_slice());
        })
    };
    let place = |file: AdapterFile, site| message(place_feed_forward(file, site, None));
    assert_eq!(
        place(with(&wi_1, [1, 24], true), FeedForwardSite::Wi1),
        format!(
            "the vector of `{wo}` cannot move to the output of `{wi_1}`, which has a vector on its input; a module has one vector at most"
        )
    );
    assert_eq!(
        place(with(&wi_1, [7, 1], false), FeedForwardSite::Wi1),
        format!("the vector of `{wo}` has 36 numbers, but `{wi_1}` has 7; are both of one base?")
    );
    assert_eq!(
        place(with(&wi, [36, 1], false), FeedForwardSite::Wo),
        format!(
            "the vector on the output of `{wi}` cannot move to `{wo}`: the block is not gated, the activation is between the two, so no vector on its other side computes the same"
        )
    );
    let weights = "DIR/t5v11/adapter/adapter_model.safetensors";
    let turned = spoilt(|file| file.vectors.values_mut().for_each(|v| v.shape.reverse()));
    assert_eq!(
        message(turned.placements(None)),
        format!(
            "the vector of `decoder.block.0.layer.0.SelfAttention.k` in `{weights}` has shape [1, 20], expected [20, 1] on the output of that layer; it is transposed, or `feedforward_modules` differs from that in training"
        )
    );
    let fewer = spoilt(|file| file.config = file.config.clone().with_target_modules(["v"]));
    assert!(message(fewer.placements(None)).starts_with(&format!(
        "`{weights}` holds 13 vectors that its configuration does not select (`decoder.block.0.layer.0.SelfAttention.k`, "
    )));
    let none = spoilt(|file| file.config = file.config.clone().with_target_modules(["q"]));
    assert!(
        message(none.placements(None))
            .starts_with(&format!("`{weights}` holds 21 vectors that its configuration does not select ("))
    );
    let empty = spoilt(|file| file.vectors.clear());
    assert_eq!(
        message(empty.placements(None)),
        format!("`{weights}` holds no vector of a PEFT folder (a key that ends in `.ia3_l`), found nothing")
    );
    let unset = spoilt(|file| file.config.target_modules = None);
    assert!(message(unset.placements(None)).starts_with("`DIR/t5v11/adapter/adapter_config.json`: "));
    assert!(unset.placements(Some(&info("t5v11"))).is_ok(), "the base tells the defaults");
}

#[test]
fn what_a_format_has_no_place_for() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("out");
    let saved = AdapterFile::open(fixture("bert/adapter_alt")).unwrap();
    assert_eq!(
        message(save_adapter_as(&saved, AdapterFormat::TFew, &out, None)),
        "a T-Few file holds vectors only, but the adapter holds 4 parameters saved whole (`bert.pooler.dense.bias`, `bert.pooler.dense.weight`, `classifier.bias` and 1 more)"
    );
    let gpt2 = spoilt(|file| {
        file.vectors =
            [("h.0.attn.c_attn".to_string(), ia3_io::FileVector { shape: vec![2, 1], values: vec![1.; 2] })]
                .into();
        file.config =
            file.config.clone().with_target_modules(["c_attn"]).with_feedforward_modules([] as [&str; 0]);
    });
    assert_eq!(
        message(save_adapter_as(&gpt2, AdapterFormat::AdapterHub, &out, None)),
        "an AdapterHub folder holds vectors on outputs of `q`, `k`, `v`, `wi`, `wi_1` and `wo` of T5, and the adapter has one on the output of `h.0.attn.c_attn`; PEFT's format holds it"
    );
    assert!(!out.exists());
}

/// A pickle in AdapterHub's or PEFT's folder is held to the same.
#[test]
fn pickles_in_folders() {
    let weights = [
        ("formats/t5v11/adapterhub", "pytorch_adapter.bin"),
        ("formats/t5v11/peft_bin", "adapter_model.bin"),
    ];
    let hostile = torch_file(&program(&[b"cos\nsystem\n", b"X\x02\0\0\0id", b"\x85R"]));
    let key = torch_file(&dict(&[("shared.weight", Tensor::default().pickle())]));
    for (folder, name) in weights {
        let dir = tempfile::tempdir().unwrap();
        copy(folder, &dir.path().join("in"));
        let refuse = |bytes: &[u8], expected: &str| {
            fs::write(dir.path().join("in").join(name), bytes).unwrap();
            let expected = expected.replace("FILE", &format!("DIR/in/{name}"));
            refuse(folder, dir.path(), "in", OUT, &ConvertOptions::new(), &expected);
        };
        refuse(
            &hostile,
            "the pickle of `FILE` refers to `os.system` (byte 2); only dictionaries of tensors are read and no code is run; save one with `torch.save`",
        );
        refuse(b"hello", "`FILE` is not a PyTorch file, expected a zip archive that `torch.save` wrote");
        let other = match name {
            "adapter_model.bin" => {
                "the key `shared.weight` of `FILE` has another form than PEFT's, expected `base_model.model.<module path>.ia3_l`, or `base_model.model.<parameter path>` for a parameter saved whole"
            }
            _ => {
                "`shared.weight` of `FILE` is a tensor of another adapter than the one in adapter_config.json, which an (IA)³ adapter does not have"
            }
        };
        refuse(&key, other);
    }
}
