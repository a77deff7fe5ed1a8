use std::collections::HashMap;

/// F1 of ROUGE-1, ROUGE-2 and ROUGE-L, each from 0 to 1.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Rouge {
    /// Of single words.
    pub rouge1: f64,
    /// Of pairs of words.
    pub rouge2: f64,
    /// Of the longest common subsequence.
    pub rouge_l: f64,
}

/// The means over all answers of F1 of ROUGE, as Google's package `rouge_score` computes it without a stemmer. Words are runs of
/// the letters a to z and digits, in lower case.
///
/// Without answers all are NaN.
pub fn rouge<S: AsRef<str>>(predictions: &[S], references: &[S]) -> Rouge {
    let mut sum = Rouge::default();
    for (prediction, reference) in predictions.iter().zip(references) {
        let (prediction, reference) = (words(prediction.as_ref()), words(reference.as_ref()));
        sum.rouge1 += of_groups(&prediction, &reference, 1);
        sum.rouge2 += of_groups(&prediction, &reference, 2);
        let common = longest_common(&prediction, &reference);
        sum.rouge_l += f1(common, prediction.len(), reference.len());
    }
    let count = predictions.len().min(references.len()) as f64;
    Rouge { rouge1: sum.rouge1 / count, rouge2: sum.rouge2 / count, rouge_l: sum.rouge_l / count }
}

fn words(text: &str) -> Vec<String> {
    let lower = text.to_lowercase();
    let words = lower.split(|c: char| !c.is_ascii_lowercase() && !c.is_ascii_digit());
    words.filter(|word| !word.is_empty()).map(str::to_string).collect()
}

fn of_groups(prediction: &[String], reference: &[String], size: usize) -> f64 {
    let mut wanted: HashMap<&[String], usize> = HashMap::new();
    reference.windows(size).for_each(|group| *wanted.entry(group).or_default() += 1);
    let mut hits = 0;
    for group in prediction.windows(size) {
        if let Some(left) = wanted.get_mut(group).filter(|left| **left > 0) {
            *left -= 1;
            hits += 1;
        }
    }
    let groups = |words: &[String]| (words.len() + 1).saturating_sub(size);
    f1(hits, groups(prediction), groups(reference))
}

fn f1(hits: usize, predicted: usize, wanted: usize) -> f64 {
    let share = |all: usize| hits as f64 / all.max(1) as f64;
    let (precision, recall) = (share(predicted), share(wanted));
    if hits == 0 { 0.0 } else { 2.0 * precision * recall / (precision + recall) }
}

/// The length of the longest common subsequence.
fn longest_common(a: &[String], b: &[String]) -> usize {
    let mut row = vec![0; b.len() + 1];
    for word in a {
        let mut diagonal = 0;
        for (place, other) in b.iter().enumerate() {
            let above = row[place + 1];
            row[place + 1] = if word == other { diagonal + 1 } else { above.max(row[place]) };
            diagonal = above;
        }
    }
    row.last().copied().unwrap_or(0)
}
