//! What the commands do with `--out`: folders as one unit, locks, leftovers, links, devices, pipes and paths that are not text.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use crate::common::{ia3, tensor, workspace};
use ia3::io::{FolderWrite, OutputFolder};
use ia3_testing::skip;
use safetensors::SafeTensors;

const LINE: &str = "{\"input\": \"date: 2009-05-31\", \"target\": \"the thirty-first of may\"}\n";

/// A temporary folder, and commands that write to a path. In a command, `@` stands for the folder and `OUT` for the path.
struct Bench {
    root: tempfile::TempDir,
    out: PathBuf,
}

/// The commands that write a folder. `mix_b` has other weights than `mix`.
const MERGE: &str = "merge --base T5/base --adapter T5/adapter --out OUT";
const MERGE_B: &str = "merge --base T5/base --adapter T5/adapter_b --out OUT";
const MIX: &str = "mix --adapter T5/adapter --weight 0.3 --adapter T5/adapter_b --weight 0.7 --out OUT";
const MIX_B: &str = "mix --adapter T5/adapter --weight 0.7 --adapter T5/adapter_b --weight 0.3 --out OUT";
const QUANTIZE: &str = "quantize --base SMALL --scheme int8 --out OUT";
const CONVERT: &str = "convert T5/adapter --to peft --out OUT";
const TRAIN: &str = "train --base SMALL --data @data.jsonl --steps 2 --out OUT";
const FORWARD: &str = "forward --base T5/base --inputs T5/io.safetensors --last --out OUT";
const FOLDERS: [&str; 5] = [MERGE, MIX, QUANTIZE, CONVERT, TRAIN];

impl Bench {
    fn new(out: impl AsRef<Path>) -> Self {
        let root = tempfile::tempdir().unwrap();
        fs::write(root.path().join("data.jsonl"), LINE).unwrap();
        let out = root.path().join(out);
        Self { root, out }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    fn command(&self, command: &str) -> Command {
        let mut ia3 = ia3();
        let small = workspace().join("examples/base");
        for word in command.split(' ') {
            match word {
                "OUT" => ia3.arg(&self.out),
                "SMALL" => ia3.arg(&small),
                _ => match (word.strip_prefix("T5/"), word.strip_prefix('@')) {
                    (Some(name), _) => ia3.arg(workspace().join("fixtures/t5").join(name)),
                    (_, Some(name)) => ia3.arg(self.path(name)),
                    _ => ia3.arg(word),
                },
            };
        }
        ia3
    }

    /// Runs a command that must not fail; returns its standard output and its notes.
    fn succeed(&self, command: &str) -> (String, String) {
        let output = self.command(command).output().unwrap();
        let text = self.texts(&output);
        assert!(output.status.success(), "{command}: {}", text.1);
        text
    }

    /// Runs a command that must fail; returns its error.
    fn fail(&self, command: &str) -> String {
        let output = self.command(command).output().unwrap();
        assert_eq!(output.status.code(), Some(1), "{command}: {}", self.texts(&output).1);
        self.texts(&output).1
    }

    fn texts(&self, output: &Output) -> (String, String) {
        let dir = self.root.path().canonicalize().unwrap().display().to_string();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).replace(&dir, "DIR").trim_end().to_string();
        (text(&output.stdout), text(&output.stderr))
    }

    /// The names in the temporary folder, hidden ones included, without the file of data.
    fn names(&self) -> Vec<String> {
        let mut names = names(self.root.path());
        names.retain(|name| name != "data.jsonl");
        names
    }
}

fn names(dir: &Path) -> Vec<String> {
    let entries = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name());
    let mut names: Vec<String> = entries.map(|name| name.to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

/// The names and bytes of the files in a folder.
fn content(dir: &Path) -> Vec<(String, Vec<u8>)> {
    let files = names(dir).into_iter().filter(|name| dir.join(name).is_file());
    files.map(|name| (name.clone(), fs::read(dir.join(name)).unwrap())).collect()
}

#[test]
fn a_command_that_is_killed_leaves_the_old_folder_or_the_new_one() {
    for (first, second) in [(MERGE, MERGE_B), (MIX, MIX_B)] {
        let bench = Bench::new("out");
        let mut wholes = vec![];
        for command in [second, first] {
            bench.succeed(command);
            wholes.push(content(&bench.out));
        }
        assert_ne!(wholes[0], wholes[1]);
        let mut killed = 0;
        for round in 0..40 {
            let command = [first, second][round % 2];
            let mut child =
                bench.command(command).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
            std::thread::sleep(Duration::from_millis(2 * round as u64));
            child.kill().unwrap();
            killed += usize::from(!child.wait().unwrap().success());
            let now = content(&bench.out);
            assert!(wholes.contains(&now), "round {round}: {:?}", names(&bench.out));
        }
        assert!(killed > 0, "no run was killed");
        bench.succeed(second);
        assert_eq!(content(&bench.out), wholes[0]);
        assert_eq!(bench.names(), ["out"]);
    }
}

#[cfg(unix)]
#[test]
fn a_command_that_is_interrupted_leaves_nothing_behind() {
    let bench = Bench::new("a/out");
    let mut interrupted = 0;
    for round in 0..40 {
        let mut child = bench.command(MERGE).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        std::thread::sleep(Duration::from_millis(2 * round));
        // SAFETY: kill(2) with a child of this test that was not waited for.
        assert_eq!(unsafe { libc::kill(child.id().cast_signed(), libc::SIGINT) }, 0);
        interrupted += usize::from(child.wait().unwrap().code() == Some(130));
        let names = if bench.path("a").exists() { names(&bench.path("a")) } else { vec![] };
        // A process may be interrupted between making the lock and preparing to be interrupted.
        let left = names.iter().filter(|name| *name != "out" && *name != ".out.ia3-lock").count();
        assert_eq!(left, 0, "{names:?}");
    }
    println!("{interrupted} of 40 runs were interrupted while they held the lock");
    bench.succeed(MERGE);
    assert_eq!(names(&bench.path("a")), ["out"]);
}

#[test]
fn a_second_writer_is_refused_with_the_process_that_writes() {
    let bench = Bench::new("out");
    let folder = OutputFolder::lock(&bench.out).unwrap();
    for command in FOLDERS {
        let expected = format!(
            "error: the process {} writes into `DIR/out`; wait until it ends, or choose another folder",
            std::process::id()
        );
        assert_eq!(bench.fail(command), expected, "{command}");
    }
    drop(folder);
    assert!(bench.names().is_empty(), "{:?}", bench.names());
    // The lock of a process that was killed is free.
    fs::write(bench.path(".out.ia3-lock"), "1").unwrap();
    bench.succeed(MIX);
    assert_eq!(bench.names(), ["out"]);
}

#[test]
fn a_training_locks_its_folder_until_it_ends() {
    let bench = Bench::new("out");
    let training = TRAIN.replace("--steps 2", "--steps 1000000");
    let mut training = bench.command(&training).stderr(Stdio::null()).spawn().unwrap();
    let start = std::time::Instant::now();
    while !bench.out.join("metrics.jsonl").exists() && start.elapsed() < Duration::from_secs(60) {
        std::thread::sleep(Duration::from_millis(20));
    }
    let expected = format!("error: the process {} writes into `DIR/out`", training.id());
    for command in [MERGE, TRAIN] {
        let error = bench.fail(command);
        assert!(error.starts_with(&expected), "{command}: {error}");
    }
    training.kill().unwrap();
    training.wait().unwrap();
    bench.succeed(MERGE);
    assert_eq!(bench.names(), ["out"]);
    assert!(bench.out.join("config.json").exists() && bench.out.join("metrics.jsonl").exists());
}

#[test]
fn what_a_killed_run_left_is_removed_with_a_note_and_nothing_else_is() {
    for command in FOLDERS {
        let bench = Bench::new("out");
        let others = [".out.ia3-notes", ".other.ia3-AAAAAA.partial", "out"];
        others.iter().for_each(|name| fs::create_dir(bench.path(name)).unwrap());
        fs::create_dir(bench.path(".out.ia3-AAAAAA.partial")).unwrap();
        fs::write(bench.path(".out.ia3-AAAAAA.partial/weights"), "half").unwrap();
        fs::write(bench.path("out/.ia3-BBBBBB.tmp"), "half").unwrap();
        let (_, notes) = bench.succeed(command);
        for name in [".out.ia3-AAAAAA.partial", "out/.ia3-BBBBBB.tmp"] {
            let note = format!("note: removed `DIR/{name}`, which an interrupted run left behind");
            assert!(notes.contains(&note), "{command}: {notes}");
        }
        let mut left = others.to_vec();
        left.sort();
        assert_eq!(bench.names(), left, "{command}");
        assert!(!names(&bench.out).iter().any(|name| name.starts_with('.')), "{command}");
    }
    let bench = Bench::new("logits");
    let mine = [".logits.ia3-AAAAAA.tmp", ".ia3-AAAAAA.tmp", ".x.ia3-AAAAAA.tmp"];
    mine.iter().for_each(|name| fs::write(bench.path(name), "half").unwrap());
    let (_, notes) = bench.succeed(FORWARD);
    let note = "note: removed `DIR/.logits.ia3-AAAAAA.tmp`, which an interrupted run left behind";
    assert_eq!(notes, note);
    assert_eq!(bench.names(), [".ia3-AAAAAA.tmp", ".x.ia3-AAAAAA.tmp", "logits"]);
}

#[test]
fn files_of_the_user_stay_and_files_of_an_earlier_checkpoint_do_not() {
    let bench = Bench::new("out");
    fs::create_dir(&bench.out).unwrap();
    let stale = ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"];
    let index = format!(r#"{{"weight_map": {{"a": "{}", "b": "{}"}}}}"#, stale[0], stale[1]);
    fs::write(bench.out.join("model.safetensors.index.json"), index).unwrap();
    stale.iter().for_each(|name| fs::write(bench.out.join(name), "old").unwrap());
    for name in ["README.md", "training.log"] {
        fs::write(bench.out.join(name), "mine").unwrap();
    }
    bench.succeed(MERGE);
    let kept = names(&bench.out);
    assert!(
        kept.contains(&"README.md".to_string()) && kept.contains(&"training.log".to_string()),
        "{kept:?}"
    );
    assert!(!kept.iter().any(|name| name.starts_with("model-") || name.ends_with("index.json")), "{kept:?}");
    assert_eq!(fs::read_to_string(bench.out.join("README.md")).unwrap(), "mine");
}

#[test]
fn a_folder_that_is_read_is_not_written() {
    let bench = Bench::new("adapter");
    fs::create_dir(&bench.out).unwrap();
    for name in ["adapter_config.json", "adapter_model.safetensors"] {
        fs::copy(workspace().join("fixtures/t5/adapter").join(name), bench.out.join(name)).unwrap();
    }
    let before = content(&bench.out);
    let own = "is the folder of one of the adapters, which would be overwritten; write into another folder";
    for adapter in ["@adapter", "@adapter/adapter_model.safetensors"] {
        for command in ["merge --base T5/base --out OUT --adapter", "mix --weight 1 --out OUT --adapter"] {
            let error = bench.fail(&format!("{command} {adapter}"));
            assert!(error.ends_with(own), "{error}");
        }
    }
    assert_eq!(content(&bench.out), before);
    assert_eq!(bench.names(), ["adapter"]);
}

#[test]
fn the_working_directory_is_written_in_place() {
    let bench = Bench::new("out");
    fs::create_dir(&bench.out).unwrap();
    fs::write(bench.out.join("notes"), "mine").unwrap();
    let mut command = bench.command(&MIX.replace("OUT", "."));
    assert!(command.current_dir(&bench.out).status().unwrap().success());
    assert_eq!(names(&bench.out), ["README.md", "adapter_config.json", "adapter_model.safetensors", "notes"]);
    assert_eq!(bench.names(), ["out"]);
}

#[cfg(unix)]
#[test]
fn links_are_written_through() {
    use std::os::unix::fs::symlink;
    let bench = Bench::new("link");
    fs::create_dir(bench.path("there")).unwrap();
    symlink("there", &bench.out).unwrap();
    bench.succeed(MERGE);
    assert!(bench.out.is_symlink() && bench.path("there/model.safetensors").exists());
    let bench = Bench::new("link");
    fs::write(bench.path("there"), "old").unwrap();
    symlink("there", &bench.out).unwrap();
    bench.succeed(FORWARD);
    assert!(bench.out.is_symlink());
    assert!(!tensor(&bench.path("there"), "logits").is_empty());
    let bench = Bench::new("link");
    symlink("there", &bench.out).unwrap();
    bench.succeed(FORWARD);
    assert!(bench.out.is_symlink() && bench.path("there").is_file());
}

#[test]
fn a_file_in_place_of_a_folder_and_a_folder_in_place_of_a_file_are_refused_before_the_work() {
    let bench = Bench::new("out");
    fs::write(&bench.out, "mine").unwrap();
    for command in FOLDERS {
        // There is nothing to work with.
        let command = command.replace("T5/", "@none/").replace("SMALL", "@none").replace("@data", "@none");
        if !command.starts_with("train") {
            assert_eq!(
                bench.fail(&command),
                "error: `DIR/out` is a file; give a folder to write into",
                "{command}"
            );
        }
    }
    assert_eq!(fs::read_to_string(&bench.out).unwrap(), "mine");
    let bench = Bench::new("out");
    fs::create_dir(&bench.out).unwrap();
    assert_eq!(
        bench.fail(&FORWARD.replace("T5/", "@none/")),
        "error: `DIR/out` is not a file; check the path"
    );
    assert_eq!(bench.names(), ["out"]);
}

#[cfg(unix)]
#[test]
fn devices_are_written_and_never_replaced() {
    use std::os::unix::fs::FileTypeExt;
    let bench = Bench::new("null");
    let made = Command::new("mknod").arg(&bench.out).args(["c", "1", "3"]).output();
    if !made.is_ok_and(|made| made.status.success()) {
        return skip("no device can be made; run the test as root");
    }
    bench.succeed(FORWARD);
    bench.succeed("generate --base SMALL --prompt may --max-new-tokens 2 --out OUT");
    bench.succeed(
        "convert fixtures/none --to tfew --out OUT"
            .replace("fixtures/none", "T5/../formats/t5v11/tfew.pt")
            .as_str(),
    );
    for command in FOLDERS {
        let error = bench.fail(command);
        assert_eq!(error, "error: `DIR/null` is a file; give a folder to write into", "{command}");
    }
    assert!(fs::metadata(&bench.out).unwrap().file_type().is_char_device());
    assert_eq!(bench.names(), ["null"]);
}

#[cfg(unix)]
#[test]
fn pipes_are_written() {
    use std::os::unix::fs::FileTypeExt;
    let bench = Bench::new("pipe");
    let made = Command::new("mkfifo").arg(&bench.out).output();
    if !made.is_ok_and(|made| made.status.success()) {
        return skip("no pipe can be made here");
    }
    let mut child = bench.command(FORWARD).stdout(Stdio::null()).spawn().unwrap();
    let mut bytes = vec![];
    fs::File::open(&bench.out).unwrap().read_to_end(&mut bytes).unwrap();
    assert!(child.wait().unwrap().success());
    SafeTensors::deserialize(&bytes).unwrap().tensor("logits").unwrap();
    assert!(fs::metadata(&bench.out).unwrap().file_type().is_fifo());

    let output = bench.command(&FORWARD.replace("OUT", "/dev/stdout")).output().unwrap();
    assert_eq!(output.stdout, bytes);
    assert!(String::from_utf8_lossy(&output.stderr).contains("-> /dev/stdout"));
    // The standard output is a file.
    let file = fs::File::create(bench.path("file")).unwrap();
    let mut command = bench.command(&FORWARD.replace("OUT", "/dev/stdout"));
    assert!(command.stdout(file).status().unwrap().success());
    assert_eq!(fs::read(bench.path("file")).unwrap(), bytes);
}

#[cfg(target_os = "linux")]
#[test]
fn a_path_that_is_not_text_is_written_where_it_says() {
    use std::os::unix::ffi::OsStrExt;
    let name = std::ffi::OsStr::from_bytes(b"x\xe9");
    for command in FOLDERS {
        let bench = Bench::new(name);
        bench.succeed(command);
        bench.succeed(command);
        assert!(bench.out.is_dir(), "{command}");
        assert_eq!(bench.names(), ["x\u{fffd}"], "{command}");
    }
    let bench = Bench::new(name);
    bench.succeed(TRAIN);
    for file in ["adapter_model.safetensors", "metrics.jsonl", "loss.svg", "checkpoints/step-000002"] {
        assert!(bench.out.join(file).exists(), "{file}");
    }
    let card = fs::read_to_string(bench.out.join("README.md")).unwrap();
    assert!(card.contains(r"x\xe9'"), "{card}");
    let mut named = bench.command("generate --base SMALL --prompt may --max-new-tokens 2 --rows a --adapter");
    let mut adapter = std::ffi::OsString::from("a=");
    adapter.push(&bench.out);
    assert!(named.arg(adapter).output().unwrap().status.success());
    let bench = Bench::new(name);
    bench.succeed(FORWARD);
    assert!(!tensor(&bench.out, "logits").is_empty());
}

#[test]
fn a_write_that_was_killed_in_the_middle_is_completed_by_the_next_command() {
    let bench = Bench::new("out");
    bench.succeed(MIX);
    let plan = r#"{"removed": [], "last": ["adapter_config.json"]}"#;
    let commit = bench.out.join(".ia3-AAAAAA.commit");
    fs::create_dir(&commit).unwrap();
    fs::write(commit.join(".plan.json"), plan).unwrap();
    fs::rename(bench.out.join("adapter_config.json"), commit.join("adapter_config.json")).unwrap();
    let error = bench.fail("inspect OUT");
    assert!(error.contains("`adapter_config.json` is missing"), "{error}");
    let killed = "the last write to this folder was killed, and the next command that writes to it completes that write";
    assert!(error.contains(killed), "{error}");
    let error = bench.fail("forward --inputs T5/io.safetensors --out @logits --base OUT");
    assert!(error.contains(killed), "{error}");
    // The next command does not succeed, and the folder is whole all the same.
    bench.fail("mix --adapter @none --weight 1 --out OUT");
    bench.succeed("inspect OUT");
    assert_eq!(bench.names(), ["out"]);
    let folder = OutputFolder::lock(&bench.out).unwrap();
    assert!(FolderWrite::new(&folder).unwrap().current("adapter_config.json").exists());
}
