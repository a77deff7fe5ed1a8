//! Feed-forward blocks, in which factors of the inputs of the last layer can move to the outputs of the layer before.

/// Two layers of a feed-forward block. A factor of an input of `second` computes the same as a factor of an output of `first`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct FeedForward {
    /// The path of the layer whose outputs take the factors.
    pub first: String,
    /// The number of outputs of `first` before those that take the factors: the gate, where one projection computes both.
    pub skipped: usize,
    /// The path of the layer whose inputs have the factors.
    pub second: String,
    /// What is between the two layers.
    pub between: Between,
}

/// What is between the two layers of a [`FeedForward`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Between {
    /// A product with the gate, which every factor passes through.
    Gate,
    /// `max(x, 0)`, which the magnitude of a factor passes through. The sign stays with `second`.
    Relu,
}

/// The factors of an input vector after they were moved.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct MovedFactors {
    /// One factor per output of [`FeedForward::first`].
    pub outputs: Vec<f32>,
    /// 1 or −1 per input of [`FeedForward::second`]; `None` if no factor that stays is negative.
    pub signs: Option<Vec<f32>>,
}

impl FeedForward {
    /// The block of two layers.
    pub fn new(first: impl Into<String>, second: impl Into<String>, between: Between) -> Self {
        Self { first: first.into(), skipped: 0, second: second.into(), between }
    }

    /// Sets [`skipped`](Self::skipped).
    pub fn with_skipped(mut self, skipped: usize) -> Self {
        self.skipped = skipped;
        self
    }

    /// Moves the factors `l` of the inputs of `second`.
    ///
    /// `second(max(h, 0) ⊙ l) = second(max(h ⊙ |l|, 0) ⊙ sign(l))`, exactly.
    ///
    /// ```
    /// use ia3_config::{Between, FeedForward};
    ///
    /// let block = FeedForward::new("wi", "wo", Between::Relu);
    /// let moved = block.moved(&[2.0, -0.5, 0.0]);
    /// assert_eq!(moved.outputs, [2.0, 0.5, 0.0]);
    /// assert_eq!(moved.signs.unwrap(), [1.0, -1.0, 1.0]);
    /// ```
    pub fn moved(&self, l: &[f32]) -> MovedFactors {
        let relu = self.between == Between::Relu;
        let factor = |l: &f32| if relu { l.abs() } else { *l };
        let outputs = std::iter::repeat_n(1.0, self.skipped).chain(l.iter().map(factor)).collect();
        let negative = |l: &f32| relu && *l < 0.0;
        let sign = |l: &f32| if negative(l) { -1.0 } else { 1.0 };
        let signs = l.iter().any(negative).then(|| l.iter().map(sign).collect());
        MovedFactors { outputs, signs }
    }
}
