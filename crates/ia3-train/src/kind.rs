use ia3_data::{Example, Target};
use ia3_models::{Model, Task};

use crate::error::TrainError;

/// What the targets of a data set are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Text,
    Class,
    Choices,
}

impl Kind {
    fn of(target: &Target) -> Self {
        match target {
            Target::Tokens(_) => Self::Text,
            Target::Class(_) => Self::Class,
            Target::Choices { .. } => Self::Choices,
        }
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Text => "a text",
            Self::Class => "a class",
            Self::Choices => "a choice of texts",
        }
    }

    fn fits(self, task: Task) -> bool {
        (self == Self::Class) == (task == Task::SequenceClassification)
    }
}

/// There are examples, none is empty, and all have the kind of target that is returned and that `model` answers.
pub(crate) fn check<'a>(
    examples: impl IntoIterator<Item = &'a Example>,
    model: &Model,
) -> Result<Kind, TrainError> {
    let mut kind = None;
    for (index, example) in examples.into_iter().enumerate() {
        let found = Kind::of(&example.target);
        let expected = *kind.get_or_insert(found);
        if found != expected {
            return Err(TrainError::MixedTargets { index, found: found.name(), first: expected.name() });
        }
        if !found.fits(model.task()) {
            return Err(TrainError::TargetOfTask { index, found: found.name(), task: model.task() });
        }
        check_parts(index, example)?;
        check_class(index, example, model)?;
    }
    kind.ok_or(TrainError::NoExamples)
}

fn check_parts(index: usize, example: &Example) -> Result<(), TrainError> {
    let empty = |field| Err(TrainError::EmptyExample { index, field });
    if example.input.is_empty() {
        return empty("input");
    }
    match &example.target {
        Target::Tokens(ids) if ids.is_empty() => empty("target"),
        Target::Choices { choices, .. } if choices.iter().any(Vec::is_empty) => empty("choice"),
        Target::Choices { choices, answer } if *answer >= choices.len() => {
            Err(TrainError::Answer { index, answer: *answer, choices: choices.len() })
        }
        _ => Ok(()),
    }
}

fn check_class(index: usize, example: &Example, model: &Model) -> Result<(), TrainError> {
    match (&example.target, model.num_labels()) {
        (Target::Class(_), Some(1)) => Err(TrainError::OneLabel),
        (Target::Class(class), Some(labels)) if *class >= labels => {
            Err(TrainError::Class { index, class: *class, labels })
        }
        _ => Ok(()),
    }
}
