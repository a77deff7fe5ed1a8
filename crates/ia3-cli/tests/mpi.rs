//! `mpirun -n N ia3 train` gives the same result as `ia3 train` with the same batches.
//!
//! Needs feature `mpi` and `mpirun`: `cargo test --workspace --features mpi --test mpi`.
#![cfg(all(unix, feature = "mpi"))]

mod common;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use common::workspace;
use safetensors::SafeTensors;
use serde_json::Value;

/// The largest allowed difference of a trained value. Ranks sum gradients in another order.
const TOLERANCE: f32 = 1e-5;

/// The largest allowed difference after five times as many steps. AdamW turns the rounding of a gradient near 0 into a step
/// as large as its learning rate (2e-3). One step more or less would differ by twenty times this value.
const LONG_TOLERANCE: f32 = 1e-4;

const STEPS: usize = 12;

fn data(dir: &Path) -> PathBuf {
    let path = dir.join("train.jsonl");
    let mut file = std::fs::File::create(&path).unwrap();
    for day in 1..=9 {
        writeln!(file, r#"{{"input": "date: 2009-05-0{day}", "target": "the day {day} of may"}}"#).unwrap();
    }
    path
}

/// `ia3 train` in `ranks` processes, on a data file or on `tasks.json`. One process runs without a launcher.
fn command(ranks: usize, data: &Path, out: &Path, more: &[&str]) -> Command {
    let ia3 = env!("CARGO_BIN_EXE_ia3");
    let mut command = if ranks == 1 { Command::new(ia3) } else { Command::new("mpirun") };
    if ranks > 1 {
        command.args(["--oversubscribe", "--bind-to", "none", "-n", &ranks.to_string(), ia3]);
        // The only user of a container may be root.
        command.env("OMPI_ALLOW_RUN_AS_ROOT", "1").env("OMPI_ALLOW_RUN_AS_ROOT_CONFIRM", "1");
    }
    command.env("RAYON_NUM_THREADS", "1");
    command.arg("train").arg("--base").arg(workspace().join("examples/base"));
    let from = if data.ends_with("tasks.json") { "--tasks" } else { "--data" };
    command.arg(from).arg(data).arg("--out").arg(out).args(["--device", "flex", "--format", "json"]);
    let steps = STEPS.to_string();
    let usual = [["--steps", &steps], ["--gradient-accumulation-steps", "4"], ["--lr", "0.02"]];
    let wanted = usual.iter().filter(|[name, _]| !more.contains(name)).flatten();
    command.args(["--batch-size", "2", "--optimizer", "adamw"]).args(wanted).args(more);
    command
}

fn run(mut command: Command) -> Output {
    let output = command.output().expect("the program starts (`mpirun` is OpenMPI's)");
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}\n{stderr}");
    output
}

fn vectors(out: &Path) -> Vec<(String, Vec<f32>)> {
    let bytes = std::fs::read(out.join("adapter_model.safetensors")).unwrap();
    let tensors = SafeTensors::deserialize(&bytes).unwrap();
    let values = |bytes: &[u8]| bytes.chunks(4).map(|b| f32::from_le_bytes(b.try_into().unwrap())).collect();
    let mut all: Vec<_> = tensors.iter().map(|(name, t)| (name.to_string(), values(t.data()))).collect();
    all.sort_by(|a, b| a.0.cmp(&b.0));
    all
}

fn assert_same(a: &Path, b: &Path, tolerance: f32) {
    let (a, b) = (vectors(a), vectors(b));
    assert_eq!(a.len(), b.len());
    for ((name, a), (other, b)) in a.iter().zip(&b) {
        assert_eq!(name, other);
        let worst = a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        assert!(worst < tolerance, "{name}: {worst:e}");
    }
}

/// The values of a field in `metrics.jsonl`, line by line.
fn metrics(out: &Path, field: &str) -> Vec<f64> {
    let text = std::fs::read_to_string(out.join("metrics.jsonl")).unwrap_or_default();
    text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok()?[field].as_f64()).collect()
}

#[test]
fn two_and_four_ranks_equal_one_process() {
    let dir = tempfile::tempdir().unwrap();
    let data = data(dir.path());
    let eval = data.display().to_string();
    let more = ["--eval", eval.as_str(), "--eval-steps", "4", "--patience", "9"];
    let out = |ranks: usize| dir.path().join(format!("{ranks}-ranks"));
    let report = |ranks: usize| -> Value {
        let output = run(command(ranks, &data, &out(ranks), &more));
        serde_json::from_slice(&output.stdout).expect("one rank reports")
    };
    let one = report(1);
    for ranks in [2, 4] {
        let report = report(ranks);
        assert_eq!(report["steps"], STEPS);
        // Evaluations of the base are equal to the bit, those of trained adapters up to the rounding of the gradients.
        assert_eq!(report["evaluation"]["loss_before"], one["evaluation"]["loss_before"]);
        assert_eq!(report["evaluation"]["exact_match_after"], one["evaluation"]["exact_match_after"]);
        assert_same(&out(1), &out(ranks), TOLERANCE);
        for field in ["loss", "tokens", "eval_loss", "eval_exact_match"] {
            let (one, many) = (metrics(&out(1), field), metrics(&out(ranks), field));
            assert!(!one.is_empty() && one.len() == many.len(), "{field}: {} lines", many.len());
            let worst = one.iter().zip(&many).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
            assert!(worst < 1e-4, "{field}: {worst:e}");
        }
    }
}

#[test]
fn two_ranks_train_several_tasks_like_one_process() {
    let dir = tempfile::tempdir().unwrap();
    data(dir.path());
    let tasks = dir.path().join("tasks.json");
    let template = "{{ input }} again ||| {{ target }}";
    let list = serde_json::json!([
        {"name": "plain", "data": "train.jsonl", "eval": "train.jsonl"},
        {"name": "again", "data": "train.jsonl", "eval": "train.jsonl", "template": template},
    ]);
    std::fs::write(&tasks, list.to_string()).unwrap();
    let out = |ranks: usize| dir.path().join(format!("{ranks}-ranks"));
    for ranks in [1, 2] {
        run(command(ranks, &tasks, &out(ranks), &["--eval-steps", "6"]));
    }
    for task in ["plain", "again"] {
        assert_same(&out(1).join(task), &out(2).join(task), TOLERANCE);
        let losses = |ranks| -> Vec<f64> {
            let text = std::fs::read_to_string(out(ranks).join("metrics.jsonl")).unwrap();
            let lines = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
            lines.filter_map(|line| line["losses"][task].as_f64()).collect()
        };
        let (one, two) = (losses(1), losses(2));
        assert!(one.len() == STEPS && two.len() == STEPS, "{one:?} {two:?}");
        assert!(one.iter().zip(&two).all(|(a, b)| (a - b).abs() < 1e-4), "{one:?} {two:?}");
    }
}

/// More held-out rows than fit into one batch of an evaluation, so that every rank gets some.
fn held_out(dir: &Path) -> String {
    let row =
        |n: usize| format!("{{\"input\": \"date: {n}\", \"target\": \"{}\"}}\n", "may ".repeat(n % 7 + 1));
    let path = dir.join("held-out.jsonl");
    std::fs::write(&path, (0..100).map(row).collect::<String>()).unwrap();
    path.display().to_string()
}

#[test]
fn early_stopping_ends_all_ranks_at_the_step_of_one_process() {
    let dir = tempfile::tempdir().unwrap();
    let (data, eval) = (data(dir.path()), held_out(dir.path()));
    // The learning rate is so high that later steps are worse, so the best adapter is that of an earlier step.
    let more =
        ["--eval", &eval, "--eval-steps", "1", "--patience", "2", "--lr", "0.3", "--warmup-ratio", "0"];
    let train = |ranks: usize| -> Value {
        let out = dir.path().join(ranks.to_string());
        serde_json::from_slice(&run(command(ranks, &data, &out, &more)).stdout).unwrap()
    };
    let (one, three) = (train(1), train(3));
    assert!(one["steps"].as_u64().unwrap() < STEPS as u64, "{one}");
    assert_eq!(one["steps"], three["steps"]);
    assert_eq!(one["evaluation"]["loss_before"], three["evaluation"]["loss_before"]);
    assert_eq!(one["evaluation"]["exact_match_after"], three["evaluation"]["exact_match_after"]);
    let after = |report: &Value| report["evaluation"]["loss_after"].as_f64().unwrap();
    assert!((after(&one) - after(&three)).abs() < 1e-4, "{one} {three}");
    let best = metrics(&dir.path().join("3"), "eval_loss").into_iter().fold(f64::INFINITY, f64::min);
    assert_eq!(after(&three), best, "all ranks evaluate the best adapter");
}

/// The processes of a training in `out`, by rank.
fn ranks_of(out: &Path) -> Vec<(usize, i32)> {
    let entries = std::fs::read_dir("/proc").unwrap().flatten();
    let mut found: Vec<(usize, i32)> = entries
        .filter_map(|entry| {
            let pid: i32 = entry.file_name().to_str()?.parse().ok()?;
            let read = |name: &str| std::fs::read(entry.path().join(name)).ok();
            let command = String::from_utf8_lossy(&read("cmdline")?).to_string();
            let environment = String::from_utf8_lossy(&read("environ")?).to_string();
            let own = command.contains(out.to_str()?) && !command.starts_with("mpirun");
            let rank = environment.split('\0').find_map(|line| line.strip_prefix("OMPI_COMM_WORLD_RANK="))?;
            own.then_some((rank.parse().ok()?, pid))
        })
        .collect();
    found.sort();
    found
}

fn wait_for(what: &str, mut done: impl FnMut() -> bool) {
    let start = Instant::now();
    while !done() {
        assert!(start.elapsed() < Duration::from_secs(120), "no {what} in two minutes");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn a_killed_rank_ends_the_job_and_another_number_of_ranks_resumes_it() {
    let dir = tempfile::tempdir().unwrap();
    let (data, whole) = (data(dir.path()), dir.path().join("whole"));
    let more = ["--save-steps", "1", "--save-total-limit", "2", "--steps", "60", "--lr", "0.002"];
    run(command(1, &data, &whole, &more));
    for (killed, next) in [(1, 2), (0, 1), (3, 4)] {
        let out = dir.path().join(format!("killed-{killed}"));
        let mut job = command(4, &data, &out, &more);
        let job = job.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        wait_for("step", || metrics(&out, "loss").len() >= 3);
        let pid = ranks_of(&out).into_iter().find(|(rank, _)| *rank == killed).expect("the rank runs").1;
        // SAFETY: kill(2) with a process of this test.
        assert_eq!(unsafe { libc::kill(pid, libc::SIGKILL) }, 0);
        let ended = job.wait_with_output().unwrap();
        let stderr = String::from_utf8_lossy(&ended.stderr);
        assert!(!ended.status.success() && stderr.contains("signal 9"), "{stderr}");
        wait_for("end of the ranks", || ranks_of(&out).is_empty());
        assert!(!out.join("adapter_model.safetensors").exists(), "it was over before the kill");

        let rest = run(command(next, &data, &out, &more));
        let stderr = String::from_utf8_lossy(&rest.stderr);
        assert!(stderr.contains("resuming after step"), "{stderr}");
        assert_same(&whole, &out, LONG_TOLERANCE);
    }
}

fn failure(ranks: usize, data: &Path, out: &Path, more: &[&str]) -> String {
    let output = command(ranks, data, out, more).output().unwrap();
    assert!(!output.status.success());
    String::from_utf8_lossy(&output.stderr).to_string()
}

#[test]
fn an_error_of_all_ranks_is_printed_once() {
    let dir = tempfile::tempdir().unwrap();
    let (data, out) = (data(dir.path()), dir.path().join("out"));
    let idle = failure(2, &data, &out, &["--gradient-accumulation-steps", "1"]);
    assert_eq!(idle.matches("2 ranks share the 1 micro-batches").count(), 1, "{idle}");
    let missing = failure(3, Path::new("/nowhere.jsonl"), &out, &[]);
    assert_eq!(missing.matches("error: ").count(), 1, "{missing}");
    let diverged = failure(2, &data, &out, &["--lr", "1e39", "--warmup-ratio", "0"]);
    assert_eq!(diverged.matches("error: ").count(), 1, "{diverged}");
    assert!(diverged.contains("was saved to"), "{diverged}");
}
