//! Runs the program and reads its files.
#![allow(dead_code)] // Each test target uses a part of this module.

pub(crate) mod tasks;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use safetensors::{Dtype, SafeTensors};
use serde_json::Value;

/// The program `ia3` on the CPU.
pub(crate) fn ia3() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ia3"));
    // Nothing leaves the machine: a test that needs the hub starts a server and says where it is.
    command.env("BURN_DEVICE", "flex").env("HF_HUB_OFFLINE", "1").env_remove("HF_TOKEN");
    command
}

pub(crate) fn run(args: &[&str]) -> Output {
    ia3().args(args).output().unwrap()
}

/// Runs the program and returns its standard output. Panics with its standard error if it fails.
pub(crate) fn succeed(args: &[&str]) -> String {
    let output = run(args);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "ia3 {}\n{stderr}", args.join(" "));
    String::from_utf8(output.stdout).unwrap()
}

pub(crate) fn workspace() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// A copy of `examples/base`, which has no dropout, with dropout, in a folder of `dir`.
pub(crate) fn base_with_dropout(dir: &Path) -> PathBuf {
    let (from, to) = (workspace().join("examples/base"), dir.join("base-with-dropout"));
    std::fs::create_dir(&to).unwrap();
    for name in ["model.safetensors", "tokenizer.json", "tokenizer_config.json"] {
        std::fs::copy(from.join(name), to.join(name)).unwrap();
    }
    let config = std::fs::read_to_string(from.join("config.json")).unwrap();
    let mut config: Value = serde_json::from_str(&config).unwrap();
    assert_eq!(config["dropout_rate"], 0.0);
    config["dropout_rate"] = 0.2.into();
    std::fs::write(to.join("config.json"), config.to_string()).unwrap();
    to
}

/// A tensor of a safetensors file as float64.
pub(crate) fn tensor(path: &Path, name: &str) -> Vec<f64> {
    let bytes = std::fs::read(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let file = SafeTensors::deserialize(&bytes).unwrap();
    let view = file.tensor(name).unwrap();
    match view.dtype() {
        Dtype::F32 => view.data().as_chunks().0.iter().map(|b| f32::from_le_bytes(*b).into()).collect(),
        Dtype::I64 => view.data().as_chunks().0.iter().map(|b| i64::from_le_bytes(*b) as f64).collect(),
        other => panic!("{name} is {other:?}"),
    }
}

/// The names of the tensors of a safetensors file.
pub(crate) fn names(path: &Path) -> BTreeSet<String> {
    let bytes = std::fs::read(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    SafeTensors::deserialize(&bytes).unwrap().names().into_iter().map(str::to_string).collect()
}

/// The shape of a tensor of a safetensors file.
pub(crate) fn shape(path: &Path, name: &str) -> Vec<usize> {
    let bytes = std::fs::read(path).unwrap();
    SafeTensors::deserialize(&bytes).unwrap().tensor(name).unwrap().shape().to_vec()
}

/// The lines of a training's `metrics.jsonl`, without the times.
pub(crate) fn metrics(out: &Path) -> Vec<Value> {
    let line = |line: &str| {
        let mut value: Value = serde_json::from_str(line).unwrap();
        for time in ["seconds", "tokens_per_second"] {
            value.as_object_mut().unwrap().remove(time);
        }
        value
    };
    std::fs::read_to_string(out.join("metrics.jsonl")).unwrap().lines().map(line).collect()
}

/// The number of lines of a training's `metrics.jsonl`.
pub(crate) fn lines(out: &Path) -> usize {
    std::fs::read_to_string(out.join("metrics.jsonl")).map_or(0, |text| text.lines().count())
}

/// Runs a training and kills it after `steps` more steps and a short `moment`, which differs between calls.
pub(crate) fn kill_after(command: &mut Command, out: &Path, steps: usize, moment: Duration) {
    let before = lines(out);
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let start = Instant::now();
    // Until the training resumes, the file may have lines of later steps.
    while child.try_wait().unwrap().is_none() && start.elapsed() < Duration::from_secs(60) {
        if lines(out) >= before + steps {
            break;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    std::thread::sleep(moment);
    child.kill().unwrap();
    child.wait().unwrap();
}
