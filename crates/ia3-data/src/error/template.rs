use ia3_guard::{quote, quote_error, quote_path};
use std::path::PathBuf;

use super::list;

/// What can be wrong with prompt templates.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TemplateError {
    /// A template is not valid Jinja.
    #[error(
        "template `{template}` is not valid: {reason}",
        template = quote(template),
        reason = quote_error(reason)
    )]
    Syntax {
        /// Name of the template.
        template: String,
        /// The message of the parser.
        reason: String,
    },
    /// A template uses fields that the row does not have.
    #[error(
        "template `{template}` uses {}, which the row does not have; it has {}",
        list(fields),
        list(known),
        template = quote(template)
    )]
    MissingField {
        /// Name of the template.
        template: String,
        /// The missing fields.
        fields: Vec<String>,
        /// The fields of the row.
        known: Vec<String>,
    },
    /// A template cannot be rendered for a row.
    #[error(
        "template `{template}` fails: {reason}",
        template = quote(template),
        reason = quote_error(reason)
    )]
    Render {
        /// Name of the template.
        template: String,
        /// The message of the renderer.
        reason: String,
    },
    /// A template is longer than any good one.
    #[error(
        "template `{template}` has {bytes} bytes, more than the limit of {limit}",
        template = quote(template)
    )]
    TooLong {
        /// Name of the template.
        template: String,
        /// Its size.
        bytes: usize,
        /// The limit.
        limit: usize,
    },
    /// A template does not end, or writes too much.
    #[error(
        "template `{template}` takes more than {limit} steps for the row, the limit (a step is an instruction, or 64 \
         bytes of text); does it repeat itself?",
        template = quote(template)
    )]
    TooMuchWork {
        /// Name of the template.
        template: String,
        /// The limit.
        limit: u64,
    },
    /// A rendered template does not have two parts.
    #[error(
        "template `{template}` gives {parts} parts; expected an input and a target with `|||` between them",
        template = quote(template)
    )]
    Parts {
        /// Name of the template.
        template: String,
        /// Number of parts.
        parts: usize,
    },
    /// A rendered target is none of the answer choices.
    #[error(
        "template `{template}` gives the target `{target}`, which is none of its choices {}",
        list(choices),
        template = quote(template),
        target = quote(target)
    )]
    Answer {
        /// Name of the template.
        template: String,
        /// The target.
        target: String,
        /// The choices.
        choices: Vec<String>,
    },
    /// A file is not a collection of templates.
    #[error(
        "{} is not a templates.yaml of promptsource: {reason}",
        quote_path(path),
        reason = quote_error(reason)
    )]
    Yaml {
        /// The file.
        path: PathBuf,
        /// The message of the parser.
        reason: String,
    },
    /// No template has the name.
    #[error("there is no template `{name}`; there are {}", list(known), name = quote(name))]
    UnknownName {
        /// The name.
        name: String,
        /// The names of the templates.
        known: Vec<String>,
    },
    /// Several templates have the name.
    #[error(
        "{count} templates have the name `{name}`; choose all templates, or rename these",
        name = quote(name)
    )]
    AmbiguousName {
        /// The name.
        name: String,
        /// Number of templates with this name.
        count: usize,
    },
    /// No template is marked as one of the original task.
    #[error(
        "no template is marked `original_task`; choose templates by name, or all of them: {}",
        list(known)
    )]
    NoOriginalTask {
        /// The names of the templates.
        known: Vec<String>,
    },
}
