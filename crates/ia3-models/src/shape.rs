use crate::activation::Activation;

/// The sizes of a model that its costs need in addition to the sizes of its layers.
pub(crate) struct Shape {
    /// Whether each token passes through only one of two stacks, as in an encoder-decoder.
    pub(crate) two_stacks: bool,
    /// The number of attention layers.
    pub(crate) attentions: usize,
    /// The number of heads of each attention layer.
    pub(crate) heads: usize,
    /// The number of values that a token of the prompt adds to the cache of keys and values.
    pub(crate) cached: usize,
    /// The number of experts that each token takes, and that of all experts, where there are some.
    pub(crate) experts: Option<[usize; 2]>,
}

impl Shape {
    /// The shape of a model with one stack. Each of its attention layers has `heads` heads, and its keys have `d_kv` values
    /// per token in all heads together.
    pub(crate) fn of_one_stack(layers: usize, heads: usize, d_kv: usize) -> Self {
        Self { two_stacks: false, attentions: layers, heads, cached: 2 * layers * d_kv, experts: None }
    }
}

/// The configuration of a model whose costs can be computed.
pub(crate) trait HasShape {
    /// The activation of feed-forward blocks of two layers, or `None` if the blocks have another form.
    fn activation(&self) -> Option<Activation> {
        None
    }

    fn shape(&self) -> Shape;
}
