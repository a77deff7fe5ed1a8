use std::io;
use std::path::{Path, PathBuf};

use ia3_config::{ConfigError, Placement};
use ia3_core::AdapterError;
use safetensors::Dtype;

use crate::error_parts::*;
use crate::foreign::Foreign;
use crate::formats::AdapterFormat;
use crate::text::count;
use crate::torch::{PickleProblem, TorchProblem};

/// What can go wrong with the files of adapters and models.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum IoError {
    /// There is no such file or folder.
    #[error("no such file or folder: `{}`; check the path", path.display())]
    NotFound {
        /// The path.
        path: PathBuf,
    },
    /// The operating system refused to read or write.
    #[error("cannot {action} `{}`: {source}", path.display())]
    Io {
        /// What was tried, a verb.
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// A file was expected at the path.
    #[error("`{}` is not a file; check the path", path.display())]
    NotAFile {
        /// The path.
        path: PathBuf,
    },
    /// A tensor does not fit into memory.
    #[error("the tensor `{tensor}` of `{}` does not fit into memory: {} values", path.display(), len)]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// The tensor.
        tensor: String,
        /// The number of its values.
        len: usize,
    },
    /// A folder was expected at the path.
    #[error("`{}` is a file; give a folder to write into", path.display())]
    NotAFolder {
        /// The path.
        path: PathBuf,
    },
    /// A file is something else than its name says.
    #[error("`{}` {kind}; {}", path.display(), kind.advice())]
    Foreign {
        /// The file.
        path: PathBuf,
        /// What it is.
        kind: Foreign,
    },
    /// A text file is not UTF-8.
    #[error("`{}` is not text: byte {at} is no valid UTF-8; download or copy it again", path.display())]
    NotText {
        /// The file.
        path: PathBuf,
        /// The first byte that does not fit.
        at: usize,
    },
    /// A folder holds no adapter.
    #[error(
        "`{}` holds no adapter: `{missing}` is missing, found {}; an adapter is a folder with \
         adapter_config.json and adapter_model.safetensors{}",
        dir.display(), found_names(found), adapter_advice(found, named)
    )]
    NoAdapter {
        /// The folder.
        dir: PathBuf,
        /// The file that is missing.
        missing: String,
        /// What the folder holds.
        found: Vec<String>,
        /// Sub-folders that hold an adapter.
        named: Vec<String>,
    },
    /// A folder holds no weights that can be read.
    #[error(
        "`{}` holds no model.safetensors and no model.safetensors.index.json, found {}{}",
        dir.display(), found_names(found), checkpoint_advice(found)
    )]
    NoCheckpoint {
        /// The folder.
        dir: PathBuf,
        /// What the folder holds.
        found: Vec<String>,
    },
    /// The length of a safetensors header is beyond the format's limit.
    #[error(
        "the header of `{}` claims {length} bytes, more than the {limit} the format allows; is it a safetensors file?",
        path.display()
    )]
    HeaderLength {
        /// The file.
        path: PathBuf,
        /// The length it claims.
        length: u64,
        /// The format's limit.
        limit: u64,
    },
    /// A file is shorter or longer than its header says.
    #[error(
        "`{}` has {found} bytes, expected {expected} by its header; it is {}, download or copy it again",
        path.display(), if found < expected { "truncated" } else { "longer than it should be" }
    )]
    FileLength {
        /// The file.
        path: PathBuf,
        /// Bytes by the header.
        expected: u64,
        /// Bytes of the file.
        found: u64,
    },
    /// The header of a safetensors file is not what the format asks for.
    #[error(
        "the header of `{}` is not a safetensors header{}: {source}; download or copy the file again",
        path.display(), tensor.as_ref().map(|t| format!(" at `{t}`")).unwrap_or_default()
    )]
    Header {
        /// The file.
        path: PathBuf,
        /// The entry that cannot be read.
        tensor: Option<String>,
        /// What is wrong there.
        #[source]
        source: serde_json::Error,
    },
    /// The bytes of a tensor do not begin where the last ones end.
    #[error(
        "the tensor `{tensor}` of `{}` lies at bytes {}..{}, expected it to begin at {expected}; the file is damaged",
        path.display(), found.0, found.1
    )]
    TensorOffsets {
        /// The file.
        path: PathBuf,
        /// The tensor.
        tensor: String,
        /// Where the bytes before it end.
        expected: usize,
        /// First and last byte by the header.
        found: (usize, usize),
    },
    /// A tensor has more or fewer bytes than its shape needs.
    #[error(
        "the tensor `{tensor}` of `{}` has {found} bytes, but {dtype} {shape:?} needs {}; the file is damaged",
        path.display(), expected.map_or_else(|| "a number that no file has".to_string(), |n| n.to_string())
    )]
    TensorBytes {
        /// The file.
        path: PathBuf,
        /// The tensor.
        tensor: String,
        /// Its dtype.
        dtype: Dtype,
        /// Its shape.
        shape: Vec<usize>,
        /// The bytes this needs; `None` for a number that overflows or that is no number of whole bytes.
        expected: Option<usize>,
        /// The bytes it has.
        found: usize,
    },
    /// A tensor has a dtype that floats are not read from.
    #[error("the tensor `{tensor}` of `{}` is {found}, expected F32, F16, BF16 or F64", path.display())]
    TensorDtype {
        /// The file.
        path: PathBuf,
        /// The tensor.
        tensor: String,
        /// Its dtype.
        found: Dtype,
    },
    /// There is no tensor of that name.
    #[error("`{}` has no tensor `{}`{}", path.display(), tensor.name, closest(&tensor.nearest))]
    NoTensor {
        /// The file or folder.
        path: PathBuf,
        /// The name asked for.
        tensor: Missing,
    },
    /// `adapter_config.json` is no (IA)³ configuration.
    #[error("`{}`: {source}", path.display())]
    Config {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        #[source]
        source: ConfigError,
    },
    /// The configuration of an adapter does not fit the base.
    #[error("the adapter `{}` does not fit the base: {source}; was it trained on another base?", path.display())]
    Plan {
        /// The file of the adapter.
        path: PathBuf,
        /// What does not fit.
        #[source]
        source: ConfigError,
    },
    /// A key of an adapter file has another form than PEFT's.
    #[error(
        "the key `{key}` of `{}` has another form than PEFT's, expected `base_model.model.<module path>.ia3_l`, \
         or `base_model.model.<parameter path>` for a parameter saved whole",
        path.display()
    )]
    Key {
        /// The file.
        path: PathBuf,
        /// The key.
        key: String,
    },
    /// Two keys of an adapter file name the same vector.
    #[error("`{}` holds two vectors of `{module}`, the second under `{key}`; save each adapter in a folder of its own", path.display())]
    DuplicateVector {
        /// The file.
        path: PathBuf,
        /// The module.
        module: String,
        /// The second key.
        key: String,
    },
    /// The tensor under a vector's key has no shape of a vector.
    #[error(
        "the vector `{key}` of `{}` has shape {found:?}, expected [n, 1] on an output or [1, n] on an input{}",
        path.display(), if found.len() == 1 { "; it is flattened, reshape it" } else { "" }
    )]
    VectorForm {
        /// The file.
        path: PathBuf,
        /// The key.
        key: String,
        /// Its shape.
        found: Vec<usize>,
    },
    /// A vector has another shape than its layer in the base needs.
    #[error(
        "the vector of `{module}` in `{}` has shape {found:?}, expected {expected:?} on the {placement} of that layer; {}",
        path.display(), shape_advice(expected, found)
    )]
    VectorShape {
        /// The file.
        path: PathBuf,
        /// The module.
        module: String,
        /// What the configuration says the vector multiplies.
        placement: Placement,
        /// The shape for the layer.
        expected: Vec<usize>,
        /// The shape in the file.
        found: Vec<usize>,
    },
    /// The vectors of an adapter are not those its configuration asks for on the base.
    #[error(
        "the adapter `{}` does not fit the base: {}; was it trained on another base?",
        path.display(), absences(&[(missing, "layer", "without a vector"), (unexpected, "tensor", "not asked for")])
    )]
    AdapterMismatch {
        /// The file of the adapter.
        path: PathBuf,
        /// Layers that should have a vector, and modules that should be saved whole.
        missing: Vec<Missing>,
        /// Vectors without a layer, and parameters that the base does not have.
        unexpected: Vec<Missing>,
    },
    /// A parameter saved whole has another shape than in the base.
    #[error(
        "the parameter `{parameter}` in `{}` has shape {found:?}, expected {expected:?}; was the adapter trained on \
         another base?",
        path.display()
    )]
    SavedShape {
        /// The file of the adapter.
        path: PathBuf,
        /// The parameter, as Hugging Face names it.
        parameter: String,
        /// The shape in the base, as Hugging Face stores it.
        expected: Vec<usize>,
        /// The shape in the file.
        found: Vec<usize>,
    },
    /// How a parameter saved whole lies in a Hugging Face file depends on its layer, which is not known.
    #[error(
        "cannot tell how Hugging Face stores `{parameter}`: its layer is not known; pass the model's facts in \
         `AdapterOptions::base`"
    )]
    UnknownLayout {
        /// The parameter.
        parameter: String,
    },
    /// An adapter name that PEFT does not allow, or that is no name of a folder.
    #[error(
        "`{name}` is no name for an adapter: expected a name that is not empty, not `__base__`, and has no `.`, `/` or `\\`"
    )]
    AdapterName {
        /// The name.
        name: String,
    },
    /// Two adapters that are to be saved have one name.
    #[error("two adapters are named `{name}`; give each a name of its own")]
    DuplicateAdapter {
        /// The name.
        name: String,
    },
    /// A checkpoint does not have the tensors of the model.
    #[error("`{}` does not fit the model: {}; is it of this architecture and size?", path.display(), checkpoint_problems(missing, mis_shaped, bad_dtype))]
    Checkpoint {
        /// The checkpoint.
        path: PathBuf,
        /// Parameters without a tensor.
        missing: Vec<Missing>,
        /// Tensors of another shape.
        mis_shaped: Vec<MisShaped>,
        /// Tensors of a dtype that floats are not read from.
        bad_dtype: Vec<BadDtype>,
    },
    /// A dtype that weights are not loaded as.
    #[error("cannot load weights as {found}, expected F32, F16 or BF16 in `LoadOptions::dtype`")]
    LoadDtype {
        /// The dtype asked for.
        found: String,
    },
    /// The device has no tensors of that dtype.
    #[error(
        "`{tensor}` is {dtype}, which the device {device} does not have; cast it with `LoadOptions::dtype`"
    )]
    DeviceDtype {
        /// The first such tensor.
        tensor: String,
        /// Its dtype.
        dtype: String,
        /// The device.
        device: String,
    },
    /// The index of a sharded checkpoint is not what Hugging Face writes.
    #[error("`{}` is no index of shards: {source}", path.display())]
    Index {
        /// The index.
        path: PathBuf,
        /// What is wrong.
        #[source]
        source: serde_json::Error,
    },
    /// An index names a shard outside of its folder.
    #[error("`{}` names the shard {shard:?}, expected the name of a file in the same folder", path.display())]
    ShardPath {
        /// The index.
        path: PathBuf,
        /// The shard.
        shard: String,
    },
    /// A shard is missing.
    #[error("`{}` names {}, not there; download the rest of the checkpoint", path.display(), first_few_quoted(shards))]
    MissingShards {
        /// The index.
        path: PathBuf,
        /// The shards.
        shards: Vec<String>,
    },
    /// A shard and the index disagree about what the shard holds.
    #[error("`{}` and its shard `{shard}` disagree: {}; download the checkpoint again", path.display(), shard_problems(lacking, unlisted))]
    ShardContents {
        /// The index.
        path: PathBuf,
        /// The shard.
        shard: String,
        /// Tensors the shard lacks.
        lacking: Vec<String>,
        /// Tensors of the shard that the index does not place there.
        unlisted: Vec<String>,
    },
    /// The model carries adapter vectors, which a checkpoint cannot hold.
    #[error("`{parameter}` carries adapter vectors, which a checkpoint cannot hold; merge the adapter first")]
    Attached {
        /// The parameter.
        parameter: String,
    },
    /// A parameter has a dtype that safetensors cannot hold.
    #[error("`{parameter}` is {dtype}, which a safetensors file cannot hold; dequantise or cast it first")]
    ParameterDtype {
        /// The parameter.
        parameter: String,
        /// Its dtype.
        dtype: String,
    },
    /// The folder already holds weights.
    #[error("`{}` exists already; write into another folder, or set `CheckpointOptions::overwrite`", path.display())]
    Exists {
        /// The file in the way.
        path: PathBuf,
    },
    /// The folder to write into is that of the base.
    #[error("`{}` is the folder of the base, which would be destroyed; write into another folder", dir.display())]
    SameFolder {
        /// The folder.
        dir: PathBuf,
    },
    /// A file is no PyTorch file.
    #[error("`{}` is no PyTorch file, expected a zip archive that `torch.save` wrote", path.display())]
    NotTorch {
        /// The file.
        path: PathBuf,
    },
    /// A PyTorch file is older than the zip archives of version 1.6.
    #[error(
        "`{}` is a bare pickle, as PyTorch wrote them before 1.6; load it in Python and save it again with `torch.save`",
        path.display()
    )]
    OldTorch {
        /// The file.
        path: PathBuf,
    },
    /// The zip archive of a PyTorch file cannot be read.
    #[error("the zip archive `{}` cannot be read: {source}; download or copy it again", path.display())]
    Zip {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        #[source]
        source: zip::result::ZipError,
    },
    /// `config.json` of a model is no object of JSON.
    #[error("`{}` is no configuration of a model: {source}", path.display())]
    ModelConfig {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        #[source]
        source: serde_json::Error,
    },
    /// The weights of a model are quantised in a way that is not read.
    #[error("`quantization_config.{field}` of `{}` is {found}, expected {expected}", path.display())]
    QuantizationConfig {
        /// `config.json`.
        path: PathBuf,
        /// The field.
        field: &'static str,
        /// What it is, in JSON.
        found: String,
        /// What it may be, and what to do.
        expected: &'static str,
    },
    /// A checkpoint holds quantised weights of which its `config.json` does not tell.
    #[error(
        "`{}` holds the quantised weight `{tensor}`, but `quantization_config` in the config.json beside it does not say \
         {}; copy the config.json that was saved with it",
        path.display(), if *other { "so many bits" } else { "so" }
    )]
    Unannounced {
        /// The checkpoint.
        path: PathBuf,
        /// The first such tensor.
        tensor: String,
        /// Whether it tells of other bits.
        other: bool,
    },
    /// The integers or the scales of a quantised weight have another dtype or shape than its layer needs.
    #[error("the tensor `{tensor}` of `{}` is {dtype} {shape:?}, expected {expected}", path.display())]
    QuantizedTensor {
        /// The file.
        path: PathBuf,
        /// The tensor.
        tensor: String,
        /// Its dtype.
        dtype: Dtype,
        /// Its shape.
        shape: Vec<usize>,
        /// Dtype and shape for the layer.
        expected: String,
    },
    /// A quantised weight cannot be used.
    #[error("the tensor `{tensor}` of `{}`: {source}", path.display())]
    QuantizedWeight {
        /// The file.
        path: PathBuf,
        /// The tensor of its integers.
        tensor: String,
        /// What is wrong.
        #[source]
        source: Box<AdapterError>,
    },
    /// A checkpoint to quantise is quantised already.
    #[error("the weights of `{}` are quantised already; quantise the float model", path.display())]
    AlreadyQuantized {
        /// The checkpoint.
        path: PathBuf,
    },
    /// A model to save has weights of 8 bits and weights of 4.
    #[error(
        "`{parameter}` has other bits than the quantised weights before it; quantise all in the same way"
    )]
    MixedBits {
        /// The first parameter that differs.
        parameter: String,
    },
    /// A zip archive is no PyTorch file.
    #[error(
        "the zip archive `{}` holds no data.pkl, so `torch.save` did not write it; found {}",
        path.display(), found_names(found)
    )]
    NoPickle {
        /// The file.
        path: PathBuf,
        /// Its entries.
        found: Vec<String>,
    },
    /// An entry of a PyTorch file is not stored as it is.
    #[error(
        "the entry `{entry}` of `{}` is {found}, expected it stored as it is; save the file with `torch.save`",
        path.display()
    )]
    NotStored {
        /// The file.
        path: PathBuf,
        /// The entry.
        entry: String,
        /// How it is stored.
        found: String,
    },
    /// An entry of a PyTorch file is too long.
    #[error("the entry `{entry}` of `{}` has {found} bytes, expected {limit} at most", path.display())]
    EntryLength {
        /// The file.
        path: PathBuf,
        /// The entry.
        entry: String,
        /// Its bytes.
        found: u64,
        /// The bytes it may have.
        limit: u64,
    },
    /// A PyTorch file was written on a machine of another byte order.
    #[error("`{}` has the byte order {found}, expected little; save it again on a little-endian machine", path.display())]
    ByteOrder {
        /// The file.
        path: PathBuf,
        /// The byte order.
        found: String,
    },
    /// The pickle of a PyTorch file is not one of a dictionary of tensors.
    #[error(
        "the pickle of `{}` {problem} (byte {at}); only dictionaries of tensors are read and nothing is ever run, \
         save one with `torch.save`",
        path.display()
    )]
    Pickle {
        /// The file.
        path: PathBuf,
        /// The byte of the pickle at which reading ended.
        at: usize,
        /// What is wrong there.
        problem: PickleProblem,
    },
    /// A key of a PyTorch file appears twice.
    #[error("`{}` holds the key `{key}` twice; save it again", path.display())]
    DuplicateKey {
        /// The file.
        path: PathBuf,
        /// The key.
        key: String,
    },
    /// A tensor of a PyTorch file cannot be read.
    #[error("the tensor `{tensor}` of `{}` {problem}", path.display())]
    Torch {
        /// The file.
        path: PathBuf,
        /// The tensor.
        tensor: String,
        /// What is wrong with it.
        problem: TorchProblem,
    },
    /// A file holds no vector of the format it should have.
    #[error(
        "`{}` holds no vector of {} (a key that ends in `{suffix}`), found {}",
        path.display(), format.with_article(), found_names(found)
    )]
    NoVectors {
        /// The file.
        path: PathBuf,
        /// The format.
        format: AdapterFormat,
        /// The end of a vector's key.
        suffix: &'static str,
        /// The keys that are there.
        found: Vec<String>,
    },
    /// A tensor of an adapter is no part of an (IA)³ adapter.
    #[error("`{key}` of `{}` is {what}, which an (IA)³ adapter does not have", path.display())]
    NotIa3 {
        /// The file.
        path: PathBuf,
        /// The key.
        key: String,
        /// What it is.
        what: &'static str,
    },
    /// A vector of an adapter has more than one column.
    #[error(
        "the vector `{key}` of `{}` has shape {found:?}, expected [n, 1]: one number for each output",
        path.display()
    )]
    ColumnForm {
        /// The file.
        path: PathBuf,
        /// The key.
        key: String,
        /// Its shape.
        found: Vec<usize>,
    },
    /// The configuration of an AdapterHub adapter cannot be read.
    #[error("`{}` is no configuration of an AdapterHub adapter: {source}", path.display())]
    AdapterHubConfig {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        #[source]
        source: serde_json::Error,
    },
    /// An AdapterHub adapter is not an (IA)³ adapter, or one with additions that PEFT does not have.
    #[error("`{}`: `{field}` is {found}, expected {expected}: not a plain (IA)³ adapter", path.display())]
    AdapterHubField {
        /// The file.
        path: PathBuf,
        /// The field of `config`.
        field: &'static str,
        /// The value of (IA)³.
        expected: &'static str,
        /// The value there.
        found: String,
    },
    /// A folder holds the configuration of an AdapterHub adapter without its weights.
    #[error(
        "`{}` holds no AdapterHub adapter: pytorch_adapter.bin and adapter.safetensors are missing, found {}",
        dir.display(), found_names(found)
    )]
    NoAdapterHub {
        /// The folder.
        dir: PathBuf,
        /// What the folder holds.
        found: Vec<String>,
    },
    /// The configuration of an adapter does not select vectors that its file holds.
    #[error(
        "`{}` holds {} that its configuration does not select ({})",
        path.display(), count(modules.len(), "vector"), first_few_quoted(modules)
    )]
    NotSelected {
        /// The file.
        path: PathBuf,
        /// The modules of the vectors.
        modules: Vec<String>,
    },
    /// No lists of names select exactly the vectors with their placements.
    #[error(
        "no `target_modules` and `feedforward_modules` give `{module}` its vector on the {placement}: its name is the \
         end of another's with a vector on the other side; convert them one by one"
    )]
    NoSelector {
        /// The module.
        module: String,
        /// What its vector multiplies.
        placement: Placement,
    },
    /// A format cannot hold a vector.
    #[error(
        "{} {}, and the adapter has one on the {placement} of `{module}`; PEFT's format holds it",
        format.with_article(), format.holds()
    )]
    Unrepresentable {
        /// The format.
        format: AdapterFormat,
        /// The module.
        module: String,
        /// What its vector multiplies.
        placement: Placement,
    },
    /// A format has no place for parameters saved whole.
    #[error(
        "{} holds vectors only, but the adapter holds {} saved whole ({})",
        format.with_article(), count(parameters.len(), "parameter"), first_few_quoted(parameters)
    )]
    SavedWhole {
        /// The format.
        format: AdapterFormat,
        /// The parameters.
        parameters: Vec<String>,
    },
    /// Whether a feed-forward block is gated cannot be told from names.
    #[error(
        "cannot tell whether `{module}` is in a gated feed-forward block, where its vector can move to `{to}`: nothing \
         in the adapter says so; give the base (its config.json is enough)"
    )]
    GateUnknown {
        /// The module of the vector.
        module: String,
        /// The module it should move to.
        to: String,
    },
    /// A feed-forward block is not gated, so that a vector has no other place.
    #[error(
        "the vector on the {placement} of `{module}` cannot move to `{to}`: the block is not gated, the activation lies \
         between the two and no vector on the other side of it gives the same{}",
        if *placement == Placement::Input { "; such an adapter stays in PEFT's format" } else { "" }
    )]
    NotGated {
        /// The module of the vector.
        module: String,
        /// What the vector multiplies.
        placement: Placement,
        /// Where it should have moved.
        to: String,
    },
    /// A vector cannot move to a module that has a vector on its other side.
    #[error(
        "the vector of `{module}` cannot move to the {wanted} of `{to}`, which has a vector on its {}; a module has one \
         vector at most",
        match wanted { Placement::Input => Placement::Output, Placement::Output => Placement::Input }
    )]
    Occupied {
        /// The module of the vector.
        module: String,
        /// The module it should move to.
        to: String,
        /// The side it should move to.
        wanted: Placement,
    },
    /// Two vectors that should be multiplied, or a vector and its new layer, have different lengths.
    #[error("the vector of `{module}` has {len} numbers, but `{to}` has {expected}; are both of one base?")]
    MoveLength {
        /// The module of the vector.
        module: String,
        /// The length of its vector.
        len: usize,
        /// The module it should move to.
        to: String,
        /// The length there.
        expected: usize,
    },
    /// A place for the feed-forward vectors was asked for, and there are none.
    #[error(
        "the adapter `{}` has no vector on an output of `wi_1` or `up_proj` or an input of `wo` or `down_proj` that could \
         be placed",
        path.display()
    )]
    NothingToPlace {
        /// The adapter.
        path: PathBuf,
    },
    /// Something else than an adapter of that format is in the way.
    #[error(
        "`{}` exists and is no (IA)³ adapter in the form of {}; write to another path",
        path.display(), format.with_article()
    )]
    InTheWay {
        /// What is in the way.
        path: PathBuf,
        /// The format to write.
        format: AdapterFormat,
    },
}

impl IoError {
    pub(crate) fn io(action: &'static str, path: &Path, source: io::Error) -> Self {
        Self::Io { action, path: path.to_owned(), source }
    }
}
