use std::collections::HashMap;

/// The longest groups of words that count.
const GROUPS: usize = 4;

/// BLEU of a corpus with one reference per answer, from 0 to 100, as sacrebleu computes it by default: its tokenizer `13a` and
/// exponential smoothing.
pub fn bleu<S: AsRef<str>>(predictions: &[S], references: &[S]) -> f64 {
    let (mut hits, mut totals) = ([0; GROUPS], [0; GROUPS]);
    let (mut predicted, mut wanted) = (0, 0);
    for (prediction, reference) in predictions.iter().zip(references) {
        let (prediction, reference) = (tokens(prediction.as_ref()), tokens(reference.as_ref()));
        predicted += prediction.len();
        wanted += reference.len();
        for size in 1..=GROUPS {
            totals[size - 1] += (prediction.len() + 1).saturating_sub(size);
            hits[size - 1] += matches(&prediction, &reference, size);
        }
    }
    if hits.iter().all(|&hits| hits == 0) {
        return 0.0;
    }
    score(hits, totals, predicted as f64, wanted as f64)
}

fn score(hits: [usize; GROUPS], totals: [usize; GROUPS], predicted: f64, wanted: f64) -> f64 {
    let (mut smooth, mut logarithms) = (1.0, 0.0);
    for (hits, total) in hits.into_iter().zip(totals) {
        if total == 0 {
            return 0.0;
        }
        let precision = match hits {
            0 => {
                smooth *= 2.0;
                100.0 / (smooth * total as f64)
            }
            hits => 100.0 * hits as f64 / total as f64,
        };
        logarithms += precision.ln();
    }
    let brevity = if predicted < wanted { (1.0 - wanted / predicted).exp() } else { 1.0 };
    brevity * (logarithms / GROUPS as f64).exp()
}

/// The number of groups of the prediction that the reference has too, each as often as there.
fn matches(prediction: &[String], reference: &[String], size: usize) -> usize {
    let mut left: HashMap<&[String], usize> = HashMap::new();
    reference.windows(size).for_each(|group| *left.entry(group).or_default() += 1);
    let mut take = |group: &&[String]| match left.get_mut(*group) {
        Some(count) if *count > 0 => {
            *count -= 1;
            true
        }
        _ => false,
    };
    prediction.windows(size).filter(|group| take(group)).count()
}

/// The tokenizer `13a` of mteval-v13a.pl.
fn tokens(text: &str) -> Vec<String> {
    let text = text.trim_end().replace("<skipped>", "").replace("-\n", "").replace('\n', " ");
    let text = text.replace("&quot;", "\"").replace("&amp;", "&").replace("&lt;", "<").replace("&gt;", ">");
    let chars: Vec<char> = format!(" {text} ").chars().collect();
    let mut out = String::new();
    for (place, &c) in chars.iter().enumerate() {
        let digit = |place: Option<usize>| place.and_then(|p| chars.get(p)).is_some_and(char::is_ascii_digit);
        let (before, after) = (digit(place.checked_sub(1)), digit(Some(place + 1)));
        match c {
            '{'..='~' | '['..='`' | ' '..='&' | '('..='+' | ':'..='@' | '/' => out.extend([' ', c, ' ']),
            // A full stop or comma stays inside a number.
            '.' | ',' if before && after => out.push(c),
            '.' | ',' => out.extend([' ', c, ' ']),
            '-' if before => out.extend([' ', c, ' ']),
            c => out.push(c),
        }
    }
    out.split_whitespace().map(str::to_string).collect()
}
