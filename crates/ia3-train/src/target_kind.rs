use ia3_data::{Example, Target};
use ia3_models::{IGNORE_INDEX, Model, ProblemType, Task};

use crate::error::ExampleError;

/// The kind of the targets of a data set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TargetKind {
    Text,
    Class,
    Values,
    TokenClasses,
    Choices,
}

impl TargetKind {
    fn of(target: &Target) -> Self {
        match target {
            Target::Tokens(_) | Target::Turns { .. } => Self::Text,
            Target::Class(_) => Self::Class,
            Target::Values(_) => Self::Values,
            Target::TokenClasses(_) => Self::TokenClasses,
            Target::Choices { .. } => Self::Choices,
        }
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Text => "a text",
            Self::Class => "a class",
            Self::Values => "a list of values",
            Self::TokenClasses => "a class for each token",
            Self::Choices => "a choice of texts",
        }
    }

    /// Whether `model` produces targets of this kind.
    fn fits(self, model: &Model) -> bool {
        let single = model.problem() == Some(ProblemType::SingleLabelClassification);
        match self {
            Self::Text | Self::Choices => model.task().is_language_model(),
            // A regression with one label has a message of its own.
            Self::Class => single || model.num_labels() == Some(1),
            Self::Values => model.task() == Task::SequenceClassification && !single,
            Self::TokenClasses => model.task() == Task::TokenClassification,
        }
    }
}

/// The kind of the targets of `examples`.
///
/// Refuses an empty data set, examples with an empty part, targets of different kinds, and targets that `model` does not
/// produce.
pub(crate) fn check<'a>(
    examples: impl IntoIterator<Item = &'a Example>,
    model: &Model,
) -> Result<TargetKind, ExampleError> {
    let mut kind = None;
    for (index, example) in examples.into_iter().enumerate() {
        let found = TargetKind::of(&example.target);
        let expected = *kind.get_or_insert(found);
        if found != expected {
            let (found, first) = (found.name(), expected.name());
            return Err(ExampleError::MixedTargets { index, found, first });
        }
        if !found.fits(model) {
            return Err(ExampleError::TargetOfTask { index, found: found.name(), task: model.task() });
        }
        check_parts(index, example, model.task())?;
        check_class(index, example, model)?;
    }
    kind.ok_or(ExampleError::NoExamples)
}

fn check_parts(index: usize, example: &Example, task: Task) -> Result<(), ExampleError> {
    let empty = |field| Err(ExampleError::EmptyField { index, field });
    if example.input.is_empty() {
        return empty("input");
    }
    match &example.target {
        Target::Tokens(ids) if ids.is_empty() => empty("target"),
        Target::Turns { learned, .. } if !learned.contains(&true) => empty("target"),
        Target::Turns { ids, learned } if ids.len() != learned.len() => {
            Err(ExampleError::Turns { index, ids: ids.len(), learned: learned.len() })
        }
        Target::Turns { .. } if task != Task::CausalLm => {
            Err(ExampleError::TargetOfTask { index, found: "a conversation", task })
        }
        Target::Choices { choices, .. } if choices.iter().any(Vec::is_empty) => empty("choice"),
        Target::TokenClasses(classes) if classes.len() != example.input.len() => {
            Err(ExampleError::TargetLength { index, found: classes.len(), expected: example.input.len() })
        }
        Target::Values(values) if values.iter().any(|value| !value.is_finite()) => {
            Err(ExampleError::ValueNotFinite { index })
        }
        Target::Choices { choices, answer } if *answer >= choices.len() => {
            Err(ExampleError::Answer { index, answer: *answer, choices: choices.len() })
        }
        _ => Ok(()),
    }
}

fn check_class(index: usize, example: &Example, model: &Model) -> Result<(), ExampleError> {
    match (&example.target, model.num_labels()) {
        (Target::Class(_), Some(1)) => Err(ExampleError::OneLabel),
        (Target::Class(class), Some(labels)) if *class >= labels => {
            Err(ExampleError::Class { index, class: *class, labels })
        }
        (Target::Values(values), Some(labels)) if values.len() != labels => {
            Err(ExampleError::TargetLength { index, found: values.len(), expected: labels })
        }
        (Target::TokenClasses(classes), Some(labels)) => {
            let outside = |class: &&i64| {
                **class != IGNORE_INDEX && usize::try_from(**class).map_or(true, |c| c >= labels)
            };
            match classes.iter().find(outside) {
                None => Ok(()),
                Some(class) => {
                    let class = usize::try_from(*class).unwrap_or(usize::MAX);
                    Err(ExampleError::Class { index, class, labels })
                }
            }
        }
        _ => Ok(()),
    }
}
