//! The parts of error messages that are lists.

use std::fmt;

use safetensors::Dtype;

use crate::text::{count, first_few};

/// A name that was looked for and not found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Missing {
    /// The name.
    pub name: String,
    /// The name that exists and looks most like it; looked up for the first few of a list.
    pub nearest: Option<String>,
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`{}", self.name, closest(&self.nearest))
    }
}

/// A tensor of another shape than the model's parameter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MisShaped {
    /// Its name in the file.
    pub name: String,
    /// The shape for the model, in the layout of the file.
    pub expected: Vec<usize>,
    /// The shape in the file.
    pub found: Vec<usize>,
}

impl fmt::Display for MisShaped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` is {:?}, expected {:?}", self.name, self.found, self.expected)
    }
}

/// A tensor of a dtype that floats are not read from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadDtype {
    /// Its name in the file.
    pub name: String,
    /// Its dtype.
    pub found: Dtype,
}

impl fmt::Display for BadDtype {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` is {}", self.name, self.found)
    }
}

pub(crate) fn closest(nearest: &Option<String>) -> String {
    nearest.as_ref().map(|n| format!(" (closest: `{n}`)")).unwrap_or_default()
}

pub(crate) fn found_names(found: &[String]) -> String {
    if found.is_empty() { "nothing".to_string() } else { first_few(found) }
}

pub(crate) fn first_few_quoted(names: &[String]) -> String {
    let quoted: Vec<String> = names.iter().map(|n| format!("`{n}`")).collect();
    first_few(&quoted)
}

pub(crate) fn adapter_advice(found: &[String], named: &[String]) -> String {
    if !named.is_empty() {
        return format!("; its sub-folders hold adapters, give one of them: {}", first_few(named));
    }
    let pickled = found.iter().any(|name| name == "adapter_model.bin");
    let advice =
        "; adapter_model.bin is a pickle, save it in Python with `save_pretrained(safe_serialization=True)`";
    if pickled { advice.to_string() } else { String::new() }
}

pub(crate) fn checkpoint_advice(found: &[String]) -> &'static str {
    let pickled =
        |name: &String| name.starts_with("pytorch_model") || name.ends_with(".pt") || name.ends_with(".pth");
    let other =
        |name: &String| name.ends_with(".h5") || name.ends_with(".msgpack") || name.ends_with(".gguf");
    if found.iter().any(pickled) {
        "; convert the pickle in Python with `save_pretrained(safe_serialization=True)`"
    } else if found.iter().any(other) {
        "; take the checkpoint in safetensors format"
    } else {
        ""
    }
}

pub(crate) fn shape_advice(expected: &[usize], found: &[usize]) -> &'static str {
    if expected != found && expected.iter().eq(found.iter().rev()) {
        "it is transposed, or `feedforward_modules` says otherwise than when it was trained"
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

pub(crate) fn checkpoint_problems(
    missing: &[Missing],
    mis_shaped: &[MisShaped],
    bad_dtype: &[BadDtype],
) -> String {
    let problem = |n: usize, what: &str, names: String| {
        (n > 0).then(|| format!("{} {what} ({names})", count(n, "tensor")))
    };
    let problems = [
        problem(missing.len(), "missing", first_few(missing)),
        problem(mis_shaped.len(), "of another shape", first_few(mis_shaped)),
        problem(bad_dtype.len(), "of a dtype other than F32, F16, BF16 and F64", first_few(bad_dtype)),
    ];
    problems.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

pub(crate) fn shard_problems(lacking: &[String], unlisted: &[String]) -> String {
    let problem =
        |names: &[String], what| (!names.is_empty()).then(|| format!("{what} {}", first_few_quoted(names)));
    let problems = [problem(lacking, "the shard lacks"), problem(unlisted, "the index does not list")];
    problems.into_iter().flatten().collect::<Vec<_>>().join(", ")
}
