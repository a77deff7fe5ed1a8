//! Programs that are killed, or whose system calls fail, at chosen moments.
//!
//! `strace` injects the faults. It needs no code in the program and sees every system call, also those that do not go through
//! the C library. Writes through shared memory maps are no system calls and are not seen.

use std::ffi::OsString;
use std::path::Path;
use std::process::{Command, Output};

/// System calls that change files. A question mark allows for calls that this kind of machine does not have.
const CALLS: &str = "?write,?pwrite64,?writev,?pwritev,?pwritev2,?copy_file_range,?sendfile,?splice,?ftruncate,?truncate,\
                     ?fallocate,?fsync,?fdatasync,?rename,?renameat,?renameat2,?link,?linkat,?symlink,?symlinkat,?unlink,\
                     ?unlinkat,?rmdir,?mkdir,?mkdirat,?open,?openat,?openat2,?creat,?chmod,?fchmod,?fchmodat";

/// A system call of a program that changes files in some folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SystemCall {
    /// Its name, such as `renameat`.
    pub name: String,
    /// Which call of this name it is among those of the main thread, from 1.
    pub nth: usize,
    /// The call with its arguments, as strace prints it.
    pub text: String,
}

/// What happens at a system call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The program is killed with SIGKILL before the call.
    Kill,
    /// The call fails with this error, such as `ENOSPC`.
    Error(&'static str),
}

/// A run with a fault.
#[derive(Clone, Debug)]
pub struct FaultyRun {
    /// The output of the program.
    pub output: Output,
    /// Whether the fault happened. A run may make fewer calls than the one before.
    pub happened: bool,
}

/// Whether strace is installed and may trace programs here.
///
/// # Errors
///
/// The reason why not, for [`skip`](crate::skip).
pub fn can_inject_faults() -> Result<(), String> {
    let command = ["-f", "-qq", "-o", "/dev/null", "-e", "inject=?write:retval=1:when=65535", "true"];
    match Command::new("strace").args(command).output() {
        Err(error) => Err(format!("strace cannot be started: {error}")),
        Ok(output) if output.status.success() => Ok(()),
        Ok(output) => {
            let said = String::from_utf8_lossy(&output.stderr).trim().to_string();
            Err(format!("strace cannot trace a program here: {said}"))
        }
    }
}

/// Runs `command`, which has to succeed, and lists the calls of its main thread that change files in `folder`. The command
/// has to name the folder by an absolute path.
///
/// # Panics
///
/// If the program fails.
pub fn system_calls(command: &Command, folder: &Path) -> Vec<SystemCall> {
    let (output, trace) = traced(command, &[format!("trace={CALLS}")]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?} failed without a fault: {said}");
    let folder = folder.display().to_string();
    let main = trace.split_whitespace().next().unwrap_or_default().to_string();
    let mut calls: Vec<SystemCall> = vec![];
    let mut counts = std::collections::BTreeMap::new();
    for line in trace.lines().filter_map(|line| line.strip_prefix(&main)).map(str::trim_start) {
        let Some((name, arguments)) = line.split_once('(') else { continue };
        if !name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_') {
            continue;
        }
        let nth = counts.entry(name.to_string()).and_modify(|n| *n += 1).or_insert(1);
        let reads =
            name.starts_with("open") && !arguments.contains("O_CREAT") && !arguments.contains("O_TRUNC");
        if arguments.contains(&folder) && !reads {
            calls.push(SystemCall { name: name.into(), nth: *nth, text: line.into() });
        }
    }
    calls
}

/// Runs `command` with a fault at `call`.
pub fn run_with_fault(command: &Command, call: &SystemCall, fault: Fault) -> FaultyRun {
    let SystemCall { name, nth, .. } = call;
    let effect = match fault {
        Fault::Kill => "signal=SIGKILL".to_string(),
        Fault::Error(error) => format!("error={error}"),
    };
    let options = [format!("trace={name}"), format!("inject={name}:{effect}:when={nth}")];
    let (output, trace) = traced(command, &options);
    let happened = trace.contains("(INJECTED)") || trace.contains("killed by SIGKILL");
    FaultyRun { output, happened }
}

/// Runs `command` so that no file may grow beyond `kib` KiB, as if the disk were full.
pub fn run_with_small_files(command: &Command, kib: u64) -> Output {
    let script = format!("trap '' XFSZ; ulimit -f {}; exec \"$@\"", kib * 2);
    like(command, "sh", &["-c".into(), script.into(), "sh".into()]).output().expect("sh can be started")
}

/// The output of the program and what strace wrote.
fn traced(command: &Command, expressions: &[String]) -> (Output, String) {
    let file = tempfile::NamedTempFile::new().expect("a temporary file can be made");
    let mut options: Vec<OsString> = ["-f", "-qq", "-y", "-o"].map(Into::into).to_vec();
    options.push(file.path().into());
    options.extend(expressions.iter().flat_map(|e| ["-e".into(), e.into()]));
    options.push("--".into());
    let output = like(command, "strace", &options).output().expect("strace can be started");
    let trace = std::fs::read(file.path()).expect("the trace can be read");
    (output, String::from_utf8_lossy(&trace).to_string())
}

/// `program` with `options` before the words of `command`, in the same environment.
fn like(command: &Command, program: &str, options: &[OsString]) -> Command {
    let mut other = Command::new(program);
    other.args(options).arg(command.get_program()).args(command.get_args());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => other.env(name, value),
            None => other.env_remove(name),
        };
    }
    if let Some(dir) = command.get_current_dir() {
        other.current_dir(dir);
    }
    other
}
