//! A command with faults, and what lies at its path afterwards.

use std::fmt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use ia3_testing::{Fault, SystemCall, run_with_fault, run_with_small_files, system_calls};
use tempfile::TempDir;

use crate::commands::Case;
use crate::snapshot::{Snapshot, copy, names, snapshot};

/// Whether the long table runs.
pub(crate) fn all() -> bool {
    std::env::var_os("IA3_FAULTS").is_some_and(|value| value == "all")
}

/// How the runs of a table ended.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Counts {
    pub(crate) kills: usize,
    pub(crate) errors: usize,
    before: usize,
    after: usize,
    unreadable: usize,
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kills, errors, before, after, unreadable } = self;
        write!(
            f,
            "{kills} kills and {errors} errors: {before} left as before, {after} as after, {unreadable} an error on reading"
        )
    }
}

/// A command on a path where something lies, or nothing.
pub(crate) struct Table {
    case: Case,
    /// The folder that holds the path before the command runs.
    template: TempDir,
    before: Snapshot,
    after: Snapshot,
    /// What has to be the same after every run, and the names of all files beside it.
    end: (Snapshot, Vec<String>),
    pub(crate) counts: Counts,
    pub(crate) faults: Vec<String>,
}

/// A folder that holds the path `out`.
struct Place(TempDir);

impl Place {
    fn out(&self) -> PathBuf {
        self.0.path().join("out")
    }
}

impl Table {
    /// The table of a command on the content of `template`.
    pub(crate) fn new(case: Case, template: TempDir) -> Self {
        let before = snapshot(&template.path().join("out"), case.unit);
        let mut table = Self {
            case,
            template,
            before,
            after: Snapshot::new(),
            end: Default::default(),
            counts: Counts::default(),
            faults: vec![],
        };
        let place = table.place();
        let output = case.command(&place.out()).output().unwrap();
        assert!(output.status.success(), "{}: {}", case.name, said(&output));
        table.after = snapshot(&place.out(), case.unit);
        table.end = end(&case, &place);
        assert!(!table.after.is_empty() && table.before != table.after, "{}", case.name);
        table
    }

    /// A copy of the template.
    fn place(&self) -> Place {
        let dir = tempfile::tempdir().unwrap();
        copy(self.template.path(), dir.path());
        Place(dir)
    }

    /// Runs the command once per fault.
    pub(crate) fn run(&mut self) {
        let place = self.place();
        let calls = system_calls(&self.case.command(&place.out()), place.0.path());
        drop(place);
        for (call, fault) in chosen(&calls) {
            self.with_fault(&call, fault);
        }
        for kib in [0, 4, 256] {
            let place = self.place();
            let output = run_with_small_files(&self.case.command(&place.out()), kib);
            self.counts.errors += 1;
            self.judge(&place, Some(&output), &format!("files of at most {kib} KiB"));
        }
    }

    fn with_fault(&mut self, call: &SystemCall, fault: Fault) {
        let place = self.place();
        let run = run_with_fault(&self.case.command(&place.out()), call, fault);
        let what = format!("{fault:?} at {} {} ({})", call.name, call.nth, call.text);
        if !run.happened {
            return self.faults.push(format!("{what}: the call was not made"));
        }
        match fault {
            Fault::Kill => self.counts.kills += 1,
            Fault::Error(_) => self.counts.errors += 1,
        }
        let output = (fault != Fault::Kill).then_some(&run.output);
        self.judge(&place, output, &what);
    }

    /// Compares what lies at the path with what may lie there, and runs the command once more. A killed program has no
    /// output.
    fn judge(&mut self, place: &Place, output: Option<&Output>, what: &str) {
        let found = snapshot(&place.out(), self.case.unit);
        let mut problems = vec![];
        if found == self.after {
            self.counts.after += 1;
        } else if found == self.before {
            self.counts.before += 1;
        } else if self.case.reader(&place.out()).is_some_and(|mut reader| is_error(&reader.output().unwrap()))
        {
            self.counts.unreadable += 1;
        } else {
            problems.push(format!("a mixture: {}", self.describe(&found)));
        }
        match output {
            Some(output) if output.status.success() && found != self.after => {
                problems.push("exit status 0, but not what it should have written".into());
            }
            Some(output) if !output.status.success() && !is_error(output) => {
                problems.push(format!("no clear error ({}): {}", output.status, said(output)));
            }
            _ => (),
        }
        let again = self.case.command(&place.out()).output().unwrap();
        if !again.status.success() || said(&again).contains("damaged") {
            problems.push(format!("the next run says: {}", said(&again)));
        } else if end(&self.case, place) != self.end {
            let names = names(place.0.path());
            let more: Vec<_> = names.iter().filter(|name| !self.end.1.contains(name)).collect();
            problems.push(format!("the next run ends otherwise; more files: {more:?}"));
        }
        self.faults.extend(problems.into_iter().map(|problem| format!("{what}: {problem}")));
    }

    /// Which files are from before and which from after.
    fn describe(&self, found: &Snapshot) -> String {
        let of = |(name, bytes): (&String, &Vec<u8>)| {
            let side = match (self.before.get(name) == Some(bytes), self.after.get(name) == Some(bytes)) {
                (true, true) => "both",
                (true, false) => "before",
                (false, true) => "after",
                (false, false) => "neither",
            };
            format!("`{name}` {side}")
        };
        found.iter().map(of).collect::<Vec<_>>().join(", ")
    }
}

/// The state that every run ends with.
fn end(case: &Case, place: &Place) -> (Snapshot, Vec<String>) {
    (snapshot(&place.out(), case.same), names(place.0.path()))
}

/// The faults of the table at these calls: every fault at every call in the long table; in the short one, kills at every
/// rename, at every tenth write and at the first and last removal, and errors at the first and last call of each kind.
fn chosen(calls: &[SystemCall]) -> Vec<(SystemCall, Fault)> {
    if all() {
        let faults = [Fault::Kill].into_iter().chain(["ENOSPC", "EIO", "EROFS", "EACCES"].map(Fault::Error));
        return faults.flat_map(|fault| calls.iter().map(move |call| (call.clone(), fault))).collect();
    }
    let of = |kinds: &[&str]| -> Vec<&SystemCall> {
        calls.iter().filter(|call| kinds.iter().any(|kind| call.name.contains(kind))).collect()
    };
    let (writes, renames) = (of(&["write"]), of(&["rename", "link"]));
    let (removals, makes) = (of(&["unlink", "rmdir"]), of(&["mkdir", "open"]));
    let mut chosen = vec![];
    let mut add = |calls: Vec<&SystemCall>, fault: Fault| {
        chosen.extend(calls.into_iter().map(|call| (call.clone(), fault)));
    };
    add(renames.iter().copied().filter(|call| !removals.contains(call)).collect(), Fault::Kill);
    add(writes.iter().step_by(10).copied().collect(), Fault::Kill);
    add(ends(&removals), Fault::Kill);
    add(ends(&writes), Fault::Error("ENOSPC"));
    for calls in [&renames, &removals, &of(&["sync"])] {
        add(ends(calls), Fault::Error("EIO"));
    }
    add(ends(&makes), Fault::Error("EROFS"));
    chosen
}

/// The first and the last call.
fn ends<'a>(calls: &[&'a SystemCall]) -> Vec<&'a SystemCall> {
    match calls {
        [] => vec![],
        [only] => vec![only],
        [first, .., last] => vec![first, last],
    }
}

/// Two processes that write different content to one path: that of either lies there in the end, and nothing else.
pub(crate) fn two_writers(case: &Case, template: &Path) -> Vec<String> {
    let alone = |command: fn(&Case, &Path) -> Command| {
        let dir = tempfile::tempdir().unwrap();
        copy(template, dir.path());
        let place = Place(dir);
        let output = command(case, &place.out()).output().unwrap();
        assert!(output.status.success(), "{}: {}", case.name, said(&output));
        end(case, &place)
    };
    let (one, other) = (alone(Case::command), alone(Case::other));
    let mut problems = vec![];
    for run in 0..if all() { 40 } else { 8 } {
        let dir = tempfile::tempdir().unwrap();
        copy(template, dir.path());
        let place = Place(dir);
        let start = |mut command: Command| {
            command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped()).spawn().unwrap()
        };
        let first = start(case.command(&place.out()));
        std::thread::sleep(std::time::Duration::from_millis(run % 8));
        let second = start(case.other(&place.out()));
        let outputs = [first, second].map(|child| child.wait_with_output().unwrap());
        let good = outputs.iter().filter(|output| output.status.success()).count();
        if good == 0 || !outputs.iter().all(|output| output.status.success() || is_error(output)) {
            problems.push(format!("run {run}: {}", outputs.each_ref().map(said).join(" / ")));
        }
        let found = end(case, &place);
        if found != one && found != other {
            let names = &found.1;
            problems.push(format!("run {run}: neither the one nor the other; files: {names:?}"));
        }
    }
    problems
}

/// Whether the program ended with a message and not with a panic or a signal.
fn is_error(output: &Output) -> bool {
    output.status.code() == Some(1) && said(output).contains("error: ") && !said(output).contains("panicked")
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).trim().to_string()
}
