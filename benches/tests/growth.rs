//! The program `growth` with short lengths.

use std::process::Command;

#[test]
fn every_measurement_has_a_table_and_a_plot() {
    let dir = tempfile::tempdir().unwrap();
    let run = |words: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_growth"));
        command.env("BURN_DEVICE", "flex").args(words).arg("--out").arg(dir.path());
        let output = command.output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        (output.status.success(), text(&output.stdout), text(&output.stderr))
    };
    let short = ["--lengths", "2,4,8", "--new-tokens", "1,3", "--prompt", "4", "--batch", "1", "--runs", "2"];
    let (done, table, stderr) = run(&[&["--shapes", "t5-small"][..], &short].concat());
    assert!(done, "{stderr}");
    for line in
        ["| tokens of the input | forward | train step |", "| 8 | ", "| new tokens | generation |", "| 3 | "]
    {
        assert!(table.contains(line), "{line}: {table}");
    }
    assert_eq!(table.matches("| exponent | ").count(), 2, "{table}");
    for name in ["t5-small-length.svg", "t5-small-new-tokens.svg"] {
        let svg = std::fs::read_to_string(dir.path().join(name)).unwrap();
        assert!(svg.starts_with("<svg") && svg.contains("exponent"), "{name}");
    }
    let (done, _, stderr) = run(&["--shapes", "gpt5"]);
    assert!(!done && stderr.contains("there is no shape gpt5; known are t5-small"), "{stderr}");
    let (done, _, stderr) = run(&["--lengths", "0"]);
    assert!(!done && stderr.contains("--lengths and --new-tokens have to be at least 1"), "{stderr}");
}
