//! Reads lines of JSON as tokenised examples.

use std::path::Path;

use ia3::ModelConfig;
use ia3::data::{
    ChatTemplate, Encoder, Fields, Layout, Masking, ModelKind, Template, TemplateChoice, TemplateSet,
};
use ia3::models::Model;
use ia3::train::Example;
use ia3_guard::quote_path;

use super::base_config;
use crate::args::DataArgs;
use crate::output::note;
use crate::predictions::Texts;
use crate::{text_file, tokenizer};

/// Reads data files for one base.
pub(super) struct Reader {
    encoder: Encoder,
    layout: Layout,
}

impl Reader {
    /// `model` may lack its weights.
    pub(super) fn new(
        base: &Path,
        config: &ModelConfig,
        model: &Model,
        args: &DataArgs,
        seed: u64,
    ) -> anyhow::Result<Self> {
        let label_names = label_names(args, config);
        let layout = layout(args, &label_names, seed)?;
        base_config::of_texts(config)?;
        let encoder = Encoder::new(tokenizer::open(base)?, ia3::model_kind(model))
            .with_max_input_tokens(args.max_input_tokens)
            .with_max_target_tokens(args.max_target_tokens)
            .with_doc_stride(args.doc_stride)
            .with_masking(masking(args, seed))
            .with_label_names(label_names)
            .with_chat_template(ChatTemplate::open(base)?);
        Ok(Self { encoder, layout })
    }

    /// The rows of a file. A row has one variant per template, or per masking of its text, or one window of its context each.
    pub(super) fn rows(&self, path: &Path) -> anyhow::Result<Vec<Vec<Example>>> {
        let (rows, shape) = self.layout.read_with_shape(&text_file::source(path), &self.encoder)?;
        if let Some(shape) = shape {
            note(format!("the rows of {} are {shape}", quote_path(path)));
        }
        Ok(rows)
    }

    /// What the ids of the rows say.
    pub(super) fn texts(&self) -> Texts<'_> {
        let classes_are_tokens = self.encoder.model == ModelKind::MaskedLm;
        Texts {
            tokenizer: &self.encoder.tokenizer,
            label_names: &self.encoder.label_names,
            classes_are_tokens,
        }
    }

    /// The names of the classes, in the order of their numbers.
    pub(super) fn label_names(&self) -> &[String] {
        &self.encoder.label_names
    }

    /// The examples of rows for the template at `place`, and the row of each. All windows of a context are examples.
    pub(super) fn examples(&self, rows: &[Vec<Example>], place: usize) -> (Vec<Example>, Vec<usize>) {
        let windows = self.encoder.model == ModelKind::QuestionAnswerer;
        let of_row = |(row, variants): (usize, &Vec<Example>)| {
            let own = if windows { variants.clone() } else { vec![variants[place].clone()] };
            own.into_iter().map(move |example| (example, row)).collect::<Vec<_>>()
        };
        rows.iter().enumerate().flat_map(of_row).unzip()
    }

    /// The names of the templates; one `None` where the rows are read without templates.
    pub(super) fn templates(&self) -> Vec<Option<String>> {
        match &self.layout {
            Layout::Fields(_) => vec![None],
            Layout::Templates { templates, .. } => {
                templates.iter().map(|t| Some(t.name().to_string())).collect()
            }
        }
    }
}

/// How tokens are hidden from a masked language model.
fn masking(args: &DataArgs, seed: u64) -> Masking {
    let masking = Masking::new().with_seed(seed).with_probability(args.mlm_probability);
    masking.with_token(args.mask_token.clone())
}

/// The names of `--label-names`, or those of a classifier's configuration.
fn label_names(args: &DataArgs, config: &ModelConfig) -> Vec<String> {
    match args.label_names.is_empty() {
        true => config.label_names(),
        false => args.label_names.clone(),
    }
}

fn layout(args: &DataArgs, label_names: &[String], seed: u64) -> anyhow::Result<Layout> {
    if let Some(jinja) = &args.template {
        let template = Template::new("--template", jinja, args.answer_choices.as_deref())?;
        return Ok(Layout::Templates { templates: vec![template], seed });
    }
    if let Some(path) = &args.templates {
        let names: Vec<&str> = args.template_names.iter().map(String::as_str).collect();
        let choice = match names.as_slice() {
            [] | ["original"] => TemplateChoice::OriginalTask,
            ["all"] => TemplateChoice::All,
            _ => TemplateChoice::Named(args.template_names.clone()),
        };
        return Ok(Layout::Templates { templates: TemplateSet::open(path)?.choose(&choice)?, seed });
    }
    let mut fields = Fields::new().with_label_names(label_names);
    fields.input.clone_from(&args.input_field);
    fields.text_pair.clone_from(&args.text_pair_field);
    fields.target.clone_from(&args.target_field);
    fields.question.clone_from(&args.question_field);
    fields.label.clone_from(&args.label_field);
    fields.choices.clone_from(&args.choices_field);
    Ok(Layout::Fields(fields))
}
