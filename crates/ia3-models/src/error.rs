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
        /// The field that is wrong and a colon, or nothing if no single field is wrong.
        at: String,
        /// The reason, with line and column if the text is not JSON.
        source: serde_json::Error,
    },
    /// `config.json` has no `model_type`.
    #[error("config.json has no `model_type`, expected one of {}", known.join(", "))]
    NoModelType {
        /// The supported values of `model_type`.
        known: &'static [&'static str],
    },
    /// `config.json` is of an architecture that is not implemented.
    #[error(
        "models of type `{found}` are not supported, expected one of {}",
        known.join(", "),
        found = quote(found)
    )]
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
    /// A setting of generation has a value that is not possible.
    #[error("`{field}` is {found}, expected {expected}", found = quote(found))]
    Generation {
        /// Name of the setting.
        field: &'static str,
        /// The value of the setting.
        found: String,
        /// The values that the setting may have.
        expected: &'static str,
    },
    /// The model does not support the operation, because it has no decoder or no such head.
    #[error("a `{model_type}` model {problem}", model_type = quote(model_type))]
    Unsupported {
        /// The `model_type` of the model.
        model_type: String,
        /// The reason, as the end of a sentence about the model.
        problem: &'static str,
    },
    /// Rows of different lengths need padding, but the padding token is not in the vocabulary.
    #[error(
        "`pad_token_id` is {found}, outside the vocabulary of {vocab_size}, but rows of different lengths need padding; \
         correct it in config.json, or give one row at a time"
    )]
    PaddingToken {
        /// The id of the padding token.
        found: i64,
        /// The number of ids of the model.
        vocab_size: usize,
    },
    /// An input is missing or does not fit the model.
    #[error("`{name}` {problem}", problem = quote_error(problem))]
    Input {
        /// The name of the input, such as `decoder_input_ids`.
        name: &'static str,
        /// The problem with the input.
        problem: String,
    },
}
