//! `ia3 train` on checkpoints that are damaged, of another base, of another version, or beside files of the user.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;

use crate::common::{ia3, metrics, succeed, workspace};
use tempfile::TempDir;

/// A finished training of six steps with checkpoints of steps 2, 4 and 6, on a base of its own.
struct Trained {
    dir: TempDir,
    /// The adapter of the whole training.
    adapter: Vec<u8>,
}

impl Trained {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let base = dir.path().join("base");
        fs::create_dir(&base).unwrap();
        for entry in fs::read_dir(workspace().join("examples/base")).unwrap() {
            let entry = entry.unwrap();
            fs::copy(entry.path(), base.join(entry.file_name())).unwrap();
        }
        let rows =
            (1..7).map(|i| format!("{{\"input\": \"date: 2009-05-0{i}\", \"target\": \"may {i}\"}}\n"));
        fs::write(dir.path().join("train.jsonl"), rows.collect::<String>()).unwrap();
        let mut trained = Self { dir, adapter: vec![] };
        let output = trained.train(&[]);
        assert!(output.status.success(), "{}", stderr(&output));
        trained.adapter = trained.read("adapter_model.safetensors");
        trained
    }

    /// Runs the training with `more` options, which replace those of the same name.
    fn train(&self, more: &[&str]) -> Output {
        let usual = [
            ["--steps", "6"],
            ["--batch-size", "2"],
            ["--save-steps", "2"],
            ["--save-total-limit", "3"],
            ["--optimizer", "adamw"],
            ["--lr", "0.02"],
        ];
        let mut command = ia3();
        command.arg("train").arg("--base").arg(self.path("base")).arg("--data").arg(self.path("train.jsonl"));
        command.arg("--out").arg(self.path("out")).args(more);
        command.args(usual.iter().filter(|option| !more.contains(&option[0])).flatten());
        command.output().unwrap()
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn checkpoint(&self, name: &str) -> PathBuf {
        self.path("out/checkpoints").join(name)
    }

    fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.path("out").join(name)).unwrap()
    }

    /// Everything in the output folder but the hidden lock: paths and contents.
    fn files(&self) -> Vec<(PathBuf, Vec<u8>)> {
        let mut found = vec![];
        collect(&self.path("out"), &mut found);
        found.sort();
        found
    }

    /// Runs the command again, which has to end with the bytes of the whole training; returns its notes.
    fn ends_with_the_same_bytes(&self, what: &str) -> String {
        let output = self.train(&[]);
        let said = stderr(&output);
        assert!(output.status.success(), "{what}: {said}");
        assert!(self.read("adapter_model.safetensors") == self.adapter, "{what}: other vectors\n{said}");
        assert_eq!(
            metrics(&self.path("out")).len(),
            6 + 2,
            "{what}: one line per step and per epoch\n{said}"
        );
        said
    }
}

fn collect(dir: &Path, found: &mut Vec<(PathBuf, Vec<u8>)>) {
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => collect(&path, found),
            false => found.push((path.clone(), fs::read(&path).unwrap())),
        }
    }
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).to_string()
}

fn flip(path: &Path, at: usize) {
    let mut bytes = fs::read(path).unwrap();
    bytes[at] ^= 1;
    fs::write(path, bytes).unwrap();
}

/// An error on the last byte of the weights, far behind the first megabyte in a real base.
#[test]
fn a_base_that_differs_in_its_last_byte_is_refused_by_the_name_of_the_file() {
    let trained = Trained::new();
    let weights = trained.path("base/model.safetensors");
    let last = fs::metadata(&weights).unwrap().len() as usize - 1;
    let kept = trained.checkpoint("base_hashes.json");
    let hashes = fs::read_to_string(&kept).unwrap();
    assert!(hashes.contains("model.safetensors") && hashes.contains("config.json"), "{hashes}");

    flip(&weights, last);
    let before = trained.files();
    let refused = trained.train(&[]);
    let said = stderr(&refused);
    assert_eq!(refused.status.code(), Some(1), "{said}");
    assert!(said.contains("file `model.safetensors` of the base") && said.contains("--no-resume"), "{said}");
    assert!(!said.contains("config.json"), "{said}");
    assert!(trained.files() == before, "a refused training changes nothing");

    // A damaged file of hashes is made anew.
    fs::write(&kept, &hashes[..50]).unwrap();
    flip(&weights, last);
    let said = trained.ends_with_the_same_bytes("the right base again");
    assert!(said.contains("this training is finished"), "{said}");
    fs::write(
        trained.path("base/config.json"),
        fs::read_to_string(trained.path("base/config.json")).unwrap() + "\n",
    )
    .unwrap();
    let said = stderr(&trained.train(&[]));
    assert!(said.contains("file `config.json` of the base"), "{said}");
}

#[test]
fn a_damaged_checkpoint_is_set_aside_and_the_one_before_is_resumed() {
    let trained = Trained::new();
    let last = trained.checkpoint("step-000006");
    let mut files: Vec<_> = fs::read_dir(&last).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let names: Vec<_> = files.iter().map(|path| path.file_name().unwrap().to_str().unwrap()).collect();
    let expected = ["README.md", "SHA256SUMS", "adapter_config.json", "adapter_model.safetensors"];
    assert_eq!(names, [&expected[..], &["trainer_state.bpk", "trainer_state.json"]].concat());
    type Damage = (&'static str, fn(&Path));
    let damages: [Damage; 4] = [
        ("a flipped bit", |path| flip(path, fs::metadata(path).unwrap().len() as usize / 2)),
        ("a cut", |path| fs::write(path, &fs::read(path).unwrap()[..20]).unwrap()),
        ("no bytes", |path| fs::write(path, "").unwrap()),
        ("no file", |path| fs::remove_file(path).unwrap()),
    ];
    for file in &files {
        for (damage, apply) in damages {
            let what = format!("{damage} in {}", file.display());
            apply(file);
            let said = trained.ends_with_the_same_bytes(&what);
            assert!(
                said.contains("damaged-step-000006") && said.contains("resuming after step 4 of 6"),
                "{what}: {said}"
            );
            assert!(file.exists() && trained.checkpoint("damaged-step-000006").exists(), "{what}");
        }
    }
    let again = trained.ends_with_the_same_bytes("the new checkpoint is whole");
    assert!(again.contains("this training is finished"), "{again}");
}

#[test]
fn the_state_of_another_step_is_not_that_of_its_folder() {
    let trained = Trained::new();
    fs::remove_dir_all(trained.checkpoint("step-000006")).unwrap();
    fs::rename(trained.checkpoint("step-000002"), trained.checkpoint("step-000006")).unwrap();
    let said = trained.ends_with_the_same_bytes("step 2 under the name of step 6");
    assert!(said.contains("step-000006` holds the state after step 2, expected 6"), "{said}");
    assert!(said.contains("resuming after step 4 of 6"), "{said}");
}

#[test]
fn a_training_whose_checkpoints_are_all_damaged_says_so_and_changes_nothing() {
    let trained = Trained::new();
    for step in ["step-000002", "step-000004", "step-000006"] {
        flip(&trained.checkpoint(step).join("trainer_state.bpk"), 30);
    }
    let before = trained.files();
    let refused = trained.train(&[]);
    let said = stderr(&refused);
    assert_eq!(refused.status.code(), Some(1), "{said}");
    for part in [
        "every checkpoint of the training is damaged",
        "--no-resume",
        "step-000006/trainer_state.bpk` is damaged",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }
    assert!(trained.files() == before);
    let anew = trained.train(&["--no-resume"]);
    assert!(anew.status.success(), "{}", stderr(&anew));
    assert!(trained.read("adapter_model.safetensors") == trained.adapter);
}

/// The best evaluation is what the training ends with, so its checkpoint is checked before the first step and not after
/// the last one.
#[test]
fn a_damaged_checkpoint_of_the_best_evaluation_is_found_at_the_start() {
    let trained = Trained::new();
    let eval = trained.path("train.jsonl").display().to_string();
    // No evaluation has an exact match, so the first one is the best.
    let more = ["--eval", &eval, "--eval-steps", "2", "--metric", "exact-match", "--no-resume"];
    let output = trained.train(&more);
    assert!(output.status.success(), "{}", stderr(&output));
    let adapter = trained.read("adapter_model.safetensors");
    let best = trained.checkpoint("step-000002");
    assert!(fs::read(best.join("adapter_model.safetensors")).unwrap() == adapter, "step 2 is the best");
    flip(&best.join("trainer_state.bpk"), 30);
    let refused = trained.train(&more[..6]);
    let said = stderr(&refused);
    assert_eq!(refused.status.code(), Some(1), "{said}");
    assert!(said.contains("every checkpoint of the training is damaged"), "{said}");
}

#[test]
fn no_resume_removes_what_a_training_wrote_and_nothing_else() {
    let trained = Trained::new();
    let own = ["step-000004/notes.txt", "step-000002/plots/loss.png"].map(|name| trained.checkpoint(name));
    let beside = ["notes.txt", "step-7", "step-000008-copy/notes.txt", "my checkpoint/x"]
        .map(|name| trained.checkpoint(name));
    for path in own.iter().chain(&beside).chain([&trained.path("out/results.csv")]) {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, "mine").unwrap();
    }
    fs::create_dir(trained.checkpoint(".step-killed")).unwrap();
    let before = trained.files();
    let refused = trained.train(&["--no-resume"]);
    let said = stderr(&refused);
    assert_eq!(refused.status.code(), Some(1), "{said}");
    for part in ["notes.txt`", "loss.png`", "were not written by a training"] {
        assert!(said.contains(part), "{part}: {said}");
    }
    assert!(trained.files() == before, "nothing is removed");
    trained.ends_with_the_same_bytes("own files do not keep a training from being resumed");

    own.iter().for_each(|path| fs::remove_file(path).unwrap());
    let anew = trained.train(&["--no-resume", "--steps", "1"]);
    assert!(anew.status.success(), "{}", stderr(&anew));
    let steps = ["step-000001", "step-000002", "step-000004", "step-000006", ".step-killed"];
    assert_eq!(steps.map(|step| trained.checkpoint(step).exists()), [true, false, false, false, false]);
    for path in beside.iter().chain([&trained.path("out/results.csv")]) {
        assert_eq!(fs::read_to_string(path).unwrap(), "mine", "{}", path.display());
    }
}

/// A checkpoint with files of the user is not removed to keep the number of checkpoints either.
#[test]
fn the_limit_of_checkpoints_leaves_files_of_the_user() {
    let trained = Trained::new();
    let own = trained.checkpoint("step-000002/notes.txt");
    fs::write(&own, "mine").unwrap();
    fs::remove_dir_all(trained.checkpoint("step-000006")).unwrap();
    let output = trained.train(&["--save-total-limit", "1"]);
    assert!(output.status.success(), "{}", stderr(&output));
    assert_eq!(fs::read_to_string(&own).unwrap(), "mine");
    assert!(!trained.checkpoint("step-000004").exists() && trained.checkpoint("step-000006").exists());
}

#[test]
fn a_checkpoint_of_an_earlier_version_is_refused_with_the_way_out() {
    let trained = Trained::new();
    for step in ["step-000002", "step-000004", "step-000006"] {
        let path = trained.checkpoint(step);
        fs::remove_file(path.join("SHA256SUMS")).unwrap();
        let state = path.join("trainer_state.json");
        let text = fs::read_to_string(&state).unwrap();
        let old = text.replace("\"fingerprint_format\": 3", "\"fingerprint_format\": 2");
        assert_ne!(text, old);
        fs::write(&state, old).unwrap();
    }
    let before = trained.files();
    let refused = trained.train(&[]);
    let said = stderr(&refused);
    assert_eq!(refused.status.code(), Some(1), "{said}");
    for part in ["step-000006", "another version of this program", "--no-resume"] {
        assert!(said.contains(part), "{part}: {said}");
    }
    assert!(trained.files() == before);
    let anew = trained.train(&["--no-resume"]);
    assert!(anew.status.success(), "{}", stderr(&anew));
}

/// A kill, a full disk or a crash of the system leaves any bytes at the end of the file.
#[test]
fn a_broken_end_of_the_metrics_is_dropped() {
    let trained = Trained::new();
    let (path, out) = (trained.path("out/metrics.jsonl"), trained.path("out").display().to_string());
    let whole = fs::read(&path).unwrap();
    for end in [&b"{\"step\": 6, \"lo"[..], b"\0\0\0\0", b"\xff\xfe{}", b"{\"step\": 99}\n", b"[]\n\n"] {
        fs::write(&path, [&whole[..], end].concat()).unwrap();
        fs::remove_dir_all(trained.checkpoint("step-000006")).unwrap();
        assert!(succeed(&["status", &out]).contains("16"), "{end:?}");
        let said = trained.ends_with_the_same_bytes(&format!("{end:?}"));
        assert!(said.contains("resuming after step 4 of 6"), "{said}");
        assert!(fs::read_to_string(trained.path("out/loss.svg")).unwrap().ends_with("</svg>\n"));
    }
}
