//! The head of an encoder that is trained, where the base leaves it open: the data choose it.

use std::path::Path;

use anyhow::bail;
use ia3::data::{Record, read_records};
use ia3::models::ProblemType;
use ia3::{ModelConfig, Task};

use super::task_list;
use crate::args::Train;
use crate::commands::base_config::{classes_of_head, with_options};

/// The configuration of the base with the head that is trained.
///
/// `--head` and `--problem-type` come first. A classifier or an encoder whose checkpoint has no head for its task gets the one that the first
/// row of the data needs: spans if it has a `question` about a `context`, a class for each word if it has `tokens`, else a classification of the whole input, which is of
/// several classes for a list of labels, and a regression for a number that is not whole.
pub(super) fn choose(args: &Train) -> anyhow::Result<ModelConfig> {
    let read = ia3::read_config(&args.base)?;
    let mut config = with_options(read.clone(), &args.head)?;
    let Some(head) = config.head() else { return Ok(with_number(config, args.num_labels)) };
    let open = classes_of_head(&config, &args.base)?.is_none();
    let (task, has_kind) = (head.task, head.problem_type.is_some());
    let first = if open { first_row(args)? } else { None };
    if let Some(row) = &first {
        let task = if args.head.head.is_some() { task } else { task_of(row, args, task) };
        config = with_options(config.with_task(task)?, &args.head)?;
        if task == Task::SequenceClassification && !has_kind && args.head.problem_type.is_none() {
            config = kind_of(row, args).map_or(config.clone(), |kind| config.with_problem_type(kind));
        }
    }
    let labels = args.num_labels.or_else(|| labels_of(&config, args));
    let config = with_number(config, labels);
    match config.head() {
        Some(head) if head.task == Task::FeatureExtraction => {
            bail!("a model without a head has no loss to train; choose one with --head")
        }
        Some(head)
            if head.task == Task::QuestionAnswering && args.num_labels.is_some_and(|labels| labels != 2) =>
        {
            bail!(
                "a model that answers questions has 2 labels, the first and the last token; leave --num-labels out"
            )
        }
        _ => Ok(config),
    }
}

fn with_number(config: ModelConfig, labels: Option<usize>) -> ModelConfig {
    labels.map_or(config.clone(), |labels| config.with_num_labels(labels))
}

/// The first row of the data, where they can be read twice.
fn first_row(args: &Train) -> anyhow::Result<Option<Record>> {
    let specs = task_list::from_args(args)?;
    let Some(path) = specs.first().map(|spec| spec.data.clone()).filter(|path| path.is_file()) else {
        return Ok(None);
    };
    Ok(read_first(&path))
}

/// The first row. What is wrong with the file is said when all of it is read.
fn read_first(path: &Path) -> Option<Record> {
    read_records(path).ok()?.into_iter().next().map(|(_, row)| row)
}

fn task_of(row: &Record, args: &Train, task: Task) -> Task {
    let words = args.rows.input_field.as_deref().unwrap_or("tokens");
    let asks = |field: &Option<String>, usual| row.has(field.as_deref().unwrap_or(usual));
    let fields = &args.rows;
    match row.texts(words).is_ok() {
        true => Task::TokenClassification,
        false if asks(&fields.question_field, "question") && asks(&fields.target_field, "answers") => {
            Task::QuestionAnswering
        }
        false if task != Task::FeatureExtraction => task,
        false => Task::SequenceClassification,
    }
}

/// The kind of classification of sequences that a row needs; `None` leaves it to the number of labels.
fn kind_of(row: &Record, args: &Train) -> Option<ProblemType> {
    let named = args.rows.label_field.as_deref();
    let field = named.or_else(|| ["labels", "label"].into_iter().find(|name| row.has(name)))?;
    let is_fraction =
        row.numbers(field).is_ok_and(|numbers| numbers.len() == 1) && row.integer(field).is_err();
    if row.has("choices") {
        return None;
    }
    match row.is_list(field) {
        true => Some(ProblemType::MultiLabelClassification),
        false => is_fraction.then_some(ProblemType::Regression),
    }
}

/// The number of labels that follows from the options, where config.json does not say it.
fn labels_of(config: &ModelConfig, args: &Train) -> Option<usize> {
    let head = config.head().filter(|head| head.task == Task::SequenceClassification)?;
    let stated = head.stated().is_some();
    match head.problem() {
        ProblemType::Regression if !stated => Some(1),
        ProblemType::MultiLabelClassification if !stated && !args.rows.label_names.is_empty() => {
            Some(args.rows.label_names.len())
        }
        _ => None,
    }
}
