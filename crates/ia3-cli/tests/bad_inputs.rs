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

const LINE: &str =
    "{\"input\": \"date: 2009-05-31\", \"target\": \"the thirty-first of may two thousand nine\"}\n";

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

const FORWARD: &str =
    "forward --base @base --adapter @adapter --inputs @inputs.safetensors --out @out.safetensors";
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
        "error: DIR/base/config.json: no model of type `mamba` here; known are RefinedWeb, RefinedWebModel, bert, falcon, gpt2, llama, mistral, mt5, qwen2, t5",
    );
    refuse(
        |b| b.edit("base/config.json", "\"model_type\"", "\"type\""),
        FORWARD,
        "error: DIR/base/config.json: config.json names no `model_type`; known are RefinedWeb, RefinedWebModel, bert, falcon, gpt2, llama, mistral, mt5, qwen2, t5",
    );
    refuse(
        |b| b.edit("base/config.json", "\"num_heads\": 4", "\"num_heads\": 0"),
        FORWARD,
        "error: DIR/base/config.json: `num_heads` is 0 in config.json, expected a positive size below 2^31",
    );
    refuse(
        |b| b.edit("base/config.json", "\"d_ff\": 40", "\"d_ff\": 41"),
        FORWARD,
        "error: `DIR/base` does not fit the model: 8 tensors of another shape (`encoder.block.0.layer.1.DenseReluDense.wi.weight` is [40, 24], expected [41, 24], `encoder.block.0.layer.1.DenseReluDense.wo.weight` is [24, 40], expected [24, 41], `encoder.block.1.layer.1.DenseReluDense.wi.weight` is [40, 24], expected [41, 24] and 5 more); is it of this architecture and size?",
    );
    refuse(
        |b| fs::rename(b.path("base/model.safetensors"), b.path("base/pytorch_model.bin")).unwrap(),
        FORWARD,
        "error: `DIR/base` holds no model.safetensors and no model.safetensors.index.json, found config.json, generation_config.json, pytorch_model.bin; convert the pickle in Python with `save_pretrained(safe_serialization=True)`",
    );
}

#[test]
fn adapters() {
    refuse(
        |b| fs::remove_dir_all(b.path("adapter")).unwrap(),
        FORWARD,
        "error: no such file or folder: `DIR/adapter`; check the path",
    );
    refuse(
        |b| fs::remove_file(b.path("adapter/adapter_model.safetensors")).unwrap(),
        FORWARD,
        "error: `DIR/adapter` holds no adapter: `adapter_model.safetensors` is missing, found adapter_config.json; an adapter is a folder with adapter_config.json and adapter_model.safetensors",
    );
    refuse(
        |b| b.edit("adapter/adapter_config.json", "\"IA3\"", "\"LORA\""),
        FORWARD,
        "error: `DIR/adapter/adapter_config.json`: `peft_type` is \"LORA\", expected \"IA3\" (upper case): not an (IA)³ configuration",
    );
    refuse(
        |b| b.edit("adapter/adapter_config.json", "{", "{,"),
        FORWARD,
        "error: `DIR/adapter/adapter_config.json`: invalid adapter configuration at `?`: key must be a string at line 1 column 2",
    );
    refuse(
        |b| fs::write(b.path("adapter/adapter_model.safetensors"), b"\x80\x02}q\x00.").unwrap(),
        FORWARD,
        "error: `DIR/adapter/adapter_model.safetensors` is a Python pickle (an old PyTorch file), which can run code when read; save it in Python with `safetensors.torch.save_file`, or with `save_pretrained(safe_serialization=True)`",
    );
    refuse(
        nothing,
        "forward --base @base --adapter @small --inputs @inputs.safetensors --out @out.safetensors",
        "error: `DIR/small` holds no adapter: `adapter_config.json` is missing, found README.md, config.json, model.safetensors and 2 more; an adapter is a folder with adapter_config.json and adapter_model.safetensors",
    );
    refuse(
        |b| copy(&workspace().join("fixtures/t5v11/adapter"), &b.path("adapter")),
        FORWARD,
        "error: the vector of `encoder.block.0.layer.0.SelfAttention.k` in `DIR/adapter/adapter_model.safetensors` has shape [20, 1], expected [24, 1] on the output of that layer; was the adapter trained on another base?",
    );
    refuse(
        |b| copy(&workspace().join("fixtures/gpt2/adapter"), &b.path("adapter")),
        FORWARD,
        "error: the adapter `DIR/adapter/adapter_model.safetensors` does not fit the base: target modules not found in the base model: no module matches target \"c_attn\"; closest: \"k\" (6 modules), \"o\" (6 modules), \"q\" (6 modules); no module matches target \"mlp.c_proj\"; closest: \"SelfAttention.k\" (4 modules), \"SelfAttention.o\" (4 modules), \"SelfAttention.q\" (4 modules); was it trained on another base?",
    );
}

#[test]
fn inputs() {
    refuse(
        nothing,
        "forward --base @base --inputs @none.safetensors --out @out.safetensors",
        "error: no such file or folder: `DIR/none.safetensors`; check the path",
    );
    refuse(
        |b| fs::write(b.path("inputs.safetensors"), b"").unwrap(),
        FORWARD,
        "error: `DIR/inputs.safetensors` is empty; download or copy it again",
    );
    refuse(
        |b| write_inputs(&b.path("inputs.safetensors"), &[("ids", &[2, 3], [1, 2])]),
        FORWARD,
        "error: DIR/inputs.safetensors has no tensor `input_ids`",
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
        "error: `attention_mask` has shape [1, 1], but its tokens have [1, 2]",
    );
    refuse(
        nothing,
        "generate --base @base --prompt hello --max-new-tokens 3",
        "error: DIR/base has no tokenizer.json; add the one of the model, or give token ids with --inputs instead of text",
    );
    refuse(
        |b| fs::write(b.path("small/tokenizer.json"), "{}").unwrap(),
        "generate --base @small --prompt hello --max-new-tokens 3",
        "error: cannot read DIR/small/tokenizer.json: Model missing. at line 1 column 2",
    );
    refuse(
        |b| fs::write(b.path("prompts.txt"), "date: 2009-05-31\n\n").unwrap(),
        "generate --base @small --prompts @prompts.txt --max-new-tokens 3",
        "error: line 2 of DIR/prompts.txt is empty; every line has to be a prompt",
    );
    refuse(
        nothing,
        "generate --base @small --prompt hello --max-new-tokens 0",
        "error: `max_new_tokens` is 0, expected at least 1",
    );
    let sampling = [
        ("--temperature 0", "`temperature` is 0, expected a positive number"),
        ("--top-k 0", "`top_k` is 0, expected at least 1"),
        ("--top-p 1.5", "`top_p` is 1.5, expected a share above 0 and up to 1"),
    ];
    for (option, message) in sampling {
        let command = format!("generate --base @small --prompt hello --sample {option}");
        refuse(nothing, &command, &format!("error: {message}"));
    }
    let bert = workspace().join("fixtures/bert");
    let bert = bert.display();
    refuse(
        nothing,
        &format!("generate --base {bert}/base --inputs {bert}/io.safetensors"),
        "error: a `bert` model classifies and has no decoder to generate with",
    );
    refuse(
        nothing,
        "generate --base @small --prompt hello --device gpu",
        "error: `gpu` is no device; known are cuda, rocm, metal, vulkan, webgpu, wgpu, cpu, flex, each with an index after a colon where there are several",
    );
    refuse(
        nothing,
        "generate --base @small --prompt hello --device cuda",
        "error: the device `cuda` is not compiled in (this build has flex); build with `--features cuda`",
    );
}

#[test]
fn training() {
    refuse(
        nothing,
        &format!("{TRAIN} --target k,wp"),
        "error: no module matches target \"wp\"; closest: \"wi\" (4 modules), \"wo\" (4 modules), \"k\" (6 modules)",
    );
    refuse(
        nothing,
        &format!("{TRAIN} --target k,v --feedforward wo"),
        "error: `feedforward_modules` should be a subset of `target_modules`: \"wo\" not in the targets [\"k\", \"v\"]; add the same names to `target_modules`",
    );
    refuse(
        nothing,
        &format!("{TRAIN} --kv-only"),
        "error: no target is a fused projection of queries, keys and values, so there are no queries to leave out; name the layers of keys and values in `target_modules` instead",
    );
    refuse(
        nothing,
        &format!("{TRAIN} --target .*(k --feedforward x^"),
        "error: invalid regular expression `.*(k`: unclosed group",
    );
    refuse(
        nothing,
        &format!("{TRAIN} --target shared --feedforward x^"),
        "error: target module `shared` is not supported: it is Embedding(48, 128), and only Linear, Conv1D, Conv2d and Conv3d are; remove it from `target_modules` or add it to `exclude_modules`",
    );
    refuse(
        nothing,
        &format!("{TRAIN} --target (?:(?!x)[a-zA-Z0-9.]+)+! --feedforward x^"),
        "error: matching the regular expression `(?:(?!x)[a-zA-Z0-9.]+)+!` against \"encoder.block.0.layer\" was given \
         up after too much backtracking; simplify it, or list module names instead",
    );
    refuse(nothing, &format!("{TRAIN} --batch-size 0"), "error: `batch_size` is 0, expected at least 1");
    refuse(nothing, &format!("{TRAIN} --lr 0"), "error: `learning_rate` is 0, expected a positive number");
    refuse(
        |b| fs::write(b.path("train.jsonl"), format!("{LINE}{{\"input\": \"a\"}}\n")).unwrap(),
        TRAIN,
        "error: DIR/train.jsonl, line 2: expected `target`, `label`, or `choices` and `answer`; there are `input`",
    );
    refuse(
        |b| fs::write(b.path("train.jsonl"), "\n").unwrap(),
        TRAIN,
        "error: DIR/train.jsonl holds no row; expected one JSON object a line",
    );
    refuse(
        |b| fs::write(b.path("out"), "a file").unwrap(),
        TRAIN,
        "error: `DIR/out` is a file; give a folder to write into",
    );
    refuse(
        |b| b.edit("adapter/adapter_config.json", "\"k\"", "\"kk\""),
        "train --base @small --data @train.jsonl --out @out --steps 2 --config @adapter/adapter_config.json",
        "error: no module matches target \"kk\"; closest: \"k\" (6 modules), \"o\" (6 modules), \"q\" (6 modules)",
    );
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
    refuse(
        broken(f32::NAN),
        merge,
        "error: the merged weight of `encoder.block.1.layer.1.DenseReluDense.wo` is not finite (24 values); the adapter seems to be broken, nothing was merged",
    );
    refuse(
        broken(f32::INFINITY),
        merge,
        "error: the merged weight of `encoder.block.1.layer.1.DenseReluDense.wo` is not finite (24 values); the adapter seems to be broken, nothing was merged",
    );
    refuse(
        nothing,
        "merge --base @base --adapter @adapter --out @base",
        "error: `DIR/base` is the folder of the base, which would be destroyed; write into another folder",
    );
    refuse(
        nothing,
        "merge --base @base --adapter @adapter --adapter @small --out @out",
        "error: `DIR/small` holds no adapter: `adapter_config.json` is missing, found README.md, config.json, model.safetensors and 2 more; an adapter is a folder with adapter_config.json and adapter_model.safetensors",
    );
}

#[test]
fn inspecting() {
    refuse(
        nothing,
        "inspect @train.jsonl",
        "error: DIR/train.jsonl is not the config.json of a model\n  because: config.json names no `model_type`; known are RefinedWeb, RefinedWebModel, bert, falcon, gpt2, llama, mistral, mt5, qwen2, t5",
    );
    refuse(
        nothing,
        "inspect @base --base @small",
        "error: DIR/base is no adapter; --base asks whether an adapter fits",
    );
}
