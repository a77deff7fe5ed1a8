use std::collections::{BTreeMap, BTreeSet};

/// Hits, and the numbers of predictions and of references, of one class.
#[derive(Clone, Copy, Default)]
struct Count {
    hits: f64,
    predicted: f64,
    wanted: f64,
}

impl Count {
    fn f1(self) -> f64 {
        let all = self.predicted + self.wanted;
        if all == 0.0 { 0.0 } else { 2.0 * self.hits / all }
    }
}

fn counts<T: Ord + Clone>(predictions: &[T], references: &[T]) -> BTreeMap<T, Count> {
    let mut counts: BTreeMap<T, Count> = BTreeMap::new();
    for (prediction, reference) in predictions.iter().zip(references) {
        counts.entry(prediction.clone()).or_default().predicted += 1.0;
        let wanted = counts.entry(reference.clone()).or_default();
        wanted.wanted += 1.0;
        wanted.hits += f64::from(prediction == reference);
    }
    counts
}

/// The mean over the classes of F1, as `sklearn.metrics.f1_score(average="macro")`. A class counts if it is predicted or wanted.
///
/// Classes may be numbers or texts. Without examples the result is NaN.
pub fn macro_f1<T: Ord + Clone>(predictions: &[T], references: &[T]) -> f64 {
    let counts = counts(predictions, references);
    counts.values().map(|count| count.f1()).sum::<f64>() / counts.len() as f64
}

/// F1 over all classes together, as `sklearn.metrics.f1_score(average="micro")`. With one class per example it is the accuracy.
pub fn micro_f1<T: Ord + Clone>(predictions: &[T], references: &[T]) -> f64 {
    let all = counts(predictions, references).into_values().reduce(|a, b| Count {
        hits: a.hits + b.hits,
        predicted: a.predicted + b.predicted,
        wanted: a.wanted + b.wanted,
    });
    all.map_or(f64::NAN, Count::f1)
}

/// The correlation of Matthews for any number of classes, as `sklearn.metrics.matthews_corrcoef`: 0 where one side has one
/// class only.
pub fn matthews<T: Ord + Clone>(predictions: &[T], references: &[T]) -> f64 {
    let counts = counts(predictions, references);
    let classes: BTreeSet<&T> = counts.keys().collect();
    let samples = predictions.len().min(references.len()) as f64;
    let of = |value: fn(&Count) -> f64| classes.iter().map(|class| value(&counts[*class])).sum::<f64>();
    let hits = of(|count| count.hits);
    let covariance = hits * samples - of(|count| count.predicted * count.wanted);
    let spread = |squares: f64| samples * samples - squares;
    let product = spread(of(|count| count.predicted.powi(2))) * spread(of(|count| count.wanted.powi(2)));
    if product == 0.0 { 0.0 } else { covariance / product.sqrt() }
}
