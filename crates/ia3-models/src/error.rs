/// What can be wrong with a model's configuration or with what is asked of it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ModelError {
    /// `config.json` is not what the architecture needs.
    #[error("config.json is not a configuration of {model_type}: {at}{source}")]
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
        /// The architectures there are.
        known: &'static [&'static str],
    },
    /// `config.json` is of an architecture that is not implemented.
    #[error("no model of type `{found}` here; known are {}", known.join(", "))]
    UnknownModelType {
        /// The `model_type` found.
        found: String,
        /// The architectures there are.
        known: &'static [&'static str],
    },
    /// A field of `config.json` holds a value that the model cannot have.
    #[error("`{field}` is {found} in config.json, expected {expected}")]
    Field {
        /// Name of the field.
        field: &'static str,
        /// What it holds.
        found: String,
        /// What it could hold.
        expected: &'static str,
    },
    /// A setting of a generation that is impossible.
    #[error("`{field}` is {found}, expected {expected}")]
    Generation {
        /// Name of the setting.
        field: &'static str,
        /// What it is.
        found: String,
        /// What it could be.
        expected: &'static str,
    },
    /// The model has no decoder, or no head for what is asked of it.
    #[error("a `{model_type}` model {problem}")]
    Unsupported {
        /// Its `model_type`.
        model_type: String,
        /// What it cannot do.
        problem: &'static str,
    },
    /// An input that the model needs, or cannot use.
    #[error("`{name}` {problem}")]
    Input {
        /// Name of the input, e.g. `decoder_input_ids`.
        name: &'static str,
        /// What is wrong with it.
        problem: String,
    },
}
