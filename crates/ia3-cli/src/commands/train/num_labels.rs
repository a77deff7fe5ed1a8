//! The number of classes that a classifier is trained for, checked against the data.

use std::collections::BTreeSet;

use anyhow::{bail, ensure};
use ia3::ModelConfig;
use ia3::models::ProblemType;
use ia3::train::{Example, Target};

use super::line_numbers::lines_of;
use super::rows::TaskRows;
use super::task_list::in_task;
use crate::args::Train;
use crate::commands::base_config::{classes_of_head, head};

/// The base's configuration with its number of classes: that of the base's head, else `--num-labels`, else that of
/// `config.json`, else that of the data.
///
/// # Errors
///
/// The data have a class that is not below this number, or the held-out data have a class that the training data lack.
pub(super) fn decide(args: &Train, config: ModelConfig, rows: &[TaskRows]) -> anyhow::Result<ModelConfig> {
    let (Some(own), Some(head_weight)) = (config.head(), head(&config)) else {
        ensure!(
            args.num_labels.is_none(),
            "--num-labels is for classifiers, but the base generates text; leave it out"
        );
        return Ok(config);
    };
    let (labels, source) = match (classes_of_head(&config, &args.base)?, args.num_labels, own.stated()) {
        (Some(head), Some(asked), _) if head != asked => bail!(
            "--num-labels is {asked}, but the head of the base has {head} classes; leave --num-labels out, or give a base \
             without `{head_weight}`"
        ),
        (Some(head), ..) => (head, "the number of classes of the base's head"),
        (None, Some(asked), _) => (asked, "the value of --num-labels"),
        (None, None, Some(number)) => {
            (number, "the number in the base's config.json; --num-labels sets another one")
        }
        (None, None, None) if own.problem_type == Some(ProblemType::MultiLabelClassification) => bail!(
            "the number of classes of rows with several is not known; give --label-names or --num-labels"
        ),
        (None, None, None) => (counted(rows), "the number that the data have"),
    };
    for rows in rows {
        check(rows, labels, source).map_err(|error| in_task(rows.spec.name.as_deref(), error))?;
    }
    Ok(config.with_num_labels(labels))
}

/// One more than the largest class, or the number of label names, but at least two.
fn counted(rows: &[TaskRows]) -> usize {
    let of = |rows: &TaskRows| {
        let classes = rows.data.rows.iter().flatten().chain(rows.held_out.iter().flatten()).flat_map(classes);
        classes.map(|class| class + 1).max().unwrap_or(0).max(rows.spec.rows.label_names.len())
    };
    rows.iter().map(of).max().unwrap_or(0).max(2)
}

fn check(rows: &TaskRows, labels: usize, source: &str) -> anyhow::Result<()> {
    let trained: BTreeSet<usize> = rows.data.rows.iter().flatten().flat_map(classes).collect();
    let beyond = |row: &Vec<Example>| row.iter().flat_map(classes).any(|class| class >= labels);
    if let Some(row) = rows.data.rows.iter().position(beyond) {
        bail!(
            "{}: the class is not below {labels}, {source}; classes count from 0",
            lines_of(&rows.spec.data, rows.places.as_ref(), &[row])
        );
    }
    let held_out = rows.held_out.iter().flatten().flat_map(classes);
    let unknown: BTreeSet<usize> = held_out.filter(|class| !trained.contains(class)).collect();
    if !unknown.is_empty() {
        let (eval, data) = (rows.spec.eval.clone().unwrap_or_default(), rows.spec.data.display());
        let unknown: Vec<String> = unknown.iter().map(usize::to_string).collect();
        bail!(
            "{} has the classes {}, which no line of {data} has; add examples of them to the training data",
            eval.display(),
            unknown.join(", ")
        );
    }
    Ok(())
}

/// The classes that an example has.
fn classes(example: &Example) -> Vec<usize> {
    match &example.target {
        Target::Class(class) => vec![*class],
        Target::TokenClasses(classes) => {
            classes.iter().filter_map(|&class| usize::try_from(class).ok()).collect()
        }
        _ => vec![],
    }
}
