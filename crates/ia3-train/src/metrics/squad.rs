use std::collections::BTreeMap;

/// Exact match and F1 of answers to questions.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct SquadScores {
    /// The share of answers that equal a right answer, but for case, punctuation, articles and spaces.
    pub exact_match: f64,
    /// The mean of F1 over the words that an answer shares with the right answer that fits best.
    pub f1: f64,
}

/// The scores of answers as the scripts of SQuAD compute them, as shares and not in percent. `references` are the right answers of
/// each question.
///
/// If a question has no right answer, the scores are those of SQuAD 2, where the empty text is the right answer to it; otherwise
/// those of SQuAD 1.1. Without questions they are NaN.
///
/// ```
/// use ia3_train::metrics::squad;
///
/// let right = [vec!["the Eiffel Tower".to_string()], vec!["1889".to_string(), "in 1889".to_string()]];
/// let scores = squad(&["Eiffel tower!".to_string(), "March 1889".to_string()], &right);
/// assert_eq!((scores.exact_match, scores.f1), (0.5, (1.0 + 2.0 / 3.0) / 2.0));
/// ```
pub fn squad(predictions: &[String], references: &[Vec<String>]) -> SquadScores {
    let second = references.iter().any(Vec::is_empty);
    let pairs = || predictions.iter().zip(references);
    let count = pairs().count() as f64;
    let mean = |of: fn(&str, &str) -> f64| {
        let best = |(found, right): (&String, &Vec<String>)| best(found, right, second, of);
        pairs().map(best).sum::<f64>() / count
    };
    SquadScores { exact_match: mean(exact), f1: mean(if second { f1_or_both_empty } else { f1 }) }
}

/// Whether an answer equals one of the right answers, as [`squad`] compares them. Without right answers it has to be empty.
pub fn squad_match(prediction: &str, references: &[String]) -> bool {
    best(prediction, references, references.is_empty(), exact) > 0.0
}

/// The largest score over the right answers. SQuAD 2 leaves out those of which nothing remains, and takes the empty text if there
/// are no others.
fn best(found: &str, right: &[String], second: bool, score: fn(&str, &str) -> f64) -> f64 {
    let found = normalised(found);
    let mut right: Vec<String> = right.iter().map(|text| normalised(text)).collect();
    if second {
        right.retain(|text| !text.is_empty());
        right.extend(right.is_empty().then(String::new));
    }
    right.iter().map(|right| score(&found, right)).fold(0.0, f64::max)
}

fn exact(found: &str, right: &str) -> f64 {
    f64::from(found == right)
}

fn f1(found: &str, right: &str) -> f64 {
    let mut left: BTreeMap<&str, usize> = BTreeMap::new();
    found.split_whitespace().for_each(|word| *left.entry(word).or_default() += 1);
    let shared = right.split_whitespace().filter(|word| {
        let count = left.get_mut(word).filter(|count| **count > 0);
        count.map(|count| *count -= 1).is_some()
    });
    let shared = shared.count() as f64;
    let words = |text: &str| text.split_whitespace().count() as f64;
    if shared == 0.0 { 0.0 } else { 2.0 * shared / (words(found) + words(right)) }
}

fn f1_or_both_empty(found: &str, right: &str) -> f64 {
    if found.is_empty() || right.is_empty() { exact(found, right) } else { f1(found, right) }
}

/// The text in lower case, without punctuation, articles and superfluous spaces (`normalize_answer` of the scripts).
fn normalised(text: &str) -> String {
    let lower = text.to_lowercase();
    let text: String = lower.chars().filter(|c| !c.is_ascii_punctuation()).collect();
    let mut kept = String::new();
    let mut rest = text.as_str();
    while let Some(first) = rest.chars().next() {
        let is_word = first.is_alphanumeric();
        let end = rest.find(|c: char| c.is_alphanumeric() != is_word).unwrap_or(rest.len());
        let (run, after) = rest.split_at(end);
        kept += if matches!(run, "a" | "an" | "the") { " " } else { run };
        rest = after;
    }
    kept.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_compared_without_articles_and_punctuation() {
        assert_eq!(normalised("The  U.S.A., an area–a state\n(theory)"), "usa area– state theory");
        assert!(squad_match("the Rhine", &["Rhine.".into()]));
        assert!(squad_match("", &[]) && !squad_match("Rhine", &[]) && !squad_match("", &["Rhine".into()]));
    }

    #[test]
    fn a_question_without_an_answer_makes_it_the_second_version() {
        let answers = ["a".to_string(), String::new()];
        let first = squad(&answers, &[vec!["the".into()], vec!["x".into()]]);
        assert_eq!((first.exact_match, first.f1), (0.5, 0.0), "nothing is shared by two empty texts");
        let second = squad(&answers, &[vec!["the".into()], vec![]]);
        assert_eq!((second.exact_match, second.f1), (1.0, 1.0));
    }
}
