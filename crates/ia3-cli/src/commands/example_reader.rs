//! Reads lines of JSON as tokenised examples.

use std::path::Path;

use anyhow::bail;
use ia3::ModelConfig;
#[cfg(feature = "images")]
use ia3::data::ImageRows;
#[cfg(feature = "audio")]
use ia3::data::audio::SoundRows;
use ia3::data::{
    ChatTemplate, Encoder, Fields, Layout, Masking, ModelKind, Template, TemplateChoice, TemplateSet,
};
use ia3::models::Model;
use ia3::train::Example;
use ia3_guard::quote_path;

use crate::args::DataArgs;
use crate::output::note;
use crate::predictions::Texts;
use crate::{text_file, tokenizer};

/// Reads data files for one base.
pub(super) struct Reader {
    rows: Rows,
    layout: Layout,
    label_names: Vec<String>,
}

/// What turns rows into examples.
enum Rows {
    Texts(Box<Encoder>),
    #[cfg(feature = "images")]
    Images(Box<ImageRows>),
    #[cfg(feature = "audio")]
    Sounds(Box<SoundRows>),
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
        if config.image().is_some() {
            return Ok(Self { rows: images(base, config, model, &layout)?, layout, label_names });
        }
        if config.sound().is_some() {
            return Ok(Self { rows: sounds(base, model, args, &layout)?, layout, label_names });
        }
        if args.language.is_some() || args.task.is_some() {
            bail!(
                "--language and --task are for a model of speech, and the base is a `{}` model; leave them out",
                config.model_type()
            );
        }
        let encoder = Encoder::new(tokenizer::open(base)?, ia3::model_kind(model))
            .with_max_input_tokens(args.max_input_tokens)
            .with_max_target_tokens(args.max_target_tokens)
            .with_doc_stride(args.doc_stride)
            .with_masking(masking(args, seed))
            .with_label_names(label_names.clone())
            .with_chat_template(ChatTemplate::open(base)?);
        Ok(Self { rows: Rows::Texts(Box::new(encoder)), layout, label_names })
    }

    /// The rows of a file. A row has one variant per template, or per masking of its text, or one window of its context each.
    pub(super) fn rows(&self, path: &Path) -> anyhow::Result<Vec<Vec<Example>>> {
        let encoder = match &self.rows {
            Rows::Texts(encoder) => encoder,
            #[cfg(feature = "images")]
            Rows::Images(images) => return super::images::examples(images, path),
            #[cfg(feature = "audio")]
            Rows::Sounds(sounds) => return super::sounds::examples(sounds, path),
        };
        let (rows, shape) = self.layout.read_with_shape(&text_file::source(path), encoder)?;
        if let Some(shape) = shape {
            note(format!("the rows of {} are {shape}", quote_path(path)));
        }
        Ok(rows)
    }

    /// What the ids of the rows say.
    pub(super) fn texts(&self) -> Texts<'_> {
        let classes_are_tokens = self.is_for(ModelKind::MaskedLm);
        let tokenizer = match &self.rows {
            Rows::Texts(encoder) => Some(&encoder.tokenizer),
            #[cfg(feature = "images")]
            Rows::Images(_) => None,
            #[cfg(feature = "audio")]
            Rows::Sounds(sounds) => Some(&sounds.tokenizer),
        };
        Texts { tokenizer, label_names: &self.label_names, classes_are_tokens }
    }

    /// Whether the rows are texts for a model of this kind.
    fn is_for(&self, model: ModelKind) -> bool {
        matches!(&self.rows, Rows::Texts(encoder) if encoder.model == model)
    }

    /// The names of the classes, in the order of their numbers.
    pub(super) fn label_names(&self) -> &[String] {
        &self.label_names
    }

    /// The examples of rows for the template at `place`, and the row of each. All windows of a context are examples.
    pub(super) fn examples(&self, rows: &[Vec<Example>], place: usize) -> (Vec<Example>, Vec<usize>) {
        let windows = self.is_for(ModelKind::QuestionAnswerer);
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

/// Rows with images. A row has one variant, so there are no templates.
#[cfg(feature = "images")]
fn images(base: &Path, config: &ModelConfig, model: &Model, layout: &Layout) -> anyhow::Result<Rows> {
    let rows = super::images::rows(base, config, ia3::model_kind(model), fields(layout, "images")?)?;
    Ok(Rows::Images(Box::new(rows)))
}

/// The names of the fields of rows that are no texts.
#[cfg(any(feature = "images", feature = "audio"))]
fn fields(layout: &Layout, read: &str) -> anyhow::Result<Fields> {
    match layout {
        Layout::Fields(fields) => Ok(fields.clone()),
        Layout::Templates { .. } => bail!("templates make texts, but the model reads {read}; leave them out"),
    }
}

/// Rows with sounds. A row has one variant, so there are no templates.
#[cfg(feature = "audio")]
fn sounds(base: &Path, model: &Model, args: &DataArgs, layout: &Layout) -> anyhow::Result<Rows> {
    Ok(Rows::Sounds(Box::new(super::sounds::rows(base, model, args, fields(layout, "sounds")?)?)))
}

#[cfg(not(feature = "audio"))]
fn sounds(_: &Path, _: &Model, _: &DataArgs, _: &Layout) -> anyhow::Result<Rows> {
    bail!("a model of speech reads sounds, but this program was built without the feature `audio`")
}

#[cfg(not(feature = "images"))]
fn images(_: &Path, config: &ModelConfig, _: &Model, _: &Layout) -> anyhow::Result<Rows> {
    bail!(
        "a `{}` model reads images, but this program was built without the feature `images`",
        config.model_type()
    )
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
