use super::entities::EntityScores;

/// How well a model does on examples.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Evaluation {
    /// Number of examples, or of questions.
    pub examples: usize,
    /// The loss over all examples together: the mean cross entropy per target token or per class. For choices it is the
    /// weighted sum of the terms, each a mean over the whole data, without the constant that padding adds to the authors'
    /// unlikelihood loss.
    pub loss: f64,
    /// Share of examples whose answer is the target: the greedy generation, token for token; the class; the choice; all
    /// classes of the tokens or of the input; a right answer of the question, as [`squad`](crate::metrics::squad) compares them.
    /// It is 0 for a regression.
    pub exact_match: f64,
    /// Share of examples whose class or choice is right. `None` if the targets are texts.
    pub accuracy: Option<f64>,
    /// The generated ids in the order of the examples, without start token, end token and padding. Empty if the targets are
    /// classes or choices.
    pub generated: Vec<Vec<i64>>,
    /// The predicted class or choice of each example. Empty if the targets are texts.
    pub predictions: Vec<usize>,
    /// What the evaluation is judged by. It is [`exact_match`](Self::exact_match), except for the metrics of other targets.
    pub metric: Metric,
    /// The value of the metric.
    pub score: f64,
    /// The predicted values of each example: the numbers of a regression, or 1 and 0 for the classes. Empty for other targets.
    pub values: Vec<Vec<f32>>,
    /// The predicted class of each token of each example, -100 where the target has none. Empty for other targets.
    pub token_classes: Vec<Vec<i64>>,
    /// The answer to each question, at the place of its first window; empty for its other windows, and for other targets.
    pub answers: Vec<String>,
    /// Precision, recall and F1 of entities, if the targets are classes of tokens.
    pub entities: Option<EntityScores>,
    /// Mean scores of right and wrong choices. `None` unless the targets are choices.
    pub scores: Option<MeanScores>,
}

/// A measure of answers; larger is better.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Metric {
    /// The share of exactly right answers.
    #[default]
    ExactMatch,
    /// The share of right classes or choices.
    Accuracy,
    /// F1 of entities, of the classes of all examples together, or of the words of answers.
    F1,
    /// The correlation of the predicted numbers with the targets; 0 if one of the two does not vary.
    Pearson,
}

impl Metric {
    /// The name, such as `exact_match`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ExactMatch => "exact_match",
            Self::Accuracy => "accuracy",
            Self::F1 => "f1",
            Self::Pearson => "pearson",
        }
    }
}

/// Means of the scores `s = (Σ −log p) / T^length_norm` of choices. The choice with the lowest score is predicted.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MeanScores {
    /// Mean score of the right choices.
    pub right: f64,
    /// Mean score of the best wrong choice of each example. NaN if there are no wrong choices.
    pub best_wrong: f64,
}
