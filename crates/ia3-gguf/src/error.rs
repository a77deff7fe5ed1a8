use std::path::PathBuf;

use ia3_guard::{FileError, few, quote, quote_path};

/// What can go wrong with a GGUF file.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GgufError {
    /// The file cannot be read.
    #[error(transparent)]
    File(#[from] FileError),
    /// The file does not begin as a GGUF file does.
    #[error("`{}` is not a GGUF file: it does not begin with `GGUF`; check the path", quote_path(path))]
    NotGguf {
        /// The file.
        path: PathBuf,
    },
    /// The version is not read.
    #[error(
        "`{}` has version {found} of GGUF, expected 2 or 3; convert the model again with a current llama.cpp",
        quote_path(path)
    )]
    Version {
        /// The file.
        path: PathBuf,
        /// The version.
        found: u32,
    },
    /// The numbers of the file have the order of bytes of another kind of machine.
    #[error(
        "`{}` is a big-endian GGUF file, expected a little-endian one; convert it with `gguf-convert-endian`",
        quote_path(path)
    )]
    BigEndian {
        /// The file.
        path: PathBuf,
    },
    /// The file ends inside something.
    #[error(
        "`{}` ends too early: {what} at byte {at} needs {needed} bytes, {left} are left; download or copy it again",
        quote_path(path)
    )]
    Truncated {
        /// The file.
        path: PathBuf,
        /// What is not whole.
        what: String,
        /// Where it begins.
        at: u64,
        /// Its size, at least.
        needed: u64,
        /// The bytes to the end of the file.
        left: u64,
    },
    /// A number of the header is larger than that of any good file.
    #[error("`{}`: {what} is {found}, more than the limit of {limit}", quote_path(path))]
    Limit {
        /// The file.
        path: PathBuf,
        /// What was counted.
        what: String,
        /// The number in the file.
        found: u64,
        /// The limit.
        limit: u64,
    },
    /// A value of the header cannot be what it is.
    #[error("`{}`: {what} {problem}", quote_path(path))]
    Header {
        /// The file.
        path: PathBuf,
        /// What is wrong: a key, a tensor, escaped.
        what: String,
        /// What is wrong with it.
        problem: String,
    },
    /// A key that is needed is missing.
    #[error("`{}` has no key `{key}`; is it a whole model of llama.cpp?", quote_path(path))]
    NoKey {
        /// The file.
        path: PathBuf,
        /// The key.
        key: String,
    },
    /// The value of a key has another type than the one expected.
    #[error("`{}`: the key `{}` holds {found}, expected {expected}", quote_path(path), quote(key))]
    KeyType {
        /// The file.
        path: PathBuf,
        /// The key.
        key: String,
        /// The type in the file.
        found: &'static str,
        /// The type expected.
        expected: &'static str,
    },
    /// The names of an architecture's tensors are not known.
    #[error(
        "`{}` has the architecture `{}`, whose names are not known; known are {}",
        quote_path(path), quote(found), known.join(", ")
    )]
    Architecture {
        /// The file.
        path: PathBuf,
        /// The architecture.
        found: String,
        /// The known architectures.
        known: Vec<&'static str>,
    },
    /// A tensor has a type that is not decoded.
    #[error("tensor `{}` has the type {kind}, which is not {action}", quote(tensor))]
    TensorType {
        /// The tensor.
        tensor: String,
        /// The name of its type.
        kind: &'static str,
        /// What cannot be done.
        action: &'static str,
    },
    /// There is no such tensor.
    #[error("`{}` has no tensor `{}`", quote_path(path), quote(tensor))]
    NoTensor {
        /// The file.
        path: PathBuf,
        /// The tensor.
        tensor: String,
    },
    /// An adapter cannot be merged.
    #[error(transparent)]
    Merge(#[from] MergeError),
}

/// Why an adapter cannot be merged into a GGUF file.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MergeError {
    /// The file is the result of a merge.
    #[error(
        "`{}` already has adapters merged into it ({}); merge all adapters at once into the file that it was made from \
         (SHA-256 {base}), because merging twice rounds twice",
        quote_path(path), few(adapters.iter().map(|hash| quote(hash).into_owned()), ", ")
    )]
    AlreadyMerged {
        /// The file.
        path: PathBuf,
        /// The hashes of the adapters.
        adapters: Vec<String>,
        /// The hash of the file that they were merged into.
        base: String,
    },
    /// The architecture has no such layer.
    #[error(
        "the adapter has a vector for `{}`, which is no layer of the architecture `{}` that has a tensor in a GGUF file{}",
        quote(module), quote(architecture),
        if module.contains("lm_head") { "" } else { "; was the adapter trained on another model?" }
    )]
    NoModule {
        /// The layer.
        module: String,
        /// The architecture of the file.
        architecture: String,
    },
    /// The tensor of a layer is not in the file.
    #[error(
        "the adapter has a vector for `{}`, but the file has no tensor `{}`{}",
        quote(module), quote(tensor),
        if tensor == "output.weight" { ": its head is the embedding, which cannot be scaled alone" } else { "" }
    )]
    NoTensor {
        /// The layer.
        module: String,
        /// The tensor.
        tensor: String,
    },
    /// A vector has another length than the side of the tensor that it scales.
    #[error(
        "the vector of `{}` has {found} values, but tensor `{}` has {expected} {side}; was the adapter trained on another \
         model?",
        quote(module),
        quote(tensor)
    )]
    Length {
        /// The layer.
        module: String,
        /// The tensor.
        tensor: String,
        /// `rows` or `columns`.
        side: &'static str,
        /// The length of the vector.
        found: u64,
        /// The side of the tensor.
        expected: u64,
    },
    /// A vector holds NaN or infinity.
    #[error("the vector of `{}` holds {value} at {at}; values must be finite", quote(module))]
    NotFinite {
        /// The layer.
        module: String,
        /// Where.
        at: usize,
        /// The value.
        value: f32,
    },
    /// The number of rows of a tensor does not fit the numbers of heads.
    #[error("tensor `{}` has {rows} rows, which {heads} heads cannot share", quote(tensor))]
    Heads {
        /// The tensor.
        tensor: String,
        /// Its rows.
        rows: u64,
        /// The number of heads.
        heads: u64,
    },
    /// Inputs that share a scale have different factors.
    #[error(
        "the vector of `{}` scales the inputs of a layer, and tensor `{}` has the type {kind}, in which {block} inputs \
         share a scale; it is not exact to merge it. Train with targets whose outputs are scaled, take a file in F16 or \
         F32, or give `--requantize` where the type is Q8_0, Q4_0, Q4_1, Q5_0 or Q5_1",
        quote(module),
        quote(tensor)
    )]
    InputVector {
        /// The layer.
        module: String,
        /// The tensor.
        tensor: String,
        /// Its type.
        kind: &'static str,
        /// The values of a block.
        block: u64,
    },
    /// A negative factor of a layer behind a ReLU would change the sign of an integer that has no opposite.
    #[error(
        "the vector of `{}` is negative at {column}; tensor `{}` of type {kind} {}, so the sign of that column cannot be \
         changed exactly. Take a file in Q8_0, F16 or F32, or give `--requantize` where the type is Q4_0, Q4_1, Q5_0 or \
         Q5_1",
        quote(module), quote(tensor),
        if *minimum { "has blocks with minima or a table of values" } else { "holds the smallest integer there" }
    )]
    Sign {
        /// The layer.
        module: String,
        /// The tensor.
        tensor: String,
        /// Its type.
        kind: &'static str,
        /// The column.
        column: u64,
        /// Whether the format as such has no opposites.
        minimum: bool,
    },
    /// A product leaves the range of its type.
    #[error(
        "row {row} of tensor `{}` of type {kind} holds the number {number}, and {number} times the factor {factor} is \
         {product}, which the type cannot hold",
        quote(tensor)
    )]
    Range {
        /// The tensor.
        tensor: String,
        /// Its type.
        kind: &'static str,
        /// The row.
        row: u64,
        /// The number in the file.
        number: f64,
        /// The factor.
        factor: f32,
        /// The product.
        product: f64,
    },
}
