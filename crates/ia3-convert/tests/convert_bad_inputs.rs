//! What is refused on the way from one format of adapters to another: each with the exact message, and nothing left
//! behind. `DIR` in a message stands for the folder of the case.

mod common;

use std::fmt::Display;
use std::fs;
use std::path::Path;

use burn::tensor::Device;
use common::torch::{Tensor, archive, dict, text, torch_file};
use common::{fixture, names};
use ia3_config::ModelInfo;
use ia3_convert::{
    AdapterFormat, ConvertError, ConvertOptions, FeedForwardSite, TorchError, convert_adapter_with,
    open_adapter, place_feed_forward, save_adapter_as,
};
use ia3_io::AdapterFile;
use ia3_models::ModelConfig;

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

fn refuse_pickle(name: &str, pickle: &[u8], problem: &str) {
    let only = "only dictionaries of tensors are read and nothing is ever run, save one with `torch.save`";
    refuse_file(name, &torch_file(pickle), &format!("the pickle of `FILE` {problem}; {only}"));
}

fn refuse_tensor(name: &str, tensor: Tensor, problem: &str) {
    let file = torch_file(&dict(&[(KEY, tensor.pickle())]));
    refuse_file(name, &file, &format!("the tensor `{KEY}` of `FILE` {problem}"));
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

#[test]
fn pickles_that_do_more_than_hold_tensors() {
    let system = program(&[b"cos\nsystem\n", b"X\x02\0\0\0id", b"\x85R"]);
    refuse_pickle("os.system", &system, "refers to `os.system` (byte 2)");
    refuse_pickle("eval", &program(&[b"c__builtin__\neval\n"]), "refers to `__builtin__.eval` (byte 2)");
    refuse_pickle("a newline in a name", &program(&[b"ca\rb\nc\n"]), "refers to `a\\rb.c` (byte 2)");
    refuse_pickle("INST", &program(&[b"(ios\nsystem\n"]), "has the opcode 0x69 (byte 3)");
    refuse_pickle("OBJ", &program(&[b"(o"]), "has the opcode 0x6f (byte 3)");
    refuse_pickle("NEWOBJ", &program(&[b"\x81"]), "has the opcode 0x81 (byte 2)");
    refuse_pickle("STACK_GLOBAL", &program(&[b"\x93"]), "has the opcode 0x93 (byte 2)");
    refuse_pickle("EXT1", &program(&[b"\x82\x01"]), "has the opcode 0x82 (byte 2)");
    refuse_pickle(
        "a whole module",
        &program(&[b"c__main__\nNet\n)\x81}b"]),
        "refers to `__main__.Net` (byte 2)",
    );
    refuse_pickle(
        "a storage that is called",
        &program(&[b"ctorch\nFloatStorage\n)R"]),
        "calls a function with arguments that PyTorch does not give it (byte 23)",
    );
    refuse_pickle(
        "a text that is called",
        &program(&[b"X\x01\0\0\0a)R"]),
        "calls something that is no function (byte 9)",
    );
    refuse_pickle(
        "attributes of a list",
        &program(&[b"]}b"]),
        "sets items of something that is no dictionary (byte 4)",
    );
    refuse_pickle(
        "a tensor without arguments",
        &program(&[b"ctorch._utils\n_rebuild_tensor_v2\n)R"]),
        "makes a tensor in another way than PyTorch (byte 36)",
    );
    refuse_pickle(
        "a parameter of a text",
        &program(&[b"ctorch._utils\n_rebuild_parameter\n", b"X\x01\0\0\0a\x89N\x87R"]),
        "makes a parameter of something that is no tensor (byte 44)",
    );
    refuse_pickle(
        "another persistent id",
        &program(&[b"X\x01\0\0\0aQ"]),
        "refers to something that is no storage of a tensor (byte 8)",
    );
}

#[test]
fn pickles_that_are_damaged() {
    let only = dict(&[(KEY, Tensor::default().pickle())]);
    refuse_pickle("empty", b"", "ends too early (byte 0)");
    refuse_pickle("cut short", &only[..only.len() - 1], &format!("ends too early (byte {})", only.len() - 1));
    refuse_pickle("protocol 4", b"\x80\x04}.", "is of protocol 4, expected 2 (byte 0)");
    refuse_pickle("nothing on the stack", b"\x80\x02.", "takes more from its stack than there is (byte 2)");
    refuse_pickle("no mark", b"\x80\x02}u.", "takes more from its stack than there is (byte 3)");
    refuse_pickle("through a mark", b"\x80\x02}(s.", "takes more from its stack than there is (byte 4)");
    refuse_pickle("a key without a value", b"\x80\x02}(Nu.", "sets a key without a value (byte 5)");
    refuse_pickle(
        "items of a tuple",
        b"\x80\x02)NNs.",
        "sets items of something that is no dictionary (byte 5)",
    );
    refuse_pickle(
        "elements of a dictionary",
        b"\x80\x02}Na.",
        "appends to something that is no list (byte 4)",
    );
    refuse_pickle("an empty memo", b"\x80\x02h\x07.", "recalls object 7, which it did not store (byte 2)");
    refuse_pickle("a text of 4 GB", b"\x80\x02X\xff\xff\xff\xffab.", "ends too early (byte 2)");
    refuse_pickle(
        "a text that is no UTF-8",
        b"\x80\x02X\x01\0\0\0\xff.",
        "has a text that is no UTF-8 (byte 2)",
    );
    refuse_pickle("a name without an end", b"\x80\x02cos", "ends too early (byte 2)");
    refuse_pickle(
        "a huge integer",
        b"\x80\x02\x8a\x09123456789.",
        "has an integer of 9 bytes, expected at most 8 (byte 2)",
    );
    refuse_pickle(
        "a tensor alone",
        &program(&[&Tensor::default().pickle()]),
        "holds something that is no dictionary of tensors (byte 149)",
    );
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

#[test]
fn tensors_that_do_not_lie_in_their_storage() {
    let of = |offset, len, shape: &[i32], strides: &[i32]| Tensor {
        offset,
        len,
        shape: shape.to_vec(),
        strides: strides.to_vec(),
        ..Tensor::default()
    };
    let together = "so its values do not lie together; save it again after `.contiguous()`";
    let damaged = "the file is damaged";
    refuse_tensor(
        "every second",
        of(0, 3, &[2, 1], &[2, 1]),
        &format!("has shape [2, 1] with strides [2, 1], {together}"),
    );
    refuse_tensor(
        "one value many times",
        of(0, 3, &[3, 1], &[0, 1]),
        &format!("has shape [3, 1] with strides [0, 1], {together}"),
    );
    refuse_tensor(
        "backwards",
        of(2, 3, &[3, 1], &[-1, 1]),
        &format!("has shape [3, 1] with strides [-1, 1], {together}"),
    );
    refuse_tensor(
        "a stride too few",
        of(0, 3, &[3, 1], &[1]),
        &format!("has shape [3, 1] with strides [1], {together}"),
    );
    refuse_tensor(
        "a negative size",
        of(0, 3, &[-3, 1], &[1, 1]),
        &format!("has shape [-3, 1] with strides [1, 1], {together}"),
    );
    refuse_tensor(
        "past the end",
        of(1, 3, &[3, 1], &[1, 1]),
        &format!("has 3 values from 1 on, but its storage has 3; {damaged}"),
    );
    refuse_tensor(
        "before the start",
        of(-1, 3, &[3, 1], &[1, 1]),
        &format!("has 3 values from -1 on, but its storage has 3; {damaged}"),
    );
    refuse_tensor(
        "a storage of -3",
        of(0, -3, &[3, 1], &[1, 1]),
        &format!("has 3 values from 0 on, but its storage has -3; {damaged}"),
    );
    let huge = vec![i32::MAX; 3];
    let big = of(0, 3, &huge, &[0, 0, 0]);
    refuse_tensor(
        "a size that overflows",
        big,
        &format!("has shape [2147483647, 2147483647, 2147483647] with strides [0, 0, 0], {together}"),
    );
    refuse_tensor(
        "a storage shorter than it says",
        of(0, 4, &[4, 1], &[1, 1]),
        &format!("lies in the entry `archive/data/0` of 12 bytes, expected 16; {damaged}"),
    );
    refuse_tensor(
        "a storage of 8 GB",
        of(0, i32::MAX, &[3, 1], &[1, 1]),
        "is one too many: the vectors together have more than the 572 bytes of the file, so they overlap",
    );
    refuse_tensor(
        "no storage",
        Tensor { key: "../0", ..Tensor::default() },
        &format!("lies in the entry `archive/data/../0`, which is not there; {damaged}"),
    );
    refuse_tensor(
        "integers",
        Tensor { storage: "LongStorage", ..Tensor::default() },
        "is I64, expected F32, F16, BF16 or F64",
    );
    refuse_pickle(
        "complex numbers",
        &dict(&[(KEY, Tensor { storage: "ComplexFloatStorage", ..Tensor::default() }.pickle())]),
        "refers to `torch.ComplexFloatStorage` (byte 108)",
    );
    refuse_file(
        "no tensor",
        &torch_file(&dict(&[(KEY, b"K\x01".to_vec())])),
        &format!("the tensor `{KEY}` of `FILE` is no tensor"),
    );
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
        "another archive",
        &archive(&[("word/document.xml", b"<a/>")]),
        "the zip archive `FILE` holds no data.pkl, so `torch.save` did not write it; found word/document.xml",
    );
    refuse_file(
        "a pickle deep inside",
        &archive(&[("a/b/data.pkl", b"\x80\x02}.")]),
        "the zip archive `FILE` holds no data.pkl, so `torch.save` did not write it; found a/b/data.pkl",
    );
    refuse_file(
        "big endian",
        &archive(&[("archive/data.pkl", b"\x80\x02}."), ("archive/byteorder", b"big")]),
        "`FILE` has the byte order big, expected little; save it again on a little-endian machine",
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
        "the entry `data.pkl` of `FILE` is compressed (Deflated), expected it stored as it is; save the file with `torch.save`",
    );
    let mut bomb = archive(&[("data.pkl", b"\x80\x02}.")]);
    let central = bomb.windows(4).rposition(|bytes| bytes == b"PK\x01\x02").unwrap();
    bomb[central + 24..central + 28].copy_from_slice(&u32::MAX.wrapping_sub(1).to_le_bytes());
    refuse_file(
        "4 GB in 4 bytes",
        &bomb,
        "the entry `data.pkl` of `FILE` is 4294967294 bytes in 4, expected it stored as it is; save the file with `torch.save`",
    );
}

#[test]
fn files_of_other_kinds() {
    let dir = "`DIR` holds no adapter: `adapter_config.json` is missing, found FILE; an adapter is a folder with \
               adapter_config.json and adapter_model.safetensors";
    refuse_file("a text", b"hello", dir);
    refuse_file("an empty file", b"", "`FILE` is empty; download or copy it again");
    refuse_file(
        "an old PyTorch file",
        b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19.",
        "`FILE` is a bare pickle, as PyTorch wrote them before 1.6; load it in Python and save it again with `torch.save`",
    );
    refuse_file(
        "a git-LFS pointer",
        b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a2146\nsize 12345\n",
        "`FILE` is a git-LFS pointer, not the file itself; fetch it with `git lfs pull`",
    );
}

#[test]
fn tfew_files_with_something_else_in_them() {
    let tensor = || Tensor::default().pickle();
    let file = |items: &[(&str, Vec<u8>)]| torch_file(&dict(items));
    refuse_file(
        "no vector",
        &file(&[("shared.weight", tensor()), ("lm_head.weight", tensor())]),
        "`FILE` holds no vector of a T-Few file (a key that ends in `.multi_lora_b`), found lm_head.weight, shared.weight",
    );
    refuse_file(
        "nothing",
        &file(&[]),
        "`FILE` holds no vector of a T-Few file (a key that ends in `.multi_lora_b`), found nothing",
    );
    refuse_file(
        "LoRA",
        &file(&[(KEY, tensor()), ("encoder.block.0.layer.0.SelfAttention.k.lora_b", tensor())]),
        "`encoder.block.0.layer.0.SelfAttention.k.lora_b` of `FILE` is a matrix of LoRA, which an (IA)³ adapter does not have",
    );
    refuse_file(
        "an input that was scaled",
        &file(&[(KEY, tensor()), ("encoder.block.0.layer.0.SelfAttention.k.multi_lora_a", tensor())]),
        "`encoder.block.0.layer.0.SelfAttention.k.multi_lora_a` of `FILE` is a vector on an input that is not all ones, which an (IA)³ adapter does not have",
    );
    let wide = Tensor { shape: vec![1, 3], strides: vec![3, 1], ..Tensor::default() };
    refuse_file(
        "a rank of 3",
        &file(&[(KEY, wide.pickle())]),
        &format!(
            "the vector `{KEY}` of `FILE` has shape [1, 3], expected [n, 1]: one number for each output"
        ),
    );
    let none = Tensor { shape: vec![0, 1], ..Tensor::default() };
    refuse_file(
        "no numbers",
        &file(&[(KEY, none.pickle())]),
        &format!(
            "the vector `{KEY}` of `FILE` has shape [0, 1], expected [n, 1]: one number for each output"
        ),
    );
    refuse_file(
        "a key twice",
        &file(&[(KEY, tensor()), (KEY, tensor())]),
        &format!("`FILE` holds the key `{KEY}` twice; save it again"),
    );
    let wrapped = format!("module.model.{KEY}");
    refuse_file(
        "a vector under two names",
        &file(&[(KEY, tensor()), (&wrapped, tensor())]),
        "`FILE` holds two vectors of `encoder.block.0.layer.0.SelfAttention.k`, the second under \
         `module.model.encoder.block.0.layer.0.SelfAttention.k.multi_lora_b`; save each adapter in a folder of its own",
    );
}

fn copy(from: &str, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(fixture(from)).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
    }
}

/// AdapterHub's folder with `from` replaced by `to` in its configuration.
fn refuse_hub(from: &str, to: &str, expected: &str) {
    let dir = tempfile::tempdir().unwrap();
    copy("formats/t5v11/adapterhub", &dir.path().join("hub"));
    let config = dir.path().join("hub/adapter_config.json");
    let text = fs::read_to_string(&config).unwrap();
    assert!(text.contains(from));
    fs::write(&config, text.replacen(from, to, 1)).unwrap();
    refuse(to, dir.path(), "hub", OUT, &ConvertOptions::new(), expected);
}

#[test]
fn adapterhub_folders() {
    let plain = "not a plain (IA)³ adapter";
    for (from, to, field, expected, found) in [
        ("\"scale\"", "\"add\"", "composition_mode", "\"scale\"", "\"add\""),
        ("\"architecture\": \"lora\"", "\"architecture\": null", "architecture", "\"lora\"", "null"),
        ("\"r\": 1", "\"r\": 8", "r", "1", "8"),
        ("\"alpha\": 1", "\"alpha\": 2", "alpha", "1", "2"),
        ("\"use_gating\": false", "\"use_gating\": true", "use_gating", "false", "true"),
        ("\"use_dora\": false", "\"use_dora\": \"no\"", "use_dora", "false", "\"no\""),
    ] {
        let message =
            format!("`DIR/hub/adapter_config.json`: `{field}` is {found}, expected {expected}: {plain}");
        refuse_hub(from, to, &message);
    }
    refuse_hub(
        "\"name\": \"task\"",
        "\"title\": \"task\"",
        "`DIR/hub/adapter_config.json` is no configuration of an AdapterHub adapter: missing field `name`",
    );
    refuse_hub(
        "\"name\": \"task\"",
        "\"name\": \"other\"",
        "`decoder.block.0.layer.0.SelfAttention.k.loras.task.lora_B` of `DIR/hub/pytorch_adapter.bin` is no vector of the adapter in adapter_config.json, which an (IA)³ adapter does not have",
    );
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

/// The facts of a base in `fixtures/`.
fn info(case: &str) -> ModelInfo {
    let text = fs::read_to_string(fixture(case).join("base/config.json")).unwrap();
    ModelConfig::from_json(&text).unwrap().init(&Device::flex()).info()
}

/// An adapter of `fixtures/` to another format.
fn refuse_adapter(case: &str, to: AdapterFormat, options: &ConvertOptions, expected: &str) {
    let dir = tempfile::tempdir().unwrap();
    copy(case, &dir.path().join("in"));
    refuse(case, dir.path(), "in", to, options, expected);
}

#[test]
fn vectors_that_cannot_move() {
    let (none, tfew) = (ConvertOptions::new(), AdapterFormat::TFew);
    let wo = "decoder.block.0.layer.2.DenseReluDense.wo";
    let wi_1 = "decoder.block.0.layer.2.DenseReluDense.wi_1";
    let unknown = format!(
        "cannot tell whether `{wo}` is in a gated feed-forward block, where its vector can move to `{wi_1}`: nothing in \
         the adapter says so; give the base (its config.json is enough)"
    );
    refuse_adapter("t5/adapter", tfew, &none, &unknown);
    refuse_adapter("t5v11/adapter", AdapterFormat::AdapterHub, &none, &unknown);
    let plain = none.clone().with_base(info("t5"));
    refuse_adapter(
        "t5/adapter",
        tfew,
        &plain,
        &format!(
            "the vector on the input of `{wo}` cannot move to `{wi_1}`: the block is not gated, the activation lies between \
             the two and no vector on the other side of it gives the same; such an adapter stays in PEFT's format"
        ),
    );
    refuse_adapter(
        "t5v11/adapter",
        tfew,
        &plain,
        "the vector of `encoder.block.0.layer.0.SelfAttention.k` in `DIR/in/adapter_model.safetensors` has shape [20, 1], expected [24, 1] on the output of that layer; was the adapter trained on another base?",
    );
    refuse_adapter(
        "falcon7b/adapter",
        tfew,
        &none,
        "a T-Few file holds vectors on outputs of linear layers, and the adapter has one on the input of `transformer.h.0.mlp.dense_4h_to_h`; PEFT's format holds it",
    );
    refuse_adapter(
        "bert/adapter",
        AdapterFormat::Peft,
        &none.clone().with_site(FeedForwardSite::Wo),
        "the adapter `DIR/in/adapter_model.safetensors` has no vector on an output of `wi_1` or `up_proj` or an input of `wo` or `down_proj` that could be placed",
    );
    refuse_adapter(
        "mt5/adapter",
        tfew,
        &none.clone().with_site(FeedForwardSite::Wo),
        &format!(
            "a T-Few file holds vectors on outputs of linear layers, and the adapter has one on the input of `{wo}`; PEFT's format holds it"
        ),
    );
    refuse_adapter(
        "llama/adapter",
        AdapterFormat::Peft,
        &none.clone().with_site(FeedForwardSite::Wi1),
        "cannot tell whether `model.layers.0.mlp.down_proj` is in a gated feed-forward block, where its vector can move to `model.layers.0.mlp.up_proj`: nothing in the adapter says so; give the base (its config.json is enough)",
    );
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
            "the vector on the output of `{wi}` cannot move to `{wo}`: the block is not gated, the activation lies between the two and no vector on the other side of it gives the same"
        )
    );
    let weights = "DIR/t5v11/adapter/adapter_model.safetensors";
    let turned = spoilt(|file| file.vectors.values_mut().for_each(|v| v.shape.reverse()));
    assert_eq!(
        message(turned.placements(None)),
        format!(
            "the vector of `decoder.block.0.layer.0.SelfAttention.k` in `{weights}` has shape [1, 20], expected [20, 1] on the output of that layer; it is transposed, or `feedforward_modules` says otherwise than when it was trained"
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

#[test]
fn what_is_in_the_way() {
    let cases: [(&str, AdapterFormat, &[&str], &str); 7] = [
        ("a file for a folder", OUT, &["out"], "`DIR/out` is a file; give a folder to write into"),
        (
            "a base",
            OUT,
            &["out/config.json", "out/model.safetensors"],
            "`DIR/out` exists and is no (IA)³ adapter in the form of a PEFT folder; write to another path",
        ),
        (
            "an adapter of AdapterHub",
            OUT,
            &["out/adapter_config.json"],
            "`DIR/out` exists and is no (IA)³ adapter in the form of a PEFT folder; write to another path",
        ),
        (
            "a folder for a file",
            AdapterFormat::TFew,
            &["out/x"],
            "`DIR/out` exists and is no (IA)³ adapter in the form of a T-Few file; write to another path",
        ),
        (
            "another file",
            AdapterFormat::TFew,
            &["out"],
            "`DIR/out` exists and is no (IA)³ adapter in the form of a T-Few file; write to another path",
        ),
        (
            "something else",
            AdapterFormat::AdapterHub,
            &["out/x"],
            "`DIR/out` exists and is no (IA)³ adapter in the form of an AdapterHub folder; write to another path",
        ),
        (
            "other weights",
            AdapterFormat::AdapterHub,
            &["out/adapter_config.json", "out/adapter.safetensors"],
            "`DIR/out/adapter.safetensors` exists and is no (IA)³ adapter in the form of an AdapterHub folder; write to another path",
        ),
    ];
    for (name, to, files, expected) in cases {
        let dir = tempfile::tempdir().unwrap();
        fs::copy(fixture("formats/t5v11/tfew.pt"), dir.path().join("in.pt")).unwrap();
        let config = fs::read(fixture("formats/t5v11/adapterhub/adapter_config.json")).unwrap();
        for file in files {
            fs::create_dir_all(dir.path().join(file).parent().unwrap()).unwrap();
            fs::write(dir.path().join(file), &config).unwrap();
        }
        refuse(name, dir.path(), "in.pt", to, &ConvertOptions::new(), expected);
    }
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
            "the pickle of `FILE` refers to `os.system` (byte 2); only dictionaries of tensors are read and nothing is ever run, save one with `torch.save`",
        );
        refuse(b"hello", "`FILE` is no PyTorch file, expected a zip archive that `torch.save` wrote");
        let other = match name {
            "adapter_model.bin" => {
                "the key `shared.weight` of `FILE` has another form than PEFT's, expected `base_model.model.<module path>.ia3_l`, or `base_model.model.<parameter path>` for a parameter saved whole"
            }
            _ => {
                "`shared.weight` of `FILE` is no vector of the adapter in adapter_config.json, which an (IA)³ adapter does not have"
            }
        };
        refuse(&key, other);
    }
}
