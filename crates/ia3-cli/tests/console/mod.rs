//! Fenced blocks of the kind `console`: commands, their exit status, and the output that a document shows.

/// A command of a document.
#[derive(Debug, PartialEq)]
pub(crate) struct Step {
    /// Line of the document, from 1.
    pub(crate) line: usize,
    /// What stands after `$ `, with its `> ` continuation lines.
    pub(crate) command: String,
    /// Expected exit status: the number after `? `, or 0.
    pub(crate) status: i32,
    /// Expected output; the output is not compared where the document shows none.
    pub(crate) expected: Vec<String>,
}

/// The commands of all `console` blocks of a document, in order.
pub(crate) fn steps(document: &str) -> Vec<Step> {
    let (mut steps, mut inside): (Vec<Step>, bool) = (vec![], false);
    for (line, text) in (1..).zip(document.lines()) {
        if let Some(kind) = text.strip_prefix("```") {
            inside = !inside && kind.trim() == "console";
        } else if inside {
            match (text.strip_prefix("$ "), steps.last_mut()) {
                (Some(command), _) => {
                    steps.push(Step { line, command: command.into(), status: 0, expected: vec![] });
                }
                (None, Some(step)) => step.add(text),
                (None, None) => panic!("line {line}: a console block starts with a line `$ COMMAND`"),
            }
        }
    }
    steps
}

impl Step {
    /// Adds a line that follows the command.
    fn add(&mut self, text: &str) {
        let first = self.expected.is_empty();
        if let Some(more) = text.strip_prefix("> ").filter(|_| first) {
            self.command += "\n";
            self.command += more;
        } else if let Some(status) = text.strip_prefix("? ").filter(|_| first) {
            self.status = status.trim().parse().expect("a number follows `? `");
        } else {
            self.expected.push(text.trim_end().into());
        }
    }

    /// Whether the output is what the document shows.
    pub(crate) fn accepts(&self, lines: &[String]) -> bool {
        self.expected.iter().all(String::is_empty) || lines_match(trimmed(&self.expected), trimmed(lines))
    }
}

/// The lines without empty ones at the end.
fn trimmed(lines: &[String]) -> &[String] {
    let end = lines.iter().rposition(|line| !line.trim().is_empty()).map_or(0, |last| last + 1);
    &lines[..end]
}

/// `...` stands for any number of lines.
fn lines_match(expected: &[String], lines: &[String]) -> bool {
    match expected {
        [] => lines.is_empty(),
        [first, rest @ ..] if first == "..." => {
            (0..=lines.len()).any(|skipped| lines_match(rest, &lines[skipped..]))
        }
        [first, rest @ ..] => {
            lines.first().is_some_and(|line| line_matches(first, line.trim_end()))
                && lines_match(rest, &lines[1..])
        }
    }
}

/// `[..]` stands for any number of characters.
fn line_matches(expected: &str, line: &str) -> bool {
    match expected.split_once("[..]") {
        None => expected == line,
        Some((start, rest)) => line.strip_prefix(start).is_some_and(|after| {
            let mut places = after.char_indices().map(|(place, _)| place).chain([after.len()]);
            places.any(|place| line_matches(rest, &after[place..]))
        }),
    }
}

pub(crate) fn blocks_become_steps() {
    let text = "```text\n$ no\n```\n```console\n$ a \\\n> b\n? 1\nout\n\n$ c\n```\n$ no\n";
    let expected = [
        Step { line: 5, command: "a \\\nb".into(), status: 1, expected: vec!["out".into(), "".into()] },
        Step { line: 10, command: "c".into(), status: 0, expected: vec![] },
    ];
    assert_eq!(steps(text), expected);
}

pub(crate) fn wildcards_stand_for_lines_and_characters() {
    let accepts = |expected: &str, found: &str| {
        let lines = |text: &str| text.lines().map(str::to_string).collect::<Vec<_>>();
        let step = Step { line: 1, command: String::new(), status: 0, expected: lines(expected) };
        step.accepts(&lines(found))
    };
    assert!(accepts("a\n...\nz", "a\nz") && accepts("a\n...\nz", "a\nb\nc\nz\n\n"));
    assert!(accepts("in [..] s, loss [..]", "in 1.5 s, loss 2") && accepts("", "anything"));
    assert!(!accepts("a\n...\nz", "a\nb") && !accepts("a", "a\nb") && !accepts("in [..] s", "in 1 ms"));
}
