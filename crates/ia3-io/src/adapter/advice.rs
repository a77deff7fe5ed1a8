//! The parts of messages about adapters that depend on what was found.

use crate::fs::{UNFINISHED, is_commit};
use crate::missing::Missing;
use crate::text::{count, first_few};

pub(crate) fn adapter_advice(found: &[String], named: &[String]) -> String {
    if found.iter().any(|name| is_commit(name)) {
        return format!("; {UNFINISHED}");
    }
    if !named.is_empty() {
        return format!("; its sub-folders hold adapters, give one of them: {}", first_few(named));
    }
    String::new()
}

pub(crate) fn shape_advice(expected: &[usize], found: &[usize]) -> &'static str {
    if expected != found && expected.iter().eq(found.iter().rev()) {
        "it is transposed, or `feedforward_modules` differs from that in training"
    } else {
        "was the adapter trained on another base?"
    }
}

/// `2 layers without a vector (…), 1 tensor without a layer (…)`
pub(crate) fn absences(kinds: &[(&Vec<Missing>, &str, &str)]) -> String {
    let present = kinds.iter().filter(|(names, ..)| !names.is_empty());
    let texts: Vec<String> = present
        .map(|(names, noun, what)| format!("{} {what} ({})", count(names.len(), noun), first_few(names)))
        .collect();
    texts.join(", ")
}
