use std::path::PathBuf;

/// What can be wrong with data, templates or a tokenizer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DataError {
    /// A file cannot be read, or is damaged as a gzip file.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A file has no row.
    #[error("{} holds no row; expected one JSON object a line", path.display())]
    NoRows {
        /// The file.
        path: PathBuf,
    },
    /// Something is wrong with one line.
    #[error("{}, line {line}: {source}", path.display())]
    Line {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// What.
        source: Box<DataError>,
    },
    /// A line is not UTF-8.
    #[error("byte {byte} is not UTF-8")]
    Utf8 {
        /// The first bad byte of the line, from 1.
        byte: usize,
    },
    /// A line is no JSON.
    #[error("{reason} at column {column}")]
    Json {
        /// What the parser found.
        reason: String,
        /// Where, from 1.
        column: usize,
    },
    /// A line is JSON of another kind.
    #[error("expected an object of named fields, found {found}")]
    NotAnObject {
        /// What it is.
        found: String,
    },
    /// A field is not there.
    #[error("there is no field `{field}`; there are {}", list(known))]
    NoField {
        /// The field.
        field: String,
        /// Those that the row has.
        known: Vec<String>,
    },
    /// A row has none of the fields that could be its answer.
    #[error("expected `target`, `label`, or `choices` and `answer`; there are {}", list(known))]
    NoAnswerField {
        /// The fields that the row has.
        known: Vec<String>,
    },
    /// A field is of another type.
    #[error("field `{field}` is {found}, expected {expected}")]
    FieldType {
        /// The field.
        field: String,
        /// What it is.
        found: String,
        /// What it could be.
        expected: &'static str,
    },
    /// An answer counts beyond the choices.
    #[error("the answer is {answer}, but there are {choices} choices, which count from 0")]
    AnswerOutOfRange {
        /// The answer.
        answer: i64,
        /// How many choices there are.
        choices: usize,
    },
    /// A label is none of the names.
    #[error("label `{label}` is none of {}", list(names))]
    UnknownLabel {
        /// The label.
        label: String,
        /// The names of the labels.
        names: Vec<String>,
    },
    /// A label has a name, but no names are known.
    #[error("label `{label}` is a name; say what the names are, in the order of their numbers")]
    NoLabelNames {
        /// The label.
        label: String,
    },
    /// Labels without texts on a model that writes texts.
    #[error(
        "the row has the label {label}, and the model writes texts; give the labels names, or use a template"
    )]
    LabelForText {
        /// The label.
        label: usize,
    },
    /// A text that must not be empty is.
    #[error("{what} is empty")]
    Empty {
        /// Which text.
        what: &'static str,
    },
    /// A template is no valid Jinja.
    #[error("template `{template}` is not valid: {reason}")]
    TemplateSyntax {
        /// Its name.
        template: String,
        /// What the parser found.
        reason: String,
    },
    /// A template uses fields that the row has not.
    #[error("template `{template}` uses {}, which the row has not; it has {}", list(fields), list(known))]
    TemplateField {
        /// Its name.
        template: String,
        /// The fields.
        fields: Vec<String>,
        /// Those that the row has.
        known: Vec<String>,
    },
    /// A template fails on a row.
    #[error("template `{template}` fails: {reason}")]
    TemplateRender {
        /// Its name.
        template: String,
        /// Why.
        reason: String,
    },
    /// A rendered template has not two parts.
    #[error(
        "template `{template}` gives {parts} parts; expected an input and a target with `|||` between them"
    )]
    TemplateParts {
        /// Its name.
        template: String,
        /// How many there are.
        parts: usize,
    },
    /// A rendered target is none of the answer choices.
    #[error(
        "template `{template}` gives the target `{target}`, which is none of its choices {}",
        list(choices)
    )]
    TemplateAnswer {
        /// Its name.
        template: String,
        /// The target.
        target: String,
        /// The choices.
        choices: Vec<String>,
    },
    /// A file is no collection of templates.
    #[error("{} is no templates.yaml of promptsource: {reason}", path.display())]
    Yaml {
        /// The file.
        path: PathBuf,
        /// What the parser found.
        reason: String,
    },
    /// No template has the name.
    #[error("there is no template `{name}`; there are {}", list(known))]
    NoTemplate {
        /// The name.
        name: String,
        /// Those that there are.
        known: Vec<String>,
    },
    /// Two templates have the name.
    #[error("{count} templates are called `{name}`; choose all, or give them names of their own")]
    TemplateTwice {
        /// The name.
        name: String,
        /// How many have it.
        count: usize,
    },
    /// No template is marked as doing the original task.
    #[error(
        "no template is marked `original_task`; choose templates by name, or all of them: {}",
        list(known)
    )]
    NoOriginalTask {
        /// Those that there are.
        known: Vec<String>,
    },
    /// A tokenizer cannot be read or fails.
    #[error("{place}: {reason}")]
    Tokenizer {
        /// The file, or what it was doing.
        place: String,
        /// Why.
        reason: String,
    },
    /// A limit leaves no room for the text.
    #[error("{max} tokens leave no room for text: the tokenizer adds {added} of its own")]
    NoRoom {
        /// The limit.
        max: usize,
        /// Special tokens.
        added: usize,
    },
}

impl DataError {
    /// The same, with where it is.
    pub(crate) fn at(self, path: &std::path::Path, line: usize) -> Self {
        Self::Line { path: path.into(), line, source: Box::new(self) }
    }
}

fn list(names: &[String]) -> String {
    match names {
        [] => "none".into(),
        names => names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", "),
    }
}
