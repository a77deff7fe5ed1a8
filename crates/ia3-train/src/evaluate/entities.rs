//! Precision, recall and F1 of entities, as the package seqeval computes them in its default mode.

use std::collections::BTreeSet;

/// How well entities are found. An entity counts if its class, its first and its last word are right.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct EntityScores {
    /// The share of predicted entities that are right; 0 without predictions.
    pub precision: f64,
    /// The share of expected entities that are predicted; 0 without entities.
    pub recall: f64,
    /// The harmonic mean of both; 0 if both are 0.
    pub f1: f64,
}

/// The scores of predicted tags, over all sentences together. A tag is `O`, or a prefix (`B`, `I`, `E` or `S`), `-` and a class.
///
/// ```
/// use ia3_train::entity_scores;
///
/// let tags = |line: &str| line.split(' ').map(String::from).collect::<Vec<_>>();
/// let scores = entity_scores(&[tags("B-PER I-PER O B-LOC")], &[tags("B-PER I-PER O O")]);
/// assert_eq!((scores.precision, scores.recall), (1.0, 0.5));
/// ```
pub fn entity_scores(expected: &[Vec<String>], predicted: &[Vec<String>]) -> EntityScores {
    let (expected, predicted) = (entities(expected), entities(predicted));
    let right = expected.intersection(&predicted).count() as f64;
    let share = |of: usize| if of == 0 { 0.0 } else { right / of as f64 };
    let (precision, recall) = (share(predicted.len()), share(expected.len()));
    let sum = precision + recall;
    EntityScores { precision, recall, f1: if sum > 0.0 { 2.0 * precision * recall / sum } else { 0.0 } }
}

/// The entities of sentences: sentence, class, first and last word.
fn entities(sentences: &[Vec<String>]) -> BTreeSet<(usize, &str, usize, usize)> {
    sentences.iter().enumerate().flat_map(|(sentence, tags)| of_sentence(sentence, tags)).collect()
}

fn of_sentence(sentence: usize, tags: &[String]) -> Vec<(usize, &str, usize, usize)> {
    let (mut before, mut start, mut found) = (Tag::OUTSIDE, 0, vec![]);
    for (i, tag) in tags.iter().map(|tag| Tag::of(tag)).chain([Tag::OUTSIDE]).enumerate() {
        if before.ends(tag) {
            found.push((sentence, before.class, start, i - 1));
        }
        if before.starts(tag) {
            start = i;
        }
        before = tag;
    }
    found
}

/// A tag in its parts.
#[derive(Clone, Copy)]
struct Tag<'a> {
    prefix: char,
    class: &'a str,
}

impl<'a> Tag<'a> {
    const OUTSIDE: Tag<'static> = Tag { prefix: 'O', class: "_" };

    fn of(tag: &'a str) -> Self {
        let prefix = tag.chars().next().unwrap_or('O');
        let rest = tag.get(prefix.len_utf8()..).unwrap_or_default();
        let class = rest.split_once('-').map_or(rest, |(_, class)| class);
        Self { prefix, class: if class.is_empty() { "_" } else { class } }
    }

    /// Whether an entity whose last tag is this one ends before `next`.
    fn ends(self, next: Tag) -> bool {
        let inside = matches!(self.prefix, 'B' | 'I') && matches!(next.prefix, 'B' | 'S' | 'O');
        matches!(self.prefix, 'E' | 'S')
            || inside
            || (!matches!(self.prefix, 'O' | '.') && self.class != next.class)
    }

    /// Whether an entity starts at `next`, which follows this tag.
    fn starts(self, next: Tag) -> bool {
        let after_end = matches!(self.prefix, 'E' | 'S' | 'O') && matches!(next.prefix, 'E' | 'I');
        matches!(next.prefix, 'B' | 'S')
            || after_end
            || (!matches!(next.prefix, 'O' | '.') && self.class != next.class)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tags(line: &str) -> Vec<String> {
        line.split(' ').map(String::from).collect()
    }

    /// Values of `seqeval.metrics.sequence_labeling.get_entities` 1.2.2.
    #[test]
    fn entities_are_those_of_seqeval() {
        let of = |line: &str| -> Vec<String> {
            let sentence = [tags(line)];
            entities(&sentence).into_iter().map(|(_, class, a, b)| format!("{class} {a}-{b}")).collect()
        };
        assert_eq!(of("B-PER I-PER O B-LOC"), ["LOC 3-3", "PER 0-1"]);
        assert_eq!(of("I-PER I-PER I-LOC O"), ["LOC 2-2", "PER 0-1"]);
        assert_eq!(of("B-PER B-PER O I-PER"), ["PER 0-0", "PER 1-1", "PER 3-3"]);
        assert_eq!(of("S-LOC B-PER I-PER E-PER S-PER"), ["LOC 0-0", "PER 1-3", "PER 4-4"]);
        assert_eq!(of("B-A-B I-A-B"), ["A-B 0-1"]);
        assert!(of("O O").is_empty());
    }

    #[test]
    fn scores_are_over_all_sentences() {
        let expected = [tags("B-PER I-PER O"), tags("B-LOC O O")];
        let predicted = [tags("B-PER O O"), tags("B-LOC O B-LOC")];
        let scores = entity_scores(&expected, &predicted);
        assert_eq!((scores.precision, scores.recall), (1.0 / 3.0, 0.5));
        assert!((scores.f1 - 0.4).abs() < 1e-12);
        assert_eq!(entity_scores(&[tags("O")], &[tags("O")]), EntityScores::default());
    }
}
