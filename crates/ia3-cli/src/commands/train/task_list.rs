//! The tasks of a training: one task from `--data`, or the tasks of the file that `--tasks` names.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anyhow::{Context, Error, bail};
use ia3::io::{FileError, check_adapter_name};
use ia3_guard::{Limit, quote, quote_path};
use serde::Deserialize;
use serde_json::Value;

use crate::args::{DataArgs, Train};
use crate::text_file;

/// A task as the arguments describe it.
pub(super) struct TaskSpec {
    /// The name of the adapter; `None` for the only task of the command line.
    pub(super) name: Option<String>,
    pub(super) data: PathBuf,
    pub(super) eval: Option<PathBuf>,
    /// How lines become examples.
    pub(super) rows: DataArgs,
}

/// One task of the file. What it leaves out is taken from the command line.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    name: String,
    data: PathBuf,
    eval: Option<PathBuf>,
    input_field: Option<String>,
    text_pair_field: Option<String>,
    target_field: Option<String>,
    question_field: Option<String>,
    label_field: Option<String>,
    choices_field: Option<String>,
    label_names: Option<Vec<String>>,
    template: Option<String>,
    answer_choices: Option<String>,
    templates: Option<PathBuf>,
    template_names: Option<Vec<String>>,
    max_input_tokens: Option<usize>,
    max_target_tokens: Option<usize>,
    mlm_probability: Option<f64>,
    mask_token: Option<String>,
    doc_stride: Option<usize>,
    language: Option<String>,
    task: Option<String>,
}

/// Names that no task can have, with the reason.
const TAKEN: [(&str, &str); 2] = [
    ("checkpoints", "the checkpoints are in the folder of this name"),
    ("default", "PEFT writes an adapter of this name into the parent folder"),
];

/// The tasks that the arguments describe.
pub(super) fn from_args(args: &Train) -> anyhow::Result<Vec<TaskSpec>> {
    match (&args.tasks, &args.data) {
        (Some(path), _) => read(path, args),
        (None, Some(data)) => {
            let (data, eval) = (data.clone(), args.eval.clone());
            Ok(vec![TaskSpec { name: None, data, eval, rows: args.rows.clone() }])
        }
        (None, None) => bail!("there is no training data; give --data or --tasks"),
    }
}

/// The error, which names the task that it is about.
pub(super) fn in_task(name: Option<&str>, error: impl Into<Error>) -> Error {
    let error = error.into();
    match name {
        Some(name) => {
            let message = format!("task `{}`: {error}", quote(name));
            error.context(message)
        }
        None => error,
    }
}

fn read(path: &Path, args: &Train) -> anyhow::Result<Vec<TaskSpec>> {
    let place = quote_path(path);
    let text = text_file::read(path, Limit::CONFIG)?;
    let entries = entries(&text).with_context(|| format!("{place} is not a list of tasks"))?;
    if entries.is_empty() {
        bail!("{place} lists no task");
    }
    let mut names = BTreeSet::new();
    let around = path.parent().unwrap_or(Path::new(""));
    let task = |entry: Entry| {
        check_name(&entry.name, &mut names)?;
        let name = entry.name.clone();
        entry.with_defaults(around, args).map_err(|error| in_task(Some(&name), error))
    };
    let tasks = entries.into_iter().map(task).collect::<anyhow::Result<_>>();
    tasks.map_err(|error| {
        let message = format!("{place}: {error}");
        error.context(message)
    })
}

/// The entries of the file. An error names the entry that is wrong.
fn entries(text: &str) -> anyhow::Result<Vec<Entry>> {
    let whole = match serde_json::from_str::<Vec<Entry>>(text) {
        Ok(entries) => return Ok(entries),
        Err(error) => error,
    };
    let values: Vec<Value> = serde_json::from_str(text)?;
    for (number, value) in (1..).zip(values) {
        let name = value["name"].as_str().map(str::to_string);
        if let Err(error) = serde_json::from_value::<Entry>(value) {
            match name {
                Some(name) => bail!("task `{}`: {error}", quote(&name)),
                None => bail!("task {number}: {error}"),
            }
        }
    }
    Err(whole.into())
}

fn check_name(name: &str, names: &mut BTreeSet<String>) -> anyhow::Result<()> {
    check_adapter_name(name)?;
    // Some file systems do not distinguish upper and lower case.
    let folder = name.to_lowercase();
    if let Some((_, why)) = TAKEN.iter().find(|(taken, _)| *taken == folder) {
        bail!("a task cannot have the name `{}`: {why}", quote(name));
    }
    match names.insert(folder) {
        true => Ok(()),
        false => bail!(
            "two tasks have the name `{}` (upper and lower case count as equal); every task needs its own folder",
            quote(name)
        ),
    }
}

impl Entry {
    /// Fills in what the entry leaves out. Paths are relative to `around`, the folder of the file.
    fn with_defaults(self, around: &Path, args: &Train) -> anyhow::Result<TaskSpec> {
        let flags = args.rows.clone();
        let list = |own: Option<Vec<String>>, flags| own.unwrap_or(flags);
        let rows = DataArgs {
            input_field: self.input_field.or(flags.input_field),
            text_pair_field: self.text_pair_field.or(flags.text_pair_field),
            target_field: self.target_field.or(flags.target_field),
            question_field: self.question_field.or(flags.question_field),
            label_field: self.label_field.or(flags.label_field),
            choices_field: self.choices_field.or(flags.choices_field),
            label_names: list(self.label_names, flags.label_names),
            template: self.template.or(flags.template),
            answer_choices: self.answer_choices.or(flags.answer_choices),
            templates: self.templates.map(|path| around.join(path)).or(flags.templates),
            template_names: list(self.template_names, flags.template_names),
            max_input_tokens: self.max_input_tokens.unwrap_or(flags.max_input_tokens),
            max_target_tokens: self.max_target_tokens.unwrap_or(flags.max_target_tokens),
            mlm_probability: self.mlm_probability.unwrap_or(flags.mlm_probability),
            mask_token: self.mask_token.or(flags.mask_token),
            doc_stride: self.doc_stride.unwrap_or(flags.doc_stride),
            language: self.language.or(flags.language),
            task: self.task.or(flags.task),
        };
        check(&rows)?;
        let (data, eval) = (around.join(self.data), self.eval.map(|path| around.join(path)));
        if args.eval_steps.is_some() && eval.is_none() {
            bail!("`eval` is missing; --eval-steps needs it for every task");
        }
        let out = args.out.join(&self.name);
        if out.exists() && !out.is_dir() {
            return Err(FileError::NotAFolder { path: out }.into());
        }
        Ok(TaskSpec { name: Some(self.name), data, eval, rows })
    }
}

/// Refuses the combinations of options that the command line refuses too.
fn check(rows: &DataArgs) -> anyhow::Result<()> {
    let fields = [
        ("input_field", rows.input_field.is_some()),
        ("target_field", rows.target_field.is_some()),
        ("label_field", rows.label_field.is_some()),
        ("choices_field", rows.choices_field.is_some()),
        ("question_field", rows.question_field.is_some()),
        ("text_pair_field", rows.text_pair_field.is_some()),
    ];
    let (template, templates) =
        (("template", rows.template.is_some()), ("templates", rows.templates.is_some()));
    let of_templates = [template, templates].into_iter().flat_map(|t| fields.map(|field| (t, field)));
    let target = [(fields[1], fields[2]), (fields[1], fields[3]), (template, templates)];
    for ((a, has_a), (b, has_b)) in of_templates.chain(target) {
        if has_a && has_b {
            bail!("`{a}` cannot be used with `{b}`; one of them may come from the command line");
        }
    }
    if rows.answer_choices.is_some() && rows.template.is_none() {
        bail!("`answer_choices` needs a `template`");
    }
    if !rows.template_names.is_empty() && rows.templates.is_none() {
        bail!("`template_names` needs `templates`");
    }
    Ok(())
}
