use std::path::PathBuf;

/// How lines become examples.
#[derive(Clone, clap::Args)]
pub(crate) struct DataArgs {
    /// Field of the input; `input` or `text`.
    #[arg(long, value_name = "NAME")]
    pub(crate) input_field: Option<String>,
    /// Field of the target; `target`.
    #[arg(long, value_name = "NAME", conflicts_with_all = ["label_field", "choices_field"])]
    pub(crate) target_field: Option<String>,
    /// Field of the label, or with choices of the right one: a number from 0, or a name; `label`, `answer`.
    #[arg(long, value_name = "NAME")]
    pub(crate) label_field: Option<String>,
    /// Field of a list of texts, one of which is right; `choices`.
    #[arg(long, value_name = "NAME")]
    pub(crate) choices_field: Option<String>,
    /// Names of the labels in the order of their numbers; the choices of a language model.
    #[arg(long, value_name = "NAME,…", value_delimiter = ',')]
    pub(crate) label_names: Vec<String>,
    /// A Jinja template `input ||| target` instead of fields.
    #[arg(long, value_name = "JINJA", conflicts_with_all = FIELDS)]
    pub(crate) template: Option<String>,
    /// Jinja of the template's answer choices, `choice ||| choice`.
    #[arg(long, value_name = "JINJA", requires = "template")]
    pub(crate) answer_choices: Option<String>,
    /// promptsource's templates.yaml: training draws one of its templates each time, evaluation takes each in turn.
    #[arg(long, value_name = "FILE", conflicts_with = "template", conflicts_with_all = FIELDS)]
    pub(crate) templates: Option<PathBuf>,
    /// A template by name (repeat), `all`, or `original` for those that do the original task; `original`.
    #[arg(long = "template-name", value_name = "NAME", requires = "templates")]
    pub(crate) template_names: Vec<String>,
    /// Tokens of an input at most.
    #[arg(long, value_name = "N", default_value_t = 256)]
    pub(crate) max_input_tokens: usize,
    /// Tokens of a target at most.
    #[arg(long, value_name = "N", default_value_t = 256)]
    pub(crate) max_target_tokens: usize,
}

const FIELDS: [&str; 4] = ["input_field", "target_field", "label_field", "choices_field"];
