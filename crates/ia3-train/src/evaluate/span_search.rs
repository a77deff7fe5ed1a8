//! The search for the best span, as `postprocess_qa_predictions` of transformers' run_qa makes it.

use ia3_data::Span;

/// How many starts and ends of a window, and how many spans of a question, are looked at.
const N_BEST: usize = 20;
/// The largest number of tokens of an answer.
const MAX_ANSWER_TOKENS: usize = 30;

/// A span: its window among those of the question, and its first and last token.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Found {
    pub(super) window: usize,
    pub(super) first: usize,
    pub(super) last: usize,
}

/// The best span over the windows of a question, each with the start and the end logit of its tokens in turn. `None` means that the
/// context does not answer the question, which is possible only with `unanswerable`, or that no window has a span. Where run_qa
/// would write the word "empty", this is no answer.
pub(super) fn search(windows: &[(&Span, Vec<f32>)], unanswerable: bool) -> Option<Found> {
    let spans = windows.iter().enumerate().flat_map(|(index, (span, logits))| spans(index, span, logits));
    let mut spans: Vec<(f32, Found)> = spans.collect();
    spans.sort_by(|a, b| b.0.total_cmp(&a.0));
    let text = |found: &Found| windows[found.window].0.text_of(found.first, found.last).unwrap_or_default();
    let best = spans.into_iter().take(N_BEST).find(|(_, found)| !unanswerable || !text(found).is_empty());
    let none = windows.iter().filter_map(|(_, logits)| Some(logits.first()? + logits.get(1)?));
    let none = none.reduce(f32::min).filter(|_| unanswerable);
    best.filter(|(score, _)| none.is_none_or(|none| none - score <= 0.0)).map(|(_, found)| found)
}

/// The spans of one window between its best starts and its best ends, with their scores.
fn spans<'a>(window: usize, span: &'a Span, logits: &[f32]) -> impl Iterator<Item = (f32, Found)> + use<'a> {
    let side = |side: usize| logits.iter().skip(side).step_by(2).copied().collect::<Vec<f32>>();
    let (starts, ends) = (side(0), side(1));
    let (best_starts, best_ends) = (best(&starts), best(&ends));
    let pairs = best_starts
        .into_iter()
        .flat_map(move |first| best_ends.clone().into_iter().map(move |last| (first, last)));
    pairs.filter_map(move |(first, last)| {
        span.places.get(first).copied().flatten()?;
        span.places.get(last).copied().flatten()?;
        let fits = first <= last && last - first < MAX_ANSWER_TOKENS;
        fits.then(|| (starts[first] + ends[last], Found { window, first, last }))
    })
}

/// The positions of the largest values, the largest first.
fn best(values: &[f32]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|&a, &b| values[b].total_cmp(&values[a]));
    order.truncate(N_BEST);
    order
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A window of five tokens, of which the last three are the context "ab cd ef".
    fn window() -> Span {
        let places = vec![None, None, Some((0, 2)), Some((3, 5)), Some((6, 8))];
        Span { places, text: "ab cd ef".into(), ..Span::default() }
    }

    /// The start and end logits in turn.
    fn logits(starts: [f32; 5], ends: [f32; 5]) -> Vec<f32> {
        starts.into_iter().zip(ends).flat_map(|(start, end)| [start, end]).collect()
    }

    #[test]
    fn the_best_span_is_in_the_context_and_ends_after_its_start() {
        let span = window();
        let scores = logits([9.0, 9.0, 1.0, 2.0, 3.0], [9.0, 9.0, 2.5, 2.0, -1.0]);
        let found = search(&[(&span, scores)], false);
        assert_eq!(found, Some(Found { window: 0, first: 3, last: 3 }));
    }

    #[test]
    fn windows_compete_and_no_answer_takes_part_where_there_may_be_none() {
        let span = window();
        let weak = logits([4.0, 0.0, 1.0, 0.0, 0.0], [4.0, 0.0, 0.0, 1.0, 0.0]);
        let strong = logits([1.0, 0.0, 0.0, 2.0, 0.0], [1.5, 0.0, 0.0, 0.0, 1.0]);
        let windows = [(&span, weak.clone()), (&span, strong)];
        let found = Some(Found { window: 1, first: 3, last: 4 });
        assert_eq!(search(&windows, true), found, "2.5 for none is the least of the windows");
        assert_eq!(search(&windows[..1], true), None, "8 for none");
        assert_eq!(search(&windows[..1], false), Some(Found { window: 0, first: 2, last: 3 }));
        assert_eq!(search(&[], true), None);
    }
}
