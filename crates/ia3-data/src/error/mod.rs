mod chat;
mod mask;
mod row;
mod template;

use ia3_gguf::GgufError;
use ia3_guard::{FileKind, few, quote, quote_error, quote_path};
use std::path::PathBuf;

pub use chat::ChatError;
pub use mask::MaskError;
pub use row::RowError;
pub use template::TemplateError;

/// What can be wrong with data, prompt templates or a tokenizer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DataError {
    /// A file cannot be read, or its gzip data is damaged.
    #[error("cannot read {}: {source}", quote_path(path))]
    Read {
        /// The file.
        path: PathBuf,
        /// The error of the operating system.
        source: std::io::Error,
    },
    /// A GGUF file is damaged, or holds a tokenizer that is not read.
    #[error(transparent)]
    Gguf(#[from] Box<GgufError>),
    /// A file of sound cannot be read, or is not what the model reads.
    #[error("cannot use the sound in {}: {reason}", quote_path(path), reason = quote_error(reason))]
    Sound {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// `preprocessor_config.json` has a setting that is not possible or not supported.
    #[error("cannot use {}: {reason}", quote_path(path), reason = quote_error(reason))]
    Preprocessor {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// An image cannot be read, or not as the model needs it.
    #[cfg(feature = "images")]
    #[error(transparent)]
    Image(#[from] crate::image::ImageError),
    /// A file has another format.
    #[error("{} {kind}, expected JSON lines; {}", quote_path(path), kind.advice())]
    WrongKind {
        /// The file.
        path: PathBuf,
        /// Its format.
        kind: FileKind,
    },
    /// A file has no rows.
    #[error("{} has no rows; expected one JSON object per line", quote_path(path))]
    NoRows {
        /// The file.
        path: PathBuf,
    },
    /// Something is wrong with one line.
    #[error("{}, line {line}: {source}", quote_path(path))]
    Line {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// The error.
        source: Box<DataError>,
    },
    /// Something is wrong with the text of a row.
    #[error(transparent)]
    Row(#[from] RowError),
    /// A Parquet file cannot be read.
    #[error("cannot read the Parquet file {}: {reason}", quote_path(path), reason = quote_error(reason))]
    Parquet {
        /// The file.
        path: PathBuf,
        /// The message of the reader.
        reason: String,
    },
    /// A row does not have a field.
    #[error("the row has no field `{field}`; it has {}", list(known), field = quote(field))]
    NoField {
        /// Name of the field.
        field: String,
        /// The fields of the row.
        known: Vec<String>,
    },
    /// A row has none of the fields that can be its answer.
    #[error(
        "the row has no answer; expected `target`, `label`, or `choices` with `answer`, and it has {}",
        list(known)
    )]
    NoAnswerField {
        /// The fields of the row.
        known: Vec<String>,
    },
    /// A field has the wrong type.
    #[error("field `{field}` is {found}, expected {expected}", field = quote(field), found = quote(found))]
    FieldType {
        /// Name of the field.
        field: String,
        /// What the field is.
        found: String,
        /// What is possible.
        expected: &'static str,
    },
    /// The number of the right choice is too large.
    #[error("the answer is {answer}, but there are {choices} choices, which count from 0")]
    AnswerOutOfRange {
        /// The number of the right choice.
        answer: i64,
        /// Number of choices.
        choices: usize,
    },
    /// A label is none of the label names.
    #[error("the label `{label}` is none of {}", list(names), label = quote(label))]
    UnknownLabel {
        /// The label.
        label: String,
        /// The names of the labels.
        names: Vec<String>,
    },
    /// A label is a name, but no label names are given.
    #[error(
        "the label `{label}` is a name; give the names of all labels, in the order of their numbers",
        label = quote(label)
    )]
    NoLabelNames {
        /// The label.
        label: String,
    },
    /// A language model needs a text, but the row has the number of a label without a name.
    #[error(
        "the row has the label {label}, but the model is a language model; give the names of the labels, or use a template"
    )]
    LabelForText {
        /// The label.
        label: usize,
    },
    /// Something is wrong with a conversation.
    #[error(transparent)]
    Chat(#[from] ChatError),
    /// The answer of a row is of another kind than the model's.
    #[error("the answer is {found}, but the model needs {expected}")]
    AnswerKind {
        /// What the answer is.
        found: &'static str,
        /// What the model answers.
        expected: &'static str,
    },
    /// A model that reads one text gets two.
    #[error(
        "the input has two texts, which only a model that classifies whole inputs reads; join them with a template, or name no \
         second text"
    )]
    PairForModel,
    /// A row has another number of tags than of words.
    #[error("the row has {tags} tags for {words} words; every word needs one tag")]
    TagCount {
        /// The number of tags.
        tags: usize,
        /// The number of words.
        words: usize,
    },
    /// An answer is not where its row says.
    #[error(
        "the answer `{}` is said to start at character {start} of the context, which has {} there; `answer_start` counts \
         characters from 0",
        quote(text),
        found.as_ref().map_or("no text".to_string(), |found| format!("`{}`", quote(found)))
    )]
    AnswerPlace {
        /// The answer.
        text: String,
        /// Where it should start.
        start: usize,
        /// What is there; `None` beyond the end of the context.
        found: Option<String>,
    },
    /// Something is wrong with hidden tokens.
    #[error(transparent)]
    Mask(#[from] MaskError),
    /// A question leaves no room for its context.
    #[error(
        "there is no room for the context: the token limit is {max}, and the question takes {taken} with the special tokens; \
         raise the limit"
    )]
    NoRoomForContext {
        /// The limit.
        max: usize,
        /// Number of tokens of the question and of special tokens.
        taken: usize,
    },
    /// Windows of a context would not advance.
    #[error(
        "the windows of a long context would overlap by {stride} tokens, but beside the question they hold {room}; take a \
         smaller `doc_stride`, or more tokens per input"
    )]
    Stride {
        /// The number of tokens that two windows share.
        stride: usize,
        /// The number of tokens of the context that a window holds.
        room: usize,
    },
    /// A text is empty.
    #[error("{what} is empty")]
    Empty {
        /// Which text.
        what: &'static str,
    },
    /// Something is wrong with a prompt template.
    #[error(transparent)]
    Template(#[from] TemplateError),
    /// A tokenizer cannot be read, or it fails.
    #[error("{place}: {reason}", place = quote_error(place), reason = quote_error(reason))]
    Tokenizer {
        /// What failed, with the file if there is one.
        place: String,
        /// The message of the tokenizer.
        reason: String,
    },
    /// A tokenizer, or the end of a text, gives an id that the model does not have.
    #[error(
        "the text has the id {id}, outside the vocabulary of {vocab_size}; take the tokenizer of this base"
    )]
    IdOutside {
        /// The id.
        id: i64,
        /// Number of ids of the model.
        vocab_size: usize,
    },
    /// A text is too long to be tokenised whole.
    #[error(
        "the text has {bytes} bytes, more than the limit of {limit} bytes for text that is tokenised whole; shorten it, or give a limit of tokens"
    )]
    TextTooLong {
        /// The size of the text.
        bytes: usize,
        /// The limit.
        limit: usize,
    },
    /// A limit leaves no room for the text.
    #[error(
        "there is no room for text: the token limit is {max}, and special tokens take {added}; raise the limit"
    )]
    NoRoom {
        /// The limit.
        max: usize,
        /// Number of special tokens that the tokenizer adds.
        added: usize,
    },
}

impl DataError {
    /// The same error, with its file and line.
    pub(crate) fn at(self, path: &std::path::Path, line: usize) -> Self {
        Self::Line { path: path.into(), line, source: Box::new(self) }
    }
}

/// Names in backticks, separated by commas.
fn list(names: &[String]) -> String {
    match names {
        [] => "none".into(),
        names => few(names.iter().map(|name| format!("`{}`", quote(name))), ", "),
    }
}
