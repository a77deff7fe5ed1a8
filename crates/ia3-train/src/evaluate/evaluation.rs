/// How well a model does on examples.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Evaluation {
    /// Number of examples.
    pub examples: usize,
    /// The loss over all examples together: the mean cross entropy per target token or per class. For choices it is the
    /// weighted sum of the terms, each a mean over the whole data, without the constant that padding adds to the authors'
    /// unlikelihood loss.
    pub loss: f64,
    /// Share of examples whose answer is the target: the greedy generation, token for token; the class; the choice.
    pub exact_match: f64,
    /// Share of examples whose class or choice is right. `None` if the targets are texts.
    pub accuracy: Option<f64>,
    /// The generated ids in the order of the examples, without start token, end token and padding. Empty if the targets are
    /// classes or choices.
    pub generated: Vec<Vec<i64>>,
    /// The predicted class or choice of each example. Empty if the targets are texts.
    pub predictions: Vec<usize>,
    /// Mean scores of right and wrong choices. `None` unless the targets are choices.
    pub scores: Option<MeanScores>,
}

/// Means of the scores `s = (Σ −log p) / T^length_norm` of choices. The choice with the lowest score is predicted.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MeanScores {
    /// Mean score of the right choices.
    pub right: f64,
    /// Mean score of the best wrong choice of each example. NaN if there are no wrong choices.
    pub best_wrong: f64,
}
