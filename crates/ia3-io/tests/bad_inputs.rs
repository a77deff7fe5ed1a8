//! Inputs that must be refused: each with the exact message, and nothing left behind.
//!
//! `DIR` in a message stands for the folder of the case.

mod common;

use std::fmt::Display;
use std::fs::{self, File, Permissions};
use std::path::Path;

use burn::tensor::{Device, Tensor};
use common::{Tiny, fixture, names, raw};
use ia3_config::{Ia3Config, ModelInfo, Placement};
use ia3_core::{Adapter, Ia3Vector};
use ia3_io::{AdapterFile, Checkpoint, load_adapter, save_adapter, save_adapters, save_checkpoint};
use ia3_models::t5::T5Config;

/// Runs `f` on a folder with `files` in it, and compares the message of its error.
fn refused<T, E: Display>(
    name: &str,
    files: &[(&str, &[u8])],
    f: impl FnOnce(&Path) -> Result<T, E>,
    expected: &str,
) {
    let dir = tempfile::tempdir().unwrap();
    for (name, bytes) in files {
        let path = dir.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }
    let before = names(dir.path());
    let Err(error) = f(dir.path()) else { panic!("{name} was accepted") };
    let message = error.to_string().replace(&dir.path().display().to_string(), "DIR");
    assert_eq!(message, expected, "{name}");
    assert_eq!(names(dir.path()), before, "{name} leaves files behind");
}

const ADAPTER_WEIGHTS: &str = "adapter_model.safetensors";
const ADAPTER_CONFIG: &str = "adapter_config.json";

fn header(entries: &str) -> String {
    format!("{{{entries}}}")
}

/// A tensor of a header.
fn entry(name: &str, dtype: &str, shape: &str, offsets: &str) -> String {
    format!(r#""{name}":{{"dtype":"{dtype}","shape":[{shape}],"data_offsets":[{offsets}]}}"#)
}

#[test]
fn damaged_safetensors_files() {
    let a = |offsets: &str| entry("a", "F32", "2", offsets);
    let file = |entries: &str, data: usize| raw(&header(entries), &vec![0; data]);
    let with_length = |length: u64| [&length.to_le_bytes()[..], b"{\"a\":1}"].concat();
    let good = file(&a("0,8"), 8);
    let cases: &[(&str, Vec<u8>, &str)] = &[
        ("empty", vec![], "`FILE` is empty; download or copy it again"),
        (
            "no length",
            vec![1, 0, 0],
            "`FILE` has 3 bytes, expected 8 by its header; it is truncated, download or copy it again",
        ),
        (
            "truncated data",
            good[..good.len() - 1].to_vec(),
            "`FILE` has 69 bytes, expected 70 by its header; it is truncated, download or copy it again",
        ),
        (
            "truncated header",
            good[..20].to_vec(),
            "`FILE` has 20 bytes, expected 62 by its header; it is truncated, download or copy it again",
        ),
        (
            "trailing bytes",
            [&good[..], b"x"].concat(),
            "`FILE` has 71 bytes, expected 70 by its header; it is longer than it should be, download or copy it again",
        ),
        (
            "header of 2^63 bytes",
            with_length(1 << 63),
            "the header of `FILE` claims 9223372036854775808 bytes, more than the 100000000 the format allows; is it a safetensors file?",
        ),
        (
            "header of 2^64-1 bytes",
            with_length(u64::MAX),
            "the header of `FILE` claims 18446744073709551615 bytes, more than the 100000000 the format allows; is it a safetensors file?",
        ),
        (
            "header longer than the file",
            with_length(1000),
            "`FILE` has 15 bytes, expected 1008 by its header; it is truncated, download or copy it again",
        ),
        (
            "header is not UTF-8",
            raw("{\"\u{1}\": 1}", &[]).iter().map(|b| if *b == 1 { 0xff } else { *b }).collect(),
            "the header of `FILE` is not a safetensors header: invalid unicode code point at line 1 column 3; download or copy the file again",
        ),
        (
            "header is not JSON",
            raw("{\"a\": ", &[]),
            "the header of `FILE` is not a safetensors header at `a`: EOF while parsing a value at line 1 column 6; download or copy the file again",
        ),
        (
            "header is a list",
            raw("[1, 2]", &[]),
            "the header of `FILE` is not a safetensors header: invalid type: sequence, expected an object of tensors at line 1 column 0; download or copy the file again",
        ),
        (
            "text after the header",
            raw("{}{}", &[]),
            "the header of `FILE` is not a safetensors header: trailing characters at line 1 column 3; download or copy the file again",
        ),
        (
            "header is nested deeply",
            raw(&format!("{{\"a\":{}", "[".repeat(100_000)), &[]),
            "the header of `FILE` is not a safetensors header at `a`: expected value at line 1 column 7; download or copy the file again",
        ),
        (
            "metadata that is no text",
            file(r#""__metadata__":{"format":1}"#, 0),
            "the header of `FILE` is not a safetensors header at `__metadata__`: invalid type: integer `1`, expected a string at line 1 column 27; download or copy the file again",
        ),
        (
            "overlapping tensors",
            file(&format!("{},{}", a("0,8"), entry("b", "F32", "2", "4,12")), 12),
            "the tensor `b` of `FILE` lies at bytes 4..12, expected it to begin at 8; the file is damaged",
        ),
        (
            "one place for two tensors",
            file(&format!("{},{}", a("0,8"), entry("b", "F32", "2", "0,8")), 8),
            "the tensor `b` of `FILE` lies at bytes 0..8, expected it to begin at 8; the file is damaged",
        ),
        (
            "a hole",
            file(&format!("{},{}", a("0,8"), entry("b", "F32", "1", "12,16")), 16),
            "the tensor `b` of `FILE` lies at bytes 12..16, expected it to begin at 8; the file is damaged",
        ),
        (
            "a hole at the start",
            file(&a("8,16"), 16),
            "the tensor `a` of `FILE` lies at bytes 8..16, expected it to begin at 0; the file is damaged",
        ),
        (
            "reversed offsets",
            file(&a("8,0"), 8),
            "the tensor `a` of `FILE` lies at bytes 8..0, expected it to begin at 0; the file is damaged",
        ),
        (
            "negative offsets",
            file(&a("-8,0"), 8),
            "the header of `FILE` is not a safetensors header at `a`: invalid value: integer `-8`, expected usize at line 1 column 50; download or copy the file again",
        ),
        (
            "offsets beyond the file",
            file(&entry("a", "F32", "4", "0,16"), 8),
            "`FILE` has 71 bytes, expected 79 by its header; it is truncated, download or copy it again",
        ),
        (
            "offsets beyond any file",
            file(&entry("a", "U8", "18446744073709551615", "0,18446744073709551615"), 8),
            "the tensor `a` of `FILE` has 18446744073709551615 bytes, but U8 [18446744073709551615] needs a number that no file has; the file is damaged",
        ),
        (
            "fewer bytes than the dtype needs",
            file(&a("0,4"), 4),
            "the tensor `a` of `FILE` has 4 bytes, but F32 [2] needs 8; the file is damaged",
        ),
        (
            "half a byte",
            file(&entry("a", "F4", "3", "0,2"), 2),
            "the tensor `a` of `FILE` has 2 bytes, but F4 [3] needs a number that no file has; the file is damaged",
        ),
        (
            "a shape that overflows",
            file(&entry("a", "F32", "9223372036854775808,4", "0,8"), 8),
            "the tensor `a` of `FILE` has 8 bytes, but F32 [9223372036854775808, 4] needs a number that no file has; the file is damaged",
        ),
        (
            "a shape beyond usize",
            file(&entry("a", "F32", "18446744073709551616", "0,8"), 8),
            "the header of `FILE` is not a safetensors header at `a`: invalid type: floating point `1.8446744073709552e+19`, expected usize at line 1 column 49; download or copy the file again",
        ),
        (
            "a key twice",
            file(&format!("{},{}", a("0,8"), a("8,16")), 16),
            "the header of `FILE` is not a safetensors header at `a`: the key appears twice at line 1 column 57; download or copy the file again",
        ),
        (
            "a field twice",
            file(r#""a":{"dtype":"F32","dtype":"F16","shape":[2],"data_offsets":[0,8]}"#, 8),
            "the header of `FILE` is not a safetensors header at `a`: duplicate field `dtype` at line 1 column 27; download or copy the file again",
        ),
        (
            "an unknown dtype",
            file(&entry("a", "F7", "2", "0,8"), 8),
            "the header of `FILE` is not a safetensors header at `a`: unknown variant `F7`, expected one of `BOOL`, `F4`, `F6_E2M3`, `F6_E3M2`, `U8`, `I8`, `F8_E5M2`, `F8_E4M3`, `F8_E8M0`, `F8_E4M3FNUZ`, `F8_E5M2FNUZ`, `I16`, `U16`, `F16`, `BF16`, `I32`, `U32`, `F32`, `C64`, `F64`, `I64`, `U64` at line 1 column 18; download or copy the file again",
        ),
        (
            "a pickle",
            b"\x80\x02}q\x00X\x05\x00\x00\x00".to_vec(),
            "`FILE` is a Python pickle (an old PyTorch file), which can run code when read; save it in Python with `safetensors.torch.save_file`, or with `save_pretrained(safe_serialization=True)`",
        ),
        (
            "a zip",
            b"PK\x03\x04\x00\x00\x08\x08\x00\x00".to_vec(),
            "`FILE` is a zip archive (a PyTorch file), which can run code when read; save it in Python with `safetensors.torch.save_file`, or with `save_pretrained(safe_serialization=True)`",
        ),
        (
            "a git-LFS pointer",
            b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a2146\nsize 12345\n".to_vec(),
            "`FILE` is a git-LFS pointer, not the file itself; fetch it with `git lfs pull`",
        ),
        (
            "a web page",
            b"<!doctype html>\n<html><body>404</body></html>".to_vec(),
            "`FILE` is a web page, not the file itself; download it again; does the address need a login or `/resolve/` instead of `/blob/`?",
        ),
        (
            "an index",
            b"{\"weight_map\": {}}".to_vec(),
            "`FILE` is JSON text; give the folder, or the safetensors file itself",
        ),
        (
            "GGUF",
            b"GGUF\x03\0\0\0\0\0\0\0".to_vec(),
            "`FILE` is a GGUF file; take the original checkpoint in safetensors format",
        ),
    ];
    for (name, bytes, expected) in cases {
        refused(
            name,
            &[("model.safetensors", bytes)],
            |dir| Checkpoint::open(dir),
            &expected.replace("FILE", "DIR/model.safetensors"),
        );
    }
}

/// The base of the T5 fixture, and variants of it.
fn t5(change: impl FnOnce(&mut T5Config)) -> ModelInfo {
    let text = fs::read_to_string(fixture("t5/base/config.json")).unwrap();
    let mut config = T5Config::from_json(&text).unwrap();
    change(&mut config);
    config.init(&Device::flex()).info()
}

#[test]
fn broken_configurations_of_adapters() {
    let weights = fs::read(fixture("t5/adapter").join(ADAPTER_WEIGHTS)).unwrap();
    let cases: &[(&str, &[u8], &str)] = &[
        (
            "not JSON",
            b"{\"peft_type\": ",
            "`FILE`: invalid adapter configuration at `peft_type`: EOF while parsing a value at line 1 column 14",
        ),
        (
            "a list",
            b"[]",
            "`FILE`: invalid adapter configuration at `.`: invalid type: sequence, expected a map at line 1 column 0",
        ),
        (
            "no peft_type",
            b"{\"target_modules\": [\"k\"]}",
            "`FILE`: `peft_type` is missing; an (IA)\u{b3} configuration says \"peft_type\": \"IA3\"",
        ),
        (
            "another method",
            b"{\"peft_type\": \"LORA\"}",
            "`FILE`: `peft_type` is \"LORA\", expected \"IA3\" (upper case): not an (IA)³ configuration",
        ),
        (
            "lower case",
            b"{\"peft_type\": \"ia3\"}",
            "`FILE`: `peft_type` is \"ia3\", expected \"IA3\" (upper case): not an (IA)³ configuration",
        ),
        (
            "a wrong type",
            b"{\"peft_type\": \"IA3\", \"target_modules\": [\"k\", 1]}",
            "`FILE`: invalid adapter configuration at `target_modules[1]`: invalid type: integer `1`, expected a string at line 1 column 46",
        ),
        (
            "a field twice",
            b"{\"peft_type\": \"IA3\", \"revision\": \"a\", \"revision\": \"b\"}",
            "`FILE`: invalid adapter configuration at `.`: duplicate field `revision` at line 1 column 48",
        ),
        (
            "an unknown task",
            b"{\"peft_type\": \"IA3\", \"task_type\": \"POETRY\"}",
            "`FILE`: invalid adapter configuration at `task_type`: unknown variant `POETRY`, expected one of `SEQ_CLS`, `SEQ_2_SEQ_LM`, `CAUSAL_LM`, `TOKEN_CLS`, `QUESTION_ANS`, `FEATURE_EXTRACTION` at line 1 column 42",
        ),
        (
            "not UTF-8",
            b"{\"peft_type\": \"\xff\"}",
            "`FILE` is not text: byte 15 is not valid UTF-8; download or copy it again",
        ),
        ("empty", b"", "`FILE` is empty; download or copy it again"),
        (
            "a web page",
            b"<html>",
            "`FILE` is a web page, not the file itself; download it again; does the address need a login or `/resolve/` instead of `/blob/`?",
        ),
        (
            "a git-LFS pointer",
            b"version https://git-lfs.github.com/spec/v1\n",
            "`FILE` is a git-LFS pointer, not the file itself; fetch it with `git lfs pull`",
        ),
        (
            "a pickle",
            b"\x80\x02}q\x00.",
            "`FILE` is a Python pickle (an old PyTorch file), which can run code when read; save it in Python with `safetensors.torch.save_file`, or with `save_pretrained(safe_serialization=True)`",
        ),
    ];
    for (name, text, expected) in cases {
        let files: &[(&str, &[u8])] = &[(ADAPTER_CONFIG, text), (ADAPTER_WEIGHTS, &weights)];
        refused(
            name,
            files,
            |dir| AdapterFile::open(dir),
            &expected.replace("FILE", &format!("DIR/{ADAPTER_CONFIG}")),
        );
    }
}

const CONFIG: &[u8] = br#"{"peft_type": "IA3", "target_modules": ["k"], "feedforward_modules": []}"#;

#[test]
fn tensors_that_are_no_vectors() {
    let k = "base_model.model.k.ia3_l";
    let cases: &[(&str, String, &str)] = &[
        (
            "no prefix",
            entry("k.ia3_l", "F32", "2,1", "0,8"),
            "the key `k.ia3_l` of `FILE` has another form than PEFT's, expected `base_model.model.<module path>.ia3_l`, or `base_model.model.<parameter path>` for a parameter saved whole",
        ),
        (
            "no module",
            entry("base_model.model.ia3_l", "F32", "2,1", "0,8"),
            "the key `base_model.model.ia3_l` of `FILE` has another form than PEFT's, expected `base_model.model.<module path>.ia3_l`, or `base_model.model.<parameter path>` for a parameter saved whole",
        ),
        (
            "flattened",
            entry(k, "F32", "2", "0,8"),
            "the vector `base_model.model.k.ia3_l` of `FILE` has shape [2], expected [n, 1] on an output or [1, n] on an input; it is flattened, reshape it",
        ),
        (
            "a matrix",
            entry(k, "F32", "2,2", "0,16"),
            "the vector `base_model.model.k.ia3_l` of `FILE` has shape [2, 2], expected [n, 1] on an output or [1, n] on an input",
        ),
        (
            "a scalar",
            entry(k, "F32", "", "0,4"),
            "the vector `base_model.model.k.ia3_l` of `FILE` has shape [], expected [n, 1] on an output or [1, n] on an input",
        ),
        (
            "integers",
            entry(k, "I64", "1,1", "0,8"),
            "the tensor `base_model.model.k.ia3_l` of `FILE` is I64, expected F32, F16, BF16 or F64",
        ),
        (
            "integers saved whole",
            entry("base_model.model.classifier.ids", "I64", "1", "0,8"),
            "the tensor `base_model.model.classifier.ids` of `FILE` is I64, expected F32, F16, BF16 or F64",
        ),
        (
            "one vector twice",
            format!("{},{}", entry(k, "F32", "2,1", "0,8"), entry(&format!("{k}.b"), "F32", "2,1", "8,16")),
            "`FILE` holds two vectors of `k`, the second under `base_model.model.k.ia3_l.b`; save each adapter in a folder of its own",
        ),
    ];
    for (name, entries, expected) in cases {
        let bytes = raw(&header(entries), &[0; 16]);
        let end = entries.rsplit(',').next().unwrap().trim_end_matches("]}").parse::<usize>().unwrap();
        let bytes = &bytes[..bytes.len() - (16 - end)];
        let files: &[(&str, &[u8])] = &[(ADAPTER_CONFIG, CONFIG), (ADAPTER_WEIGHTS, bytes)];
        refused(
            name,
            files,
            |dir| AdapterFile::open(dir),
            &expected.replace("FILE", &format!("DIR/{ADAPTER_WEIGHTS}")),
        );
    }
}

#[test]
fn adapters_of_another_base() {
    let t5_adapter = fixture("t5/adapter");
    let bert = Tiny::new(&Device::flex()).info();
    let cases: &[(&str, ModelInfo, &str)] = &[
        (
            "wider",
            t5(|c| c.d_kv = 12),
            "the vector of `encoder.block.0.layer.0.SelfAttention.k` in `FILE` has shape [24, 1], expected [48, 1] on the output of that layer; was the adapter trained on another base?",
        ),
        (
            "wider inside",
            t5(|c| c.d_ff = 80),
            "the vector of `encoder.block.0.layer.1.DenseReluDense.wo` in `FILE` has shape [1, 40], expected [1, 80] on the input of that layer; was the adapter trained on another base?",
        ),
        (
            "deeper",
            t5(|c| c.num_layers = 3),
            "the adapter `FILE` does not fit the base: 3 layers without a vector (`encoder.block.2.layer.0.SelfAttention.k`, `encoder.block.2.layer.0.SelfAttention.v`, `encoder.block.2.layer.1.DenseReluDense.wo`); was it trained on another base?",
        ),
        (
            "shallower",
            t5(|c| c.num_layers = 1),
            "the adapter `FILE` does not fit the base: 3 tensors not asked for (`encoder.block.1.layer.0.SelfAttention.k` (closest: `decoder.block.1.layer.0.SelfAttention.k`), `encoder.block.1.layer.0.SelfAttention.v` (closest: `decoder.block.1.layer.0.SelfAttention.v`), `encoder.block.1.layer.1.DenseReluDense.wo` (closest: `encoder.block.0.layer.1.DenseReluDense.wo`)); was it trained on another base?",
        ),
        (
            "another architecture",
            bert,
            "the adapter `FILE` does not fit the base: 4 layers without a vector (`block.0.k`, `block.0.wo`, `block.1.k` and 1 more), 16 tensors not asked for (`decoder.block.0.layer.0.SelfAttention.k`, `decoder.block.0.layer.0.SelfAttention.v`, `decoder.block.0.layer.1.EncDecAttention.k` and 13 more); was it trained on another base?",
        ),
    ];
    for (name, base, expected) in cases {
        let load = |_: &Path| load_adapter(&t5_adapter, base, &Device::flex());
        let file = t5_adapter.join(ADAPTER_WEIGHTS).display().to_string();
        refused(name, &[], load, &expected.replace("FILE", &file));
    }
}

#[test]
fn adapters_whose_configuration_and_vectors_disagree() {
    let info = Tiny::new(&Device::flex()).info();
    let config = |targets: &str, inputs: &str| {
        format!(
            r#"{{"peft_type": "IA3", "target_modules": ["{targets}"], "feedforward_modules": [{inputs}]}}"#
        )
    };
    let vectors = |shape: &str| {
        let key = |i: usize| format!("base_model.model.block.{i}.wo.ia3_l");
        raw(
            &header(&format!(
                "{},{}",
                entry(&key(0), "F32", shape, "0,40"),
                entry(&key(1), "F32", shape, "40,80")
            )),
            &[0; 80],
        )
    };
    let cases: &[(&str, String, Vec<u8>, &str)] = &[
        (
            "transposed",
            config("wo", r#""wo""#),
            vectors("10,1"),
            "the vector of `block.0.wo` in `FILE` has shape [10, 1], expected [1, 10] on the input of that layer; it is transposed, or `feedforward_modules` says otherwise than when it was trained",
        ),
        (
            "output, not input",
            config("wo", ""),
            vectors("1,10"),
            "the vector of `block.0.wo` in `FILE` has shape [1, 10], expected [6, 1] on the output of that layer; was the adapter trained on another base?",
        ),
        (
            "other layers",
            config("k", ""),
            vectors("1,10"),
            "the adapter `FILE` does not fit the base: 2 layers without a vector (`block.0.k` (closest: `block.0.wo`), `block.1.k` (closest: `block.1.wo`)), 2 tensors not asked for (`block.0.wo`, `block.1.wo`); was it trained on another base?",
        ),
        (
            "a bad pattern",
            r#"{"peft_type": "IA3", "target_modules": "(", "feedforward_modules": []}"#.to_string(),
            vectors("1,10"),
            "`DIR/adapter_config.json`: invalid regular expression `(`: unclosed group",
        ),
    ];
    for (name, config, weights, expected) in cases {
        let files: &[(&str, &[u8])] = &[(ADAPTER_CONFIG, config.as_bytes()), (ADAPTER_WEIGHTS, weights)];
        refused(
            name,
            files,
            |dir| load_adapter(dir, &info, &Device::flex()),
            &expected.replace("FILE", &format!("DIR/{ADAPTER_WEIGHTS}")),
        );
    }
}

#[test]
fn files_that_are_not_there() {
    let open_adapter = |name: &'static str| move |dir: &Path| AdapterFile::open(dir.join(name));
    refused("no folder", &[], open_adapter("x"), "no such file or folder: `DIR/x`; check the path");
    refused(
        "an empty folder",
        &[],
        |dir| AdapterFile::open(dir),
        "`DIR` holds no adapter: `adapter_config.json` is missing, found nothing; an adapter is a folder with adapter_config.json and adapter_model.safetensors",
    );
    refused(
        "a pickle",
        &[(ADAPTER_CONFIG, CONFIG), ("adapter_model.bin", b"\x80\x02")],
        |dir| AdapterFile::open(dir),
        "`DIR` holds no adapter: `adapter_model.safetensors` is missing, found adapter_config.json, adapter_model.bin; an adapter is a folder with adapter_config.json and adapter_model.safetensors; adapter_model.bin is a pickle, save it in Python with `save_pretrained(safe_serialization=True)`",
    );
    refused(
        "named adapters",
        &[("b/adapter_config.json", CONFIG), ("c/adapter_config.json", CONFIG)],
        |dir| AdapterFile::open(dir),
        "`DIR` holds no adapter: `adapter_config.json` is missing, found b, c; an adapter is a folder with adapter_config.json and adapter_model.safetensors; its sub-folders hold adapters, give one of them: b, c",
    );
    refused(
        "no configuration",
        &[(ADAPTER_WEIGHTS, b"")],
        open_adapter(ADAPTER_WEIGHTS),
        "`DIR` holds no adapter: `adapter_config.json` is missing, found adapter_model.safetensors; an adapter is a folder with adapter_config.json and adapter_model.safetensors",
    );
    refused(
        "a folder for a file",
        &[("adapter_config.json/x", b""), (ADAPTER_WEIGHTS, b"")],
        |dir| AdapterFile::open(dir),
        "`DIR/adapter_config.json` is not a file; check the path",
    );

    let open = |name: &'static str| move |dir: &Path| Checkpoint::open(dir.join(name));
    refused(
        "no file",
        &[],
        open("model.safetensors"),
        "no such file or folder: `DIR/model.safetensors`; check the path",
    );
    refused(
        "no weights",
        &[("config.json", b"{}")],
        |dir| Checkpoint::open(dir),
        "`DIR` holds no model.safetensors and no model.safetensors.index.json, found config.json",
    );
    refused(
        "pickled weights",
        &[("config.json", b"{}"), ("pytorch_model.bin", b"\x80\x02")],
        |dir| Checkpoint::open(dir),
        "`DIR` holds no model.safetensors and no model.safetensors.index.json, found config.json, pytorch_model.bin; convert the pickle in Python with `save_pretrained(safe_serialization=True)`",
    );
    refused(
        "other weights",
        &[("tf_model.h5", b"\x89HDF")],
        |dir| Checkpoint::open(dir),
        "`DIR` holds no model.safetensors and no model.safetensors.index.json, found tf_model.h5; take the checkpoint in safetensors format",
    );
    refused(
        "a pickle by name",
        &[("pytorch_model.bin", b"PK\x03\x04")],
        open("pytorch_model.bin"),
        "`DIR/pytorch_model.bin` is a zip archive (a PyTorch file), which can run code when read; save it in Python with `safetensors.torch.save_file`, or with `save_pretrained(safe_serialization=True)`",
    );
}

#[test]
fn indices_that_do_not_fit_their_shards() {
    let shard = raw(&header(&entry("a", "F32", "2", "0,8")), &[0; 8]);
    let index = |map: &str| format!(r#"{{"metadata": {{"total_size": 8}}, "weight_map": {{{map}}}}}"#);
    let cases: &[(&str, String, &str)] = &[
        (
            "not JSON",
            "{".to_string(),
            "`FILE` is no index of shards: EOF while parsing an object at line 1 column 1",
        ),
        (
            "no map",
            "{}".to_string(),
            "`FILE` is no index of shards: missing field `weight_map` at line 1 column 2",
        ),
        (
            "a web page",
            "<html>".to_string(),
            "`FILE` is a web page, not the file itself; download it again; does the address need a login or `/resolve/` instead of `/blob/`?",
        ),
        (
            "a missing shard",
            index(r#""a": "s.safetensors", "b": "t.safetensors""#),
            "`FILE` names `t.safetensors`, not there; download the rest of the checkpoint",
        ),
        (
            "a tensor its shard lacks",
            index(r#""a": "s.safetensors", "b": "s.safetensors""#),
            "`FILE` and its shard `s.safetensors` disagree: the shard lacks `b`; download the checkpoint again",
        ),
        (
            "a tensor not listed",
            index(r#""b": "s.safetensors""#),
            "`FILE` and its shard `s.safetensors` disagree: the shard lacks `b`, the index does not list `a`; download the checkpoint again",
        ),
        (
            "a shard outside",
            index(r#""a": "../s.safetensors""#),
            "`FILE` names the shard \"../s.safetensors\", expected the name of a file in the same folder",
        ),
        (
            "an absolute shard",
            index(r#""a": "/etc/passwd""#),
            "`FILE` names the shard \"/etc/passwd\", expected the name of a file in the same folder",
        ),
        (
            "the folder itself",
            index(r#""a": "..""#),
            "`FILE` names the shard \"..\", expected the name of a file in the same folder",
        ),
        (
            "no name",
            index(r#""a": """#),
            "`FILE` names the shard \"\", expected the name of a file in the same folder",
        ),
        (
            "a tensor twice",
            index(r#""a": "s.safetensors", "a": "t.safetensors""#),
            "`FILE` is no index of shards: `a` appears twice, first in s.safetensors at line 1 column 90",
        ),
    ];
    for (name, text, expected) in cases {
        let files: &[(&str, &[u8])] =
            &[("model.safetensors.index.json", text.as_bytes()), ("s.safetensors", &shard)];
        refused(
            name,
            files,
            |dir| Checkpoint::open(dir),
            &expected.replace("FILE", "DIR/model.safetensors.index.json"),
        );
    }
}

fn adapter() -> Adapter {
    let l = Tensor::<1>::ones([4], &Device::flex());
    let vectors = [("k".to_string(), Ia3Vector::new(l, Placement::Output))].into();
    Adapter { config: Ia3Config::new(), vectors, saved: [].into() }
}

#[test]
fn targets_that_cannot_be_written() {
    let save = |name: &'static str| move |dir: &Path| save_adapter(&adapter(), dir.join(name));
    refused("a file", &[("x", b"")], save("x"), "`DIR/x` is a file; give a folder to write into");
    refused(
        "inside a file",
        &[("x", b"")],
        save("x/y"),
        "cannot make the folder `DIR/x/y`: Not a directory (os error 20)",
    );
    refused(
        "a folder in the way",
        &[("adapter_config.json/x", b"")],
        save(""),
        "cannot write `DIR/adapter_config.json`: is a directory",
    );
    let names = |names: &'static [&str]| {
        move |dir: &Path| {
            let adapter = adapter();
            let adapters: Vec<_> = names.iter().map(|name| (*name, &adapter)).collect();
            save_adapters(&adapters, dir)
        }
    };
    refused(
        "no name",
        &[],
        names(&["a", ""]),
        "`` is no name for an adapter: expected a name that is not empty, not `__base__`, and has no `.`, `/` or `\\`",
    );
    refused(
        "a name with a dot",
        &[],
        names(&["a", "v1.0"]),
        "`v1.0` is no name for an adapter: expected a name that is not empty, not `__base__`, and has no `.`, `/` or `\\`",
    );
    refused(
        "a name outside",
        &[],
        names(&["../a"]),
        "`../a` is no name for an adapter: expected a name that is not empty, not `__base__`, and has no `.`, `/` or `\\`",
    );
    refused(
        "one name twice",
        &[],
        names(&["a", "a"]),
        "two adapters are named `a`; give each a name of its own",
    );
    refused(
        "a matrix of an unknown layer",
        &[],
        |dir| {
            let data = burn::tensor::TensorData::from([[1f32, 2.], [3., 4.]]);
            let adapter = Adapter { saved: [("classifier.weight".to_string(), data)].into(), ..adapter() };
            save_adapter(&adapter, dir)
        },
        "cannot tell how Hugging Face stores `classifier.weight`: its layer is not known; pass the model's facts in `AdapterOptions::base`",
    );
}

/// Whether this process may do anything with any file.
fn is_root() -> bool {
    let probe = tempfile::tempdir().unwrap();
    fs::set_permissions(probe.path(), mode(0o555)).unwrap();
    File::create(probe.path().join("x")).is_ok()
}

#[cfg(unix)]
fn mode(mode: u32) -> Permissions {
    std::os::unix::fs::PermissionsExt::from_mode(mode)
}

#[cfg(unix)]
#[test]
fn files_that_must_not_be_touched() {
    if is_root() {
        eprintln!("skipped: root may read and write everything");
        return;
    }
    refused(
        "unreadable",
        &[("model.safetensors", b"")],
        |dir| {
            fs::set_permissions(dir.join("model.safetensors"), mode(0o000)).unwrap();
            Checkpoint::open(dir)
        },
        "cannot read `DIR/model.safetensors`: Permission denied (os error 13)",
    );
    refused(
        "read-only",
        &[],
        |dir| {
            fs::set_permissions(dir, mode(0o555)).unwrap();
            let result = save_adapter(&adapter(), dir.join("x"));
            fs::set_permissions(dir, mode(0o755)).unwrap();
            result
        },
        "cannot make the folder `DIR/x`: Permission denied (os error 13)",
    );
}

/// A file system of 64 kB, where it can be mounted.
#[cfg(target_os = "linux")]
fn tiny_disk(at: &Path) -> bool {
    let mount = ["-t", "tmpfs", "-o", "size=64k", "tmpfs"];
    let mounted = std::process::Command::new("mount").args(mount).arg(at).output();
    mounted.is_ok_and(|output| output.status.success())
}

#[cfg(target_os = "linux")]
#[test]
fn a_disk_that_is_full() {
    let disk = tempfile::tempdir().unwrap();
    if !tiny_disk(disk.path()) {
        eprintln!("skipped: no small file system can be mounted here");
        return;
    }
    let device = Device::flex();
    let big = burn::nn::LinearConfig::new(256, 256).init(&device);
    let linear = Tensor::<1>::ones([1 << 16], &device);
    let vectors = [("k".to_string(), Ia3Vector::new(linear, Placement::Output))].into();
    let adapter = Adapter { vectors, ..adapter() };
    let errors = [
        save_checkpoint(&big, disk.path().join("a")).unwrap_err().to_string(),
        save_adapter(&adapter, disk.path().join("b/c")).unwrap_err().to_string(),
    ];
    let left = names(disk.path());
    std::process::Command::new("umount").arg(disk.path()).status().unwrap();
    let dir = disk.path().display().to_string();
    let messages = errors.map(|error| error.replace(&dir, "DIR"));
    assert_eq!(
        messages,
        [
            "cannot write `DIR/a/model.safetensors`: No space left on device (os error 28)",
            "cannot write `DIR/b/c/adapter_model.safetensors`: No space left on device (os error 28)",
        ]
    );
    assert!(left.is_empty(), "{left:?}");
}

/// A file of 8 TB that takes no space.
#[cfg(target_os = "linux")]
#[test]
fn a_tensor_larger_than_memory() {
    let overcommit = fs::read_to_string("/proc/sys/vm/overcommit_memory").unwrap_or_default();
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("model.safetensors");
    let text = header(&entry("a", "F32", "1099511627776,2", "0,8796093022208"));
    fs::write(&path, raw(&text, &[])).unwrap();
    let file = File::options().write(true).open(&path).unwrap();
    if overcommit.trim() == "1" || file.set_len(8 + text.len() as u64 + (1 << 43)).is_err() {
        eprintln!("skipped: no file of that size, or memory without bounds");
        return;
    }
    let error = Checkpoint::open(&path).unwrap().tensor("a").unwrap_err().to_string();
    let expected =
        format!("the tensor `a` of `{}` does not fit into memory: 2199023255552 values", path.display());
    assert_eq!(error, expected);
}
