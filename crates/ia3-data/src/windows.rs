//! From a question and its context to the windows that a model reads, as transformers' run_qa makes them.

use std::ops::Range;

use crate::error::DataError;
use crate::example::{Example, Target};
use crate::pair::Pair;
use crate::span::Span;
use crate::text_example::SpanText;
use crate::tokenizer::Tokenizer;

/// The windows of `context`, each behind the question. The first of `spans` is the target. A window has at most `max` tokens with
/// the question, and shares `stride` of them with the next.
pub(crate) fn windows(
    tokenizer: &Tokenizer,
    (max, stride): (usize, usize),
    (question, context): (&str, &str),
    spans: &[SpanText],
) -> Result<Vec<Example>, DataError> {
    let places: Vec<Range<usize>> =
        spans.iter().map(|span| bytes_of(context, span)).collect::<Result<_, _>>()?;
    let answers: Vec<String> = spans.iter().map(|span| span.text.clone()).collect();
    let pairs = tokenizer.encode_windows(question.trim_start(), context, max, stride)?;
    let window = |(index, pair): (usize, Pair)| {
        let (start, end) = places.first().and_then(|bytes| tokens_of(&pair, bytes)).unwrap_or((0, 0));
        let (text, places) = part(context, &pair);
        let (answers, continues) = (answers.clone(), index > 0);
        let span = Span { start, end, places, text, answers, continues };
        Example::new(pair.ids, Target::Span(span)).with_token_type_ids(pair.types)
    };
    Ok(pairs.into_iter().enumerate().map(window).collect())
}

/// The bytes of `context` that an answer is, which starts after a number of characters.
fn bytes_of(context: &str, span: &SpanText) -> Result<Range<usize>, DataError> {
    let mut ends = context.char_indices().map(|(at, _)| at).chain([context.len()]);
    let start = ends.nth(span.start);
    let there = start.and_then(|start| context.get(start..));
    match (start, there) {
        (Some(start), Some(there)) if there.starts_with(&span.text) => Ok(start..start + span.text.len()),
        _ => {
            let characters = span.text.chars().count();
            let found = there.map(|there| there.chars().take(characters).collect::<String>());
            let found = found.filter(|found| !found.is_empty());
            Err(DataError::AnswerPlace { text: span.text.clone(), start: span.start, found })
        }
    }
}

/// The first and the last token of these bytes of the context, if the window holds all of them.
fn tokens_of(pair: &Pair, bytes: &Range<usize>) -> Option<(usize, usize)> {
    let mut of_context =
        pair.places.iter().enumerate().filter_map(|(token, place)| Some((token, place.clone()?)));
    let (first, last) = (of_context.clone().next()?, of_context.clone().next_back()?);
    if first.1.start > bytes.start || last.1.end < bytes.end {
        return None;
    }
    let end = of_context.clone().find(|(_, place)| place.end >= bytes.end)?.0;
    let start = of_context.rfind(|(_, place)| place.start <= bytes.start)?.0;
    Some((start, end))
}

/// The part of the context that a window shows, and the place of each token in it.
fn part(context: &str, pair: &Pair) -> (String, Vec<Option<(usize, usize)>>) {
    let shown = || pair.places.iter().flatten();
    let from = shown().map(|place| place.start).min().unwrap_or(0);
    let to = shown().map(|place| place.end).max().unwrap_or(from);
    let inside = |place: &Range<usize>| (place.start - from, place.end - from);
    let places = pair.places.iter().map(|place| place.as_ref().map(inside)).collect();
    (context.get(from..to).unwrap_or_default().to_string(), places)
}
