//! Every target on its seeds, on the inputs in `fuzz/corpus` and `fuzz/regressions`, and on mutations of all of them.
//!
//! The inputs are the same in every run. `IA3_FUZZ_SEED` chooses others, and `IA3_FUZZ_SECONDS` how long each target runs
//! (3 seconds). The input that runs is in the file `<target>.input` in the folder for temporary files of cargo's target
//! folder, so it is known also after a crash or a hang.

mod mutations;

use std::fs::{self, File};
use std::io::{self, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use ia3_fuzz::{TARGETS, Target, Usage, ignore_caught_panics, panic_message, within_limits};
use libtest_mimic::{Arguments, Failed, Trial};
use mutations::mutated;
use proptest::test_runner::{Config, RngSeed, TestCaseError, TestRunner};

/// Mutations that one run of proptest tries.
const CASES: u32 = 64;

fn main() {
    let arguments = Arguments { test_threads: Some(1), ..Arguments::from_args() };
    // A panic that a reader catches is no fault, and one that it does not catch is reported below.
    ignore_caught_panics();
    let trials = TARGETS.iter().map(|target| Trial::test(target.name, || bounded(target))).collect();
    libtest_mimic::run(&arguments, trials).exit();
}

/// What a target has been run on.
#[derive(Default)]
struct Tally {
    inputs: usize,
    seconds: f64,
    bytes: usize,
}

impl Tally {
    fn add(&mut self, usage: Usage) {
        self.inputs += 1;
        self.seconds = self.seconds.max(usage.seconds);
        self.bytes = self.bytes.max(usage.bytes);
    }
}

fn bounded(target: &'static Target) -> Result<(), Failed> {
    let mut inputs = (target.seeds)();
    assert!(!inputs.is_empty(), "{} has no seeds", target.name);
    inputs.extend(committed(target.name));
    let mut tally = Tally::default();
    for input in &inputs {
        tally.add(run(target, input)?);
    }
    let (start, limit) = (Instant::now(), Duration::from_secs(number("IA3_FUZZ_SECONDS", 3)));
    let mut seed = number("IA3_FUZZ_SEED", 0) << 32;
    while start.elapsed() < limit {
        mutate(target, &inputs, seed, &mut tally)?;
        seed += 1;
    }
    let (name, mega) = (target.name, tally.bytes as f64 / 1e6);
    println!("{name}: {} inputs, at most {:.3} s and {mega:.1} MB", tally.inputs, tally.seconds);
    Ok(())
}

/// Runs a target on mutations of `inputs`, and reduces the edits of one that fails.
fn mutate(target: &Target, inputs: &[Vec<u8>], seed: u64, tally: &mut Tally) -> Result<(), Failed> {
    let (rng_seed, failure_persistence) = (RngSeed::Fixed(seed), None);
    let config = Config { cases: CASES, rng_seed, failure_persistence, ..Config::default() };
    let tally = std::cell::RefCell::new(tally);
    let result = TestRunner::new(config).run(&mutated(target, inputs), |input| {
        let usage = run(target, &input.0)
            .map_err(|failed| TestCaseError::fail(failed.message().unwrap_or("?").to_string()))?;
        tally.borrow_mut().add(usage);
        Ok(())
    });
    result.map_err(|error| error.to_string().into())
}

fn run(target: &Target, input: &[u8]) -> Result<Usage, Failed> {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{}.input", target.name));
    keep(&path, input)?;
    catch_unwind(AssertUnwindSafe(|| within_limits(target, input)))
        .map_err(|panic| format!("{}\ninput: {}", panic_message(&*panic), path.display()).into())
}

/// Writes over the file. A file that is made empty first goes to the disk at once on some file systems, which takes long.
fn keep(path: &Path, input: &[u8]) -> io::Result<()> {
    let mut file = File::options().create(true).truncate(false).write(true).open(path)?;
    file.write_all(input)?;
    file.set_len(input.len() as u64)
}

/// The inputs in the repository: the corpus that libFuzzer found, and the inputs that once failed.
fn committed(name: &str) -> Vec<Vec<u8>> {
    let fuzz = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../fuzz"));
    let folders = ["corpus", "regressions"].map(|kind| fuzz.join(kind).join(name));
    let mut files: Vec<PathBuf> =
        folders.iter().flat_map(fs::read_dir).flatten().flatten().map(|e| e.path()).collect();
    files.sort();
    files.iter().map(|path| fs::read(path).expect("an input can be read")).collect()
}

fn number(variable: &str, default: u64) -> u64 {
    std::env::var(variable).map_or(default, |text| text.parse().expect("a whole number"))
}
