//! Two processes that write to one path at once.

use std::path::Path;
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use super::commands::Case;
use super::place::{Place, end, is_error, said};
use super::table::all;

/// Two processes that write different content to one path: that of either lies there in the end, and nothing else.
pub(crate) fn two_writers(case: &Case, template: &Path) -> Vec<String> {
    let in_turn = |commands: &[fn(&Case, &Path) -> Command]| {
        let place = Place::like(template);
        for command in commands {
            let output = command(case, &place.out()).output().unwrap();
            assert!(output.status.success(), "{}: {}", case.name, said(&output));
        }
        end(case, &place)
    };
    // The second of two keeps the model card of the first, as it keeps every file that it does not write.
    let possible = [
        in_turn(&[Case::command]),
        in_turn(&[Case::other]),
        in_turn(&[Case::command, Case::other]),
        in_turn(&[Case::other, Case::command]),
    ];
    let mut problems = vec![];
    for run in 0..if all() { 40 } else { 8 } {
        let place = Place::like(template);
        let start =
            |mut command: Command| command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let first = start(case.command(&place.out()));
        sleep(Duration::from_millis(run % 8));
        let second = start(case.other(&place.out()));
        let outputs = [first, second].map(|child| child.wait_with_output().unwrap());
        let good = outputs.iter().filter(|output| output.status.success()).count();
        if good == 0 || !outputs.iter().all(|output| output.status.success() || is_error(output)) {
            problems.push(format!("run {run}: {}", outputs.each_ref().map(said).join(" / ")));
        }
        let found = end(case, &place);
        if !possible.contains(&found) {
            let names = &found.1;
            problems.push(format!("run {run}: neither the one nor the other; files: {names:?}"));
        }
    }
    problems
}
