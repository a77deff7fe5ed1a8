mod template;

use ia3_gguf::GgufError;
use ia3_guard::{FileKind, few, quote, quote_error, quote_path};
use std::path::PathBuf;

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
    /// A row is longer than any good one.
    #[error("the row has more than {} MiB, the limit for one row; split it", limit >> 20)]
    RowTooLong {
        /// The limit, in bytes.
        limit: usize,
    },
    /// A line is not UTF-8.
    #[error("byte {byte} is not UTF-8")]
    Utf8 {
        /// The first bad byte of the line, from 1.
        byte: usize,
    },
    /// A table cannot be read.
    #[error("{reason}", reason = quote_error(reason))]
    Table {
        /// The message of the parser.
        reason: String,
    },
    /// A Parquet file cannot be read.
    #[error("cannot read the Parquet file {}: {reason}", quote_path(path), reason = quote_error(reason))]
    Parquet {
        /// The file.
        path: PathBuf,
        /// The message of the reader.
        reason: String,
    },
    /// A row of a table has another number of fields than its first line.
    #[error("the row has {found} field{}, but the first line names {expected}", if *found == 1 { "" } else { "s" })]
    Columns {
        /// Number of fields of the row.
        found: usize,
        /// Number of fields that the first line names.
        expected: usize,
    },
    /// A line is not JSON.
    #[error("{reason} at column {column}", reason = quote_error(reason))]
    Json {
        /// The message of the parser.
        reason: String,
        /// The column, from 1.
        column: usize,
    },
    /// A line is JSON, but not an object.
    #[error("expected an object of named fields, found {found}", found = quote(found))]
    NotAnObject {
        /// What the line is.
        found: String,
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
    /// A conversation has a message that is none.
    #[error("field `{field}`{}: {problem}", if *message > 0 { format!(", message {message}") } else { String::new() }, field = quote(field))]
    Message {
        /// The field of the conversation.
        field: String,
        /// The number of the message from 1, or 0 for the whole.
        message: usize,
        /// What is wrong.
        problem: &'static str,
    },
    /// A conversation is to be learned by a model that is not a decoder.
    #[error(
        "rows of messages are for decoder-only models; give rows with `input` and `target`, or a template"
    )]
    ChatForModel,
    /// The base has no chat template.
    #[error(
        "the row is a conversation, but the base has no chat template (`chat_template.jinja`, or `chat_template` in \
         tokenizer_config.json); add the one of the model, or give a template for the fields of the row"
    )]
    NoChatTemplate,
    /// A turn cannot be found in the rendered conversation.
    #[error(
        "message {message}: the chat template renders it in another way than the generation of it, or than the whole \
         conversation; give a chat_template.jinja with `{{% generation %}}` around what the model says"
    )]
    TurnsDiffer {
        /// The number of the message, from 1.
        message: usize,
    },
    /// A conversation has nothing to learn.
    #[error(
        "the assistant says nothing within the first {max} tokens of the conversation; raise the limit of tokens, or leave the row out"
    )]
    NothingSaid {
        /// The limit.
        max: usize,
    },
    /// A message has a character that marks turns.
    #[error("a message has the character U+{:04X}, which is used to mark what the model says; remove it", u32::from(*mark))]
    Mark {
        /// The character.
        mark: char,
    },
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
    /// The share of tokens that are hidden is no share.
    #[error("the share of tokens that the mask hides is {found}, expected a number between 0 and 1")]
    MaskShare {
        /// The share.
        found: f64,
    },
    /// A tokenizer has no mask token.
    #[error(
        "the tokenizer has neither `[MASK]` nor `<mask>`; name its mask token, or take the base of a masked language model"
    )]
    NoMaskToken,
    /// A text with mask tokens has another length than what they hide.
    #[error(
        "the text has {input} tokens and the target {target}; write one mask token for each token that is hidden"
    )]
    MaskedLength {
        /// The number of tokens of the text.
        input: usize,
        /// The number of tokens of the target.
        target: usize,
    },
    /// A text and its target are the same.
    #[error(
        "the text and the target have the same tokens; write mask tokens in the place of those that are to be predicted, or leave the target out"
    )]
    NothingMasked,
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
