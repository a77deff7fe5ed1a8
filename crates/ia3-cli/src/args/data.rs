//! How JSON lines become examples.

use std::path::PathBuf;

#[derive(Clone, clap::Args)]
#[command(next_help_heading = "Fields and templates of the data")]
pub(crate) struct DataArgs {
    /// Field of the input [default: input, or text; for classes of words: tokens, a list of words; for spans: context; for images:
    /// image; for speech: audio].
    #[arg(long, value_name = "NAME")]
    pub(crate) input_field: Option<String>,
    /// Field of the second text of an input of two, for a model that classifies it [default: text_pair, or the usual second
    /// field: hypothesis, sentence2, question2, sentence].
    #[arg(long, value_name = "NAME")]
    pub(crate) text_pair_field: Option<String>,
    /// Field of the target text [default: target; for spans: answers, as SQuAD has them; for speech: target, text, sentence or
    /// transcription].
    #[arg(long, value_name = "NAME", conflicts_with_all = ["label_field", "choices_field"])]
    pub(crate) target_field: Option<String>,
    /// Field of the question about a context [default: question].
    #[arg(long, value_name = "NAME")]
    pub(crate) question_field: Option<String>,
    /// Field of the label, or of the correct answer choice: a number from 0, or a name [default: label, or answer; for classes of
    /// words: tags; for several classes per row: labels].
    #[arg(long, value_name = "NAME")]
    pub(crate) label_field: Option<String>,
    /// Field of the list of answer choices, one of which is correct [default: choices].
    #[arg(long, value_name = "NAME")]
    pub(crate) choices_field: Option<String>,
    /// Names of the labels in the order of their numbers. For a language model they are the answer choices.
    #[arg(long, value_name = "NAME,…", value_delimiter = ',')]
    pub(crate) label_names: Vec<String>,
    /// Jinja template `input ||| target`, which replaces the fields.
    #[arg(long, value_name = "JINJA", conflicts_with_all = FIELDS)]
    pub(crate) template: Option<String>,
    /// Jinja template of the answer choices, `choice ||| choice`.
    #[arg(long, value_name = "JINJA", requires = "template")]
    pub(crate) answer_choices: Option<String>,
    /// The templates.yaml of promptsource. Training draws one template each time a row comes up; evaluation takes every
    /// template in turn.
    #[arg(long, value_name = "FILE", conflicts_with = "template", conflicts_with_all = FIELDS)]
    pub(crate) templates: Option<PathBuf>,
    /// Name of a template to use (repeatable), `all`, or `original` for the templates of the original task
    /// [default: original].
    #[arg(long = "template-name", value_name = "NAME", requires = "templates")]
    pub(crate) template_names: Vec<String>,
    /// Largest number of tokens of an input; longer inputs are truncated. A context that is longer is read in several windows.
    #[arg(long, value_name = "N", default_value_t = 256)]
    pub(crate) max_input_tokens: usize,
    /// Largest number of tokens of a target; longer targets are truncated.
    #[arg(long, value_name = "N", default_value_t = 256)]
    pub(crate) max_target_tokens: usize,
    /// Share of the tokens that are hidden at random from a masked language model, where the rows have no target.
    #[arg(long, value_name = "SHARE", default_value_t = 0.15)]
    pub(crate) mlm_probability: f64,
    /// Mask token of the tokenizer [default: [MASK] or <mask>].
    #[arg(long, value_name = "TOKEN")]
    pub(crate) mask_token: Option<String>,
    /// Language of the sounds, such as `en`, for a model of speech that knows several.
    #[arg(long, value_name = "LANGUAGE")]
    pub(crate) language: Option<String>,
    /// Task of a model of speech: `transcribe` or `translate`.
    #[arg(long, value_name = "TASK")]
    pub(crate) task: Option<String>,
    /// Number of tokens that two windows of a long context share.
    #[arg(long, value_name = "N", default_value_t = 128)]
    pub(crate) doc_stride: usize,
}

const FIELDS: [&str; 6] =
    ["input_field", "text_pair_field", "target_field", "question_field", "label_field", "choices_field"];
