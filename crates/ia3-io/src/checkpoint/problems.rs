//! The tensors of a checkpoint that do not fit a model, and how messages list them.

use std::fmt;

use ia3_guard::quote;

use safetensors::Dtype;

use crate::fs::{UNFINISHED, is_commit};
use crate::missing::Missing;
use crate::text::{count, first_few};

/// A tensor whose shape differs from that of the model's parameter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MisShaped {
    /// Its name in the file.
    pub name: String,
    /// The shape that the model needs, in the layout of the file.
    pub expected: Vec<usize>,
    /// The shape in the file.
    pub found: Vec<usize>,
}

impl fmt::Display for MisShaped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` is {:?}, expected {:?}", quote(&self.name), self.found, self.expected)
    }
}

/// A tensor of a dtype that is not read as floats.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadDtype {
    /// Its name in the file.
    pub name: String,
    /// Its dtype.
    pub found: Dtype,
}

impl fmt::Display for BadDtype {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` is {}", quote(&self.name), self.found)
    }
}

pub(crate) fn checkpoint_advice(found: &[String]) -> String {
    if found.iter().any(|name| is_commit(name)) {
        return format!("; {UNFINISHED}");
    }
    let pickled = |name: &String| name.ends_with(".pt") || name.ends_with(".pth");
    let other =
        |name: &String| name.ends_with(".h5") || name.ends_with(".msgpack") || name.ends_with(".gguf");
    if found.iter().any(|name| name.starts_with("pytorch_model")) {
        "; the index of the shards, pytorch_model.bin.index.json, is missing; download it too".into()
    } else if found.iter().any(pickled) {
        "; convert the pickle in Python with `save_pretrained(safe_serialization=True)`".into()
    } else if found.iter().any(other) {
        "; take the checkpoint in safetensors format".into()
    } else {
        String::new()
    }
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
