//! How many classes a classifier is trained for, and whether the data have others.

use std::collections::BTreeSet;

use anyhow::{bail, ensure};
use ia3::ModelConfig;
use ia3::train::{Example, Target};

use super::lines::lines_of;
use super::prepared::Rows;
use super::tasks::in_task;
use crate::args::Train;
use crate::commands::labels::of_base;

/// The base's configuration with the number of classes: those of the head that the base has; else `--num-labels`; else
/// what its `config.json` says; else those of the data.
///
/// # Errors
///
/// A class beyond that, and a held-out class that is never trained.
pub(super) fn config(args: &Train, config: ModelConfig, rows: &[Rows]) -> anyhow::Result<ModelConfig> {
    let ModelConfig::Bert(bert) = &config else {
        ensure!(args.num_labels.is_none(), "--num-labels is of classifiers, and the base writes texts");
        return Ok(config);
    };
    let said = bert.id2label.as_ref().map(|names| names.len()).or(bert.num_labels);
    let (labels, source) = match (of_base(&args.base)?, args.num_labels, said) {
        (Some(head), Some(asked), _) if head != asked => bail!(
            "--num-labels is {asked}, but the base has a head of {head} classes; leave --num-labels out, or give a base \
             without `classifier.weight`"
        ),
        (Some(head), ..) => (head, "as the head of the base has"),
        (None, Some(asked), _) => (asked, "by --num-labels"),
        (None, None, Some(said)) => {
            (said, "as config.json of the base says; --num-labels gives another number")
        }
        (None, None, None) => (counted(rows), "as the data have"),
    };
    for rows in rows {
        check(rows, labels, source).map_err(|error| in_task(rows.wanted.name.as_deref(), error))?;
    }
    Ok(config.with_num_labels(labels))
}

/// One more than the largest class, or one for each name; at least two.
fn counted(rows: &[Rows]) -> usize {
    let of = |rows: &Rows| {
        let classes = rows.data.rows.iter().flatten().chain(rows.held_out.iter().flatten()).filter_map(class);
        classes.map(|class| class + 1).max().unwrap_or(0).max(rows.wanted.rows.label_names.len())
    };
    rows.iter().map(of).max().unwrap_or(0).max(2)
}

fn check(rows: &Rows, labels: usize, source: &str) -> anyhow::Result<()> {
    let trained: BTreeSet<usize> = rows.data.rows.iter().flatten().filter_map(class).collect();
    let beyond = |row: &Vec<Example>| row.iter().filter_map(class).any(|class| class >= labels);
    if let Some(row) = rows.data.rows.iter().position(beyond) {
        bail!(
            "{}: the class is not among the {labels}, {source}; they count from 0",
            lines_of(&rows.wanted.data, &[row])
        );
    }
    let held_out = rows.held_out.iter().flatten().filter_map(class);
    let unknown: BTreeSet<usize> = held_out.filter(|class| !trained.contains(class)).collect();
    if !unknown.is_empty() {
        let (eval, data) = (rows.wanted.eval.clone().unwrap_or_default(), rows.wanted.data.display());
        let unknown: Vec<String> = unknown.iter().map(usize::to_string).collect();
        bail!("{} has the classes {}, which no line of {data} has", eval.display(), unknown.join(", "));
    }
    Ok(())
}

fn class(example: &Example) -> Option<usize> {
    match example.target {
        Target::Class(class) => Some(class),
        _ => None,
    }
}
