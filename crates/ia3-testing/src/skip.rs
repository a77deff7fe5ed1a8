//! Tests that cannot run on this machine.
use std::io::Write;

/// The environment variable that turns every skipped test into a failure.
pub const REQUIRE_ALL: &str = "IA3_REQUIRE_ALL";

/// Says that the calling test cannot run here, and why. The caller returns afterwards.
///
/// The line `SKIPPED: {reason}` goes straight to standard output. The test harness captures only what `println!` writes, so
/// the line shows in every run of `cargo test`.
///
/// ```
/// fn a_test_on_real_weights() {
///     let Ok(folder) = std::env::var("IA3_MINILM") else {
///         return ia3_testing::skip("IA3_MINILM does not name the folder of the model");
///     };
///     println!("tests the model in {folder}");
/// }
/// ```
///
/// # Panics
///
/// If the environment variable [`REQUIRE_ALL`] is `1`: a run that must test everything fails where a test is skipped.
#[track_caller]
pub fn skip(reason: impl std::fmt::Display) {
    assert!(!required(), "this test was skipped although {REQUIRE_ALL}=1: {reason}");
    // A closed standard output is no reason to fail a test.
    let _ = writeln!(std::io::stdout(), "SKIPPED: {reason}");
}

fn required() -> bool {
    std::env::var_os(REQUIRE_ALL).is_some_and(|value| value == "1")
}
