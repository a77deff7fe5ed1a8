//! A command with faults, and what lies at its path afterwards.

use std::fmt;
use std::io::Write;
use std::process::Output;

use ia3_testing::{Fault, SystemCall, run_with_fault, run_with_small_files, system_calls};
use tempfile::TempDir;

use super::chosen::chosen;
use super::commands::Case;
use super::place::{Place, end, is_error, said};
use super::snapshot::{Snapshot, names, snapshot};

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
        Place::like(self.template.path())
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
            return self.report([format!("{what}: the call was not made")]);
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
        self.report(problems.into_iter().map(|problem| format!("{what}: {problem}")));
    }

    /// Adds faults of the command. The long table takes minutes, so it prints them at once.
    fn report(&mut self, faults: impl IntoIterator<Item = String>) {
        for fault in faults {
            if all() {
                let _ = writeln!(std::io::stdout(), "{}: {fault}", self.case.name);
            }
            self.faults.push(fault);
        }
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
