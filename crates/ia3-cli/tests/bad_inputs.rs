//! What the commands refuse: exit code, exact message, and nothing left behind. Damaged files one by one are
//! in `ia3-io/tests/bad_inputs.rs`; here is what a user meets at the command line.

mod common;

use std::fs;
use std::path::{Path, PathBuf};

use common::{run, workspace};
use safetensors::Dtype;
use safetensors::tensor::TensorView;

/// A folder with copies to spoil: `base`, `adapter`, `inputs.safetensors`, `train.jsonl`.
struct Bench {
    dir: tempfile::TempDir,
}

impl Bench {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let t5 = workspace().join("fixtures/t5");
        for folder in ["base", "adapter"] {
            copy(&t5.join(folder), &dir.path().join(folder));
        }
        fs::copy(t5.join("io.safetensors"), dir.path().join("inputs.safetensors")).unwrap();
        copy(&workspace().join("examples/base"), &dir.path().join("small"));
        fs::write(dir.path().join("train.jsonl"), LINE).unwrap();
        Self { dir }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Replaces `from` in a text file of the folder.
    fn edit(&self, name: &str, from: &str, to: &str) {
        let text = fs::read_to_string(self.path(name)).unwrap();
        assert!(text.contains(from), "{name} holds no {from}");
        fs::write(self.path(name), text.replacen(from, to, 1)).unwrap();
    }

    /// Every path below the folder.
    fn listing(&self) -> Vec<PathBuf> {
        let mut all = vec![self.dir.path().to_path_buf()];
        let mut next = 0;
        while next < all.len() {
            if all[next].is_dir() {
                all.extend(fs::read_dir(&all[next]).unwrap().map(|e| e.unwrap().path()));
            }
            next += 1;
        }
        all.sort();
        all
    }
}

const LINE: &str = "{\"input\": \"date: 2009-05-31\", \"target\": \"the thirty-first of may two thousand nine\"}\n";

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
    }
}

/// Spoils a fresh bench, runs `command` on it with `DIR/` before each word that starts with `@`, and compares.
fn refuse(spoil: impl Fn(&Bench), command: &str, expected: &str) {
    let bench = Bench::new();
    spoil(&bench);
    let before = bench.listing();
    let word = |w: &str| match w.strip_prefix('@') {
        Some(name) => bench.path(name).display().to_string(),
        None => w.to_string(),
    };
    let words: Vec<String> = command.split(' ').map(word).collect();
    let output = run(&words.iter().map(String::as_str).collect::<Vec<_>>());
    let stderr = String::from_utf8_lossy(&output.stderr);
    let stderr = stderr.replace(&bench.dir.path().display().to_string(), "DIR");
    if expected.is_empty() { println!("ACTUAL {command}\n{}", stderr.trim_end()); return; }
    assert_eq!(stderr.trim_end(), expected, "ia3 {command}");
    assert_eq!(output.status.code(), Some(1), "ia3 {command}");
    assert_eq!(bench.listing(), before, "ia3 {command} left files behind");
}

fn nothing(_: &Bench) {}

/// Writes a safetensors file with the given int64 matrices.
fn write_inputs(path: &Path, tensors: &[(&str, &[i64], [usize; 2])]) {
    let bytes: Vec<Vec<u8>> =
        tensors.iter().map(|(_, v, _)| v.iter().flat_map(|x| x.to_le_bytes()).collect()).collect();
    let views = tensors.iter().zip(&bytes).map(|((name, _, shape), bytes)| {
        (name.to_string(), TensorView::new(Dtype::I64, shape.to_vec(), bytes).unwrap())
    });
    safetensors::serialize_to_file(views, None, path).unwrap();
}

const FORWARD: &str = "forward --base @base --adapter @adapter --inputs @inputs.safetensors --out @out.safetensors";
const TRAIN: &str = "train --base @small --data @train.jsonl --out @out --steps 2";

#[test]
fn bases() {
    refuse(
        |b| fs::remove_file(b.path("base/config.json")).unwrap(),
        FORWARD,
        "error: cannot read DIR/base/config.json: No such file or directory (os error 2); a base is a folder with \
         `config.json` and `model.safetensors`",
    );
    refuse(
        |b| b.edit("base/config.json", "\"t5\"", "\"mamba\""),
        FORWARD,
        "error: DIR/base/config.json: no model of type `mamba` here; known are mt5, t5",
    );
    refuse(
        |b| b.edit("base/config.json", "\"model_type\"", "\"type\""),
        FORWARD,
        "error: DIR/base/config.json: config.json names no `model_type`; known are mt5, t5",
    );
    refuse(
        |b| b.edit("base/config.json", "\"num_heads\": 4", "\"num_heads\": 0"),
        FORWARD,
        "error: DIR/base/config.json: `num_heads` is 0 in config.json, expected a positive size below 2^31",
    );
    refuse(
        |b| b.edit("base/config.json", "\"d_ff\": 40", "\"d_ff\": 41"),
        FORWARD,
        "",
    );
    refuse(
        |b| fs::rename(b.path("base/model.safetensors"), b.path("base/pytorch_model.bin")).unwrap(),
        FORWARD,
        "",
    );
}

#[test]
fn adapters() {
    refuse(|b| fs::remove_dir_all(b.path("adapter")).unwrap(), FORWARD, "");
    refuse(|b| fs::remove_file(b.path("adapter/adapter_model.safetensors")).unwrap(), FORWARD, "");
    refuse(|b| b.edit("adapter/adapter_config.json", "\"IA3\"", "\"LORA\""), FORWARD, "");
    refuse(|b| b.edit("adapter/adapter_config.json", "{", "{,"), FORWARD, "");
    refuse(
        |b| fs::write(b.path("adapter/adapter_model.safetensors"), b"\x80\x02}q\x00.").unwrap(),
        FORWARD,
        "",
    );
    refuse(nothing, "forward --base @base --adapter @small --inputs @inputs.safetensors --out @out.safetensors", "");
    refuse(
        |b| copy(&workspace().join("fixtures/t5v11/adapter"), &b.path("adapter")),
        FORWARD,
        "",
    );
    refuse(
        |b| copy(&workspace().join("fixtures/gpt2/adapter"), &b.path("adapter")),
        FORWARD,
        "",
    );
}

#[test]
fn inputs() {
    refuse(nothing, "forward --base @base --inputs @none.safetensors --out @out.safetensors", "");
    refuse(|b| fs::write(b.path("inputs.safetensors"), b"").unwrap(), FORWARD, "");
    refuse(
        |b| write_inputs(&b.path("inputs.safetensors"), &[("ids", &[2, 3], [1, 2])]),
        FORWARD,
        "error: DIR/inputs.safetensors holds no `input_ids`",
    );
    refuse(
        |b| write_inputs(&b.path("inputs.safetensors"), &[("input_ids", &[2, 3], [1, 2])]),
        FORWARD,
        "error: `decoder_input_ids` is missing; this model needs it",
    );
    refuse(
        |b| {
            let ids = ("input_ids", &[2, 61][..], [1, 2]);
            write_inputs(&b.path("inputs.safetensors"), &[ids, ("decoder_input_ids", &[0], [1, 1])]);
        },
        FORWARD,
        "error: `input_ids` holds the id 61, outside the vocabulary of 61",
    );
    refuse(
        |b| {
            let (ids, mask) = (("input_ids", &[2, 3][..], [1, 2]), ("attention_mask", &[1][..], [1, 1]));
            let decoder = ("decoder_input_ids", &[0][..], [1, 1]);
            write_inputs(&b.path("inputs.safetensors"), &[ids, mask, decoder]);
        },
        FORWARD,
        "error: `attention_mask` has shape [1, 1], but the tokens it masks have [1, 2]",
    );
    refuse(nothing, "generate --base @base --prompt hello --max-new-tokens 3", "error: DIR/base has no tokenizer.json; give token ids with --inputs instead of text");
    refuse(
        |b| fs::write(b.path("small/tokenizer.json"), "{}").unwrap(),
        "generate --base @small --prompt hello --max-new-tokens 3",
        "",
    );
    refuse(
        |b| fs::write(b.path("prompts.txt"), "date: 2009-05-31\n\n").unwrap(),
        "generate --base @small --prompts @prompts.txt --max-new-tokens 3",
        "error: line 2 of DIR/prompts.txt is empty; every line is a prompt",
    );
    refuse(
        nothing,
        "generate --base @small --prompt hello --max-new-tokens 0",
        "error: --max-new-tokens is 0; there is nothing to generate",
    );
    refuse(
        nothing,
        "generate --base @small --prompt hello --device gpu",
        "",
    );
    refuse(
        nothing,
        "generate --base @small --prompt hello --device cuda",
        "",
    );
}

#[test]
fn training() {
    refuse(nothing, &format!("{TRAIN} --target k,wp"), "");
    refuse(nothing, &format!("{TRAIN} --target k,v --feedforward wo"), "");
    refuse(nothing, &format!("{TRAIN} --target .*(k --feedforward x^"), "");
    refuse(nothing, &format!("{TRAIN} --target shared --feedforward x^"), "");
    refuse(nothing, &format!("{TRAIN} --target (?=(a+)+$)(\\w+)*\\.{{70}}(?<!x) --feedforward x^"), "");
    refuse(nothing, &format!("{TRAIN} --batch-size 0"), "error: `batch_size` is 0, expected at least 1");
    refuse(nothing, &format!("{TRAIN} --lr 0"), "error: `learning_rate` is 0, expected a positive number");
    refuse(
        |b| fs::write(b.path("train.jsonl"), format!("{LINE}{{\"input\": \"a\"}}\n")).unwrap(),
        TRAIN,
        "",
    );
    refuse(|b| fs::write(b.path("train.jsonl"), "\n").unwrap(), TRAIN, "");
    refuse(
        |b| fs::write(b.path("out"), "a file").unwrap(),
        TRAIN,
        "",
    );
    refuse(|b| b.edit("adapter/adapter_config.json", "\"k\"", "\"kk\""), "train --base @small --data @train.jsonl --out @out --steps 2 --config @adapter/adapter_config.json", "");
}

#[test]
fn merging() {
    let broken = |value: f32| {
        move |b: &Bench| {
            let path = b.path("adapter/adapter_model.safetensors");
            let mut bytes = fs::read(&path).unwrap();
            let at = bytes.len() - 4;
            bytes[at..].copy_from_slice(&value.to_le_bytes());
            fs::write(path, bytes).unwrap();
        }
    };
    let merge = "merge --base @base --adapter @adapter --out @out --safe";
    refuse(broken(f32::NAN), merge, "");
    refuse(broken(f32::INFINITY), merge, "");
    refuse(nothing, "merge --base @base --adapter @adapter --out @base", "");
    refuse(
        nothing,
        "merge --base @base --adapter @adapter --adapter @small --out @out",
        "",
    );
}

#[test]
fn inspecting() {
    refuse(nothing, "inspect @train.jsonl", "");
    refuse(nothing, "inspect @base --base @small", "error: DIR/base is no adapter; --base asks whether an adapter fits");
}
