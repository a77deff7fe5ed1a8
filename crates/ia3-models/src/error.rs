use ia3_guard::{quote, quote_error};
/// An error in the configuration of a model or in its inputs.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ModelError {
    /// `config.json` is not what the architecture needs.
    #[error(
        "config.json is not a configuration of {model_type}: {at}{source}",
        model_type = quote(model_type),
        at = quote(at),
        source = quote_error(source)
    )]
    Json {
        /// The `model_type` that was being read.
        model_type: String,
        /// The field and a colon, where one field is to blame.
        at: String,
        /// The reason; line and column where the text is not JSON.
        source: serde_json::Error,
    },
    /// `config.json` has no `model_type`.
    #[error("config.json names no `model_type`; known are {}", known.join(", "))]
    NoModelType {
        /// The supported values of `model_type`.
        known: &'static [&'static str],
    },
    /// `config.json` is of an architecture that is not implemented.
    #[error("no model of type `{found}` here; known are {}", known.join(", "), found = quote(found))]
    UnknownModelType {
        /// The `model_type` found.
        found: String,
        /// The supported values of `model_type`.
        known: &'static [&'static str],
    },
    /// A field of `config.json` holds a value that the model cannot have.
    #[error("`{field}` is {found} in config.json, expected {expected}", found = quote(found))]
    Field {
        /// Name of the field.
        field: &'static str,
        /// The value of the field.
        found: String,
        /// The values that the field may have.
        expected: &'static str,
    },
    /// A setting of generation is impossible.
    #[error("`{field}` is {found}, expected {expected}", found = quote(found))]
    Generation {
        /// Name of the setting.
        field: &'static str,
        /// The value of the setting.
        found: String,
        /// The values that the setting may have.
        expected: &'static str,
    },
    /// The model cannot do what is asked of it, because it has no decoder or no such head.
    #[error("a `{model_type}` model {problem}", model_type = quote(model_type))]
    Unsupported {
        /// Its `model_type`.
        model_type: String,
        /// What it cannot do.
        problem: &'static str,
    },
    /// Rows of different lengths need padding, but the padding token is none of the vocabulary.
    #[error(
        "`pad_token_id` is {found}, outside the vocabulary of {vocab_size}, but rows of different lengths need padding; \
         correct it in config.json, or give one row at a time"
    )]
    PaddingToken {
        /// The id.
        found: i64,
        /// Number of ids of the model.
        vocab_size: usize,
    },
    /// An input is missing or does not fit the model.
    #[error("`{name}` {problem}", problem = quote_error(problem))]
    Input {
        /// Name of the input, e.g. `decoder_input_ids`.
        name: &'static str,
        /// The problem with the input.
        problem: String,
    },
}
