use std::ops::Range;

use ia3_data::{Example, Target};

/// Batches of at most `entries` entries, in which examples of similar length come together, as positions of the examples.
/// Every example has one entry, or one per choice. The windows of a question follow one another in one batch.
pub(super) fn batches(examples: &[Example], entries: usize) -> Vec<Vec<usize>> {
    let mut groups = groups(examples);
    groups.sort_by_key(|group| {
        let target = longest(&examples[group.start].target);
        (examples[group.start].input.len() + target, target)
    });
    let (mut batches, mut room) = (Vec::<Vec<usize>>::new(), 0);
    for group in groups {
        let needed = group.clone().map(|i| entries_of(&examples[i].target)).sum();
        match batches.last_mut().filter(|_| needed <= room) {
            Some(batch) => batch.extend(group),
            None => {
                batches.push(group.collect());
                room = entries.max(needed);
            }
        }
        room -= needed;
    }
    batches
}

/// The examples that stay together: the windows of a question, and every other example alone.
fn groups(examples: &[Example]) -> Vec<Range<usize>> {
    let mut groups: Vec<Range<usize>> = vec![];
    for (i, example) in examples.iter().enumerate() {
        let continues = matches!(&example.target, Target::Span(span) if span.continues);
        match groups.last_mut().filter(|_| continues) {
            Some(group) => group.end = i + 1,
            None => groups.push(i..i + 1),
        }
    }
    groups
}

/// Number of tokens of the longest text of a target.
fn longest(target: &Target) -> usize {
    match target {
        Target::Tokens(ids) | Target::Turns { ids, .. } => ids.len(),
        Target::Class(_) | Target::Values(_) | Target::TokenClasses(_) | Target::Span(_) => 0,
        Target::Pairs { pairs, .. } => pairs.iter().map(|pair| pair.ids.len()).max().unwrap_or(0),
        Target::Choices { choices, .. } => choices.iter().map(Vec::len).max().unwrap_or(0),
    }
}

/// Number of batch entries of an example.
fn entries_of(target: &Target) -> usize {
    match target {
        Target::Choices { choices, .. } => choices.len(),
        Target::Pairs { pairs, .. } => pairs.len(),
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn similar_lengths_share_a_batch_and_choices_stay_together() {
        let text = |n: usize| Example::new(vec![5; n], vec![1]);
        assert_eq!(
            batches(&[text(9), text(1), text(8), text(2), text(3)], 2),
            [vec![1, 3], vec![4, 2], vec![0]]
        );
        let choices = |n: usize| Target::Choices { choices: vec![vec![1]; n], answer: 0 };
        let examples = [1, 3, 7, 2].map(|n| Example::new(vec![5], choices(n)));
        assert_eq!(batches(&examples, 4), [vec![0, 1], vec![2], vec![3]]);
        assert_eq!(batches(&examples, 0), [vec![0], vec![1], vec![2], vec![3]]);
    }

    #[test]
    fn windows_of_a_question_stay_together() {
        let window = |tokens: usize, continues| {
            let span = ia3_data::Span { continues, ..Default::default() };
            Example::new(vec![5; tokens], Target::Span(span))
        };
        let examples =
            [window(9, false), window(2, true), window(3, false), window(9, false), window(1, true)];
        assert_eq!(batches(&examples, 3), [vec![2, 0, 1], vec![3, 4]]);
        assert_eq!(batches(&examples, 1), [vec![2], vec![0, 1], vec![3, 4]]);
    }
}
