/// What one step did.
#[derive(Clone, Debug, PartialEq)]
pub struct StepReport {
    /// The number of the step, from 1.
    pub step: usize,
    /// The loss before the update, as [`loss`](crate::loss()) defines it: the mean over micro-batches and over tasks.
    pub loss: f32,
    /// The loss of each task, in the order of the tasks; one value for a plain model.
    pub losses: Vec<f32>,
    /// The learning rate of the step.
    pub learning_rate: f64,
    /// The joint norm of the gradients of each task before clipping; `None` if gradients are not clipped.
    pub grad_norms: Option<Vec<f32>>,
    /// Number of tokens of the step, without padding.
    pub tokens: usize,
}

/// What a training did.
#[derive(Clone, Debug, PartialEq)]
pub struct TrainReport {
    /// The loss of each step.
    pub losses: Vec<f32>,
    /// Whether the caller ended the training before its last step.
    pub stopped: bool,
}
