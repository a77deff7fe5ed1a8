use ia3_data::{Example, Span, Target};
use ia3_models::{IGNORE_INDEX, ImageShape, Model, ProblemType, SoundShape, Task};

use crate::error::ExampleError;

/// The kind of the targets of a data set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TargetKind {
    Text,
    Class,
    Values,
    TokenClasses,
    Span,
    Pairs,
    Choices,
}

impl TargetKind {
    fn of(target: &Target) -> Self {
        match target {
            Target::Tokens(_) | Target::Turns { .. } => Self::Text,
            Target::Class(_) => Self::Class,
            Target::Values(_) => Self::Values,
            Target::TokenClasses(_) => Self::TokenClasses,
            Target::Span(_) => Self::Span,
            Target::Pairs { .. } => Self::Pairs,
            Target::Choices { .. } => Self::Choices,
        }
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Text => "a text",
            Self::Class => "a class",
            Self::Values => "a list of values",
            Self::TokenClasses => "a class for each token",
            Self::Span => "a span",
            Self::Pairs => "a choice of inputs",
            Self::Choices => "a choice of texts",
        }
    }

    /// Whether `model` produces targets of this kind.
    fn fits(self, model: &Model) -> bool {
        let single = model.problem() == Some(ProblemType::SingleLabelClassification);
        match self {
            Self::Text => model.task().writes_texts(),
            Self::Choices => model.task().is_language_model(),
            // A regression with one label has a message of its own.
            Self::Class => single || model.num_labels() == Some(1),
            Self::Values => model.task() == Task::SequenceClassification && !single,
            Self::TokenClasses => matches!(model.task(), Task::TokenClassification | Task::MaskedLm),
            Self::Pairs => model.task() == Task::MultipleChoice,
            Self::Span => model.task() == Task::QuestionAnswering,
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
    let (mut kind, mut choices) = (None, None);
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
        if let Target::Pairs { pairs, .. } = &example.target {
            let first = *choices.get_or_insert(pairs.len());
            if pairs.len() != first {
                return Err(ExampleError::ChoiceCount { index, found: pairs.len(), first });
            }
        }
        check_image(index, example, model)?;
        check_sound(index, example, model)?;
        check_parts(index, example, model.task())?;
        check_class(index, example, model)?;
    }
    kind.ok_or(ExampleError::NoExamples)
}

fn check_parts(index: usize, example: &Example, task: Task) -> Result<(), ExampleError> {
    let empty = |field| Err(ExampleError::EmptyField { index, field });
    if example.input.is_empty() && example.pixels.is_none() && example.sound.is_none() {
        return empty("input");
    }
    check_types(index, example)?;
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
        Target::Pairs { pairs, .. } if pairs.is_empty() || pairs.iter().any(|pair| pair.ids.is_empty()) => {
            empty("choice")
        }
        Target::Pairs { pairs, answer } if *answer >= pairs.len() => {
            Err(ExampleError::Answer { index, answer: *answer, choices: pairs.len() })
        }
        Target::Pairs { pairs, .. } => {
            let wrong = pairs.iter().find(|pair| pair.token_type_ids.len() != pair.ids.len());
            wrong.map_or(Ok(()), |pair| {
                let (found, expected) = (pair.token_type_ids.len(), pair.ids.len());
                Err(ExampleError::TargetLength { index, found, expected })
            })
        }
        Target::Span(span) => check_span(index, span, example.input.len()),
        Target::Values(values) if values.iter().any(|value| !value.is_finite()) => {
            Err(ExampleError::ValueNotFinite { index })
        }
        Target::Choices { choices, answer } if *answer >= choices.len() => {
            Err(ExampleError::Answer { index, answer: *answer, choices: choices.len() })
        }
        _ => Ok(()),
    }
}

/// A model of images has an image of its shape, and no other model has one.
fn check_image(index: usize, example: &Example, model: &Model) -> Result<(), ExampleError> {
    match (model.image(), &example.pixels) {
        (None, None) => Ok(()),
        (None, Some(_)) => Err(ExampleError::ImageForText { index }),
        (Some(_), None) => Err(ExampleError::NoImage { index }),
        (Some(ImageShape { channels, height, width, .. }), Some(pixels)) => {
            let (found, expected) = (pixels.shape, [channels, height, width]);
            let whole = pixels.bytes.len() == channels * height * width;
            if found == expected && whole {
                Ok(())
            } else {
                Err(ExampleError::ImageShape { index, found, expected })
            }
        }
    }
}

/// A model of speech has the features of a sound in its shape, and no other model has any.
fn check_sound(index: usize, example: &Example, model: &Model) -> Result<(), ExampleError> {
    match (model.sound(), &example.sound) {
        (None, None) => Ok(()),
        (None, Some(_)) => Err(ExampleError::SoundForText { index }),
        (Some(_), None) => Err(ExampleError::NoSound { index }),
        (Some(SoundShape { bins, frames, .. }), Some(sound)) => {
            let (found, expected) = (sound.shape, [bins, frames]);
            let whole = sound.values.len().is_multiple_of(bins) && sound.values.len() <= bins * frames;
            if found == expected && whole {
                Ok(())
            } else {
                Err(ExampleError::SoundShape { index, found, expected })
            }
        }
    }
}

/// Every token of an input of two texts has a type.
fn check_types(index: usize, example: &Example) -> Result<(), ExampleError> {
    match (example.token_type_ids.len(), example.input.len()) {
        (0, _) => Ok(()),
        (found, expected) if found == expected => Ok(()),
        (found, expected) => Err(ExampleError::TokenTypes { index, found, expected }),
    }
}

fn check_span(index: usize, span: &Span, tokens: usize) -> Result<(), ExampleError> {
    if span.places.len() != tokens {
        return Err(ExampleError::TargetLength { index, found: span.places.len(), expected: tokens });
    }
    if span.start > span.end || span.end >= tokens {
        return Err(ExampleError::Span { index, start: span.start, end: span.end, tokens });
    }
    Ok(())
}

fn check_class(index: usize, example: &Example, model: &Model) -> Result<(), ExampleError> {
    let hidden = (model.task() == Task::MaskedLm).then(|| model.vocab_size());
    match (&example.target, model.num_labels().or(hidden)) {
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
