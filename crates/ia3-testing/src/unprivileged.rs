//! Tests of permissions, which the super-user passes by.
use std::process::Command;
#[cfg(unix)]
use std::{
    io::ErrorKind,
    path::Path,
    time::{Duration, Instant},
};

/// Whether the calling test should run its body in this process.
///
/// The super-user may read and write every file, so a test of permissions would test nothing. Where the tests run as the
/// super-user, this function runs the test `name` once more in a process of the user `nobody` and returns `false`; elsewhere
/// it returns `true`. Where no such process can be started, the test is skipped.
///
/// `name` is the full name of the test, as `cargo test -- --list` prints it.
///
/// ```no_run
/// fn an_unreadable_file_is_an_error_that_names_it() {
///     if !ia3_testing::unprivileged("an_unreadable_file_is_an_error_that_names_it") {
///         return;
///     }
///     println!("the body of the test");
/// }
/// ```
///
/// # Panics
///
/// If the test fails in the other process.
pub fn unprivileged(name: &str) -> bool {
    if !super_user() {
        return true;
    }
    if let Err(reason) = run_as_nobody(name) {
        crate::skip(reason);
    }
    false
}

#[cfg(unix)]
fn super_user() -> bool {
    let id = Command::new("id").arg("-u").output();
    id.is_ok_and(|output| output.stdout.trim_ascii() == b"0")
}

#[cfg(not(unix))]
fn super_user() -> bool {
    false
}

/// Runs the test from a copy of its program, since the build folder may be closed to other users.
#[cfg(unix)]
fn run_as_nobody(name: &str) -> Result<(), String> {
    use std::os::unix::process::CommandExt;
    const NOBODY: u32 = 65534;

    let folder = tempfile::tempdir().map_err(|error| format!("no temporary folder: {error}"))?;
    let program = folder.path().join("test");
    let own =
        std::env::current_exe().map_err(|error| format!("the test's own program is not found: {error}"))?;
    std::fs::copy(&own, &program).map_err(|error| format!("the test's program cannot be copied: {error}"))?;
    open_to_all(folder.path())?;
    let output = output_when_closed(
        Command::new(&program)
            .args(["--exact", name, "--test-threads", "1"])
            .current_dir(folder.path())
            .env("TMPDIR", std::env::temp_dir())
            .uid(NOBODY)
            .gid(NOBODY),
    )
    .map_err(|error| format!("no process of the user nobody can be started: {error}"))?;
    let said = String::from_utf8_lossy(&output.stdout).to_string() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{name} failed as the user nobody:\n{said}");
    assert!(said.contains("1 passed"), "no test has the name {name}:\n{said}");
    Ok(())
}

/// A process that another test starts at the same moment inherits the open copy until it becomes its own program; the system
/// starts no program that is open for writing.
#[cfg(unix)]
fn output_when_closed(command: &mut Command) -> std::io::Result<std::process::Output> {
    let end = Instant::now() + Duration::from_secs(10);
    loop {
        match command.output() {
            Err(error) if error.kind() == ErrorKind::ExecutableFileBusy && Instant::now() < end => {
                std::thread::sleep(Duration::from_millis(20));
            }
            result => return result,
        }
    }
}

#[cfg(not(unix))]
fn run_as_nobody(_: &str) -> Result<(), String> {
    Ok(())
}

#[cfg(unix)]
fn open_to_all(folder: &Path) -> Result<(), String> {
    use std::os::unix::fs::PermissionsExt;
    let mode = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(folder, mode).map_err(|error| format!("{}: {error}", folder.display()))
}
