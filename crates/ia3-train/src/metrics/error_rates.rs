/// The share of wrong words of texts, as the package jiwer computes it: the fewest words to replace, leave out or add so that each
/// text becomes its reference, over the number of words of all references. Words are separated by spaces; case and punctuation count.
/// It may be more than 1. Without a word in the references it is NaN.
///
/// ```
/// use ia3_train::metrics::word_error_rate;
///
/// assert_eq!(word_error_rate(&["the cat sat down"], &["a cat sat"]), 2.0 / 3.0);
/// ```
pub fn word_error_rate<S: AsRef<str>>(predictions: &[S], references: &[S]) -> f64 {
    rate(predictions, references, |text| text.split_whitespace().collect::<Vec<_>>())
}

/// The share of wrong characters of texts, as [`word_error_rate`] of characters. Spaces at both ends of a text do not count.
pub fn character_error_rate<S: AsRef<str>>(predictions: &[S], references: &[S]) -> f64 {
    rate(predictions, references, |text| text.trim().chars().collect::<Vec<_>>())
}

fn rate<'a, S: AsRef<str>, T: PartialEq>(
    predictions: &'a [S],
    references: &'a [S],
    parts: impl Fn(&'a str) -> Vec<T>,
) -> f64 {
    let (mut edits, mut count) = (0, 0);
    for (prediction, reference) in predictions.iter().zip(references) {
        let (prediction, reference) = (parts(prediction.as_ref()), parts(reference.as_ref()));
        edits += distance(&prediction, &reference);
        count += reference.len();
    }
    if count == 0 { f64::NAN } else { edits as f64 / count as f64 }
}

/// The fewest parts to replace, leave out or add so that one list becomes the other (Levenshtein's distance).
fn distance<T: PartialEq>(from: &[T], to: &[T]) -> usize {
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (done, part) in from.iter().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], done + 1);
        for (place, other) in to.iter().enumerate() {
            let replaced = diagonal + usize::from(part != other);
            diagonal = row[place + 1];
            row[place + 1] = replaced.min(diagonal + 1).min(row[place] + 1);
        }
    }
    row.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_are_counted_over_all_texts_together() {
        // Values of jiwer 4.0.
        let (found, wanted) = (["the cat", "on a  mat "], ["a cat sat", "on the mat"]);
        assert_eq!(word_error_rate(&found, &wanted), 0.5);
        assert_eq!(character_error_rate(&["wxz", " b "], &["wxyz", "bb"]), 2.0 / 6.0);
        assert_eq!(word_error_rate(&["a b c"], &["d"]), 3.0);
        assert!(word_error_rate(&["a"], &[""]).is_nan());
    }
}
