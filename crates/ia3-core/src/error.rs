use ia3_config::Placement;

/// What can go wrong between an adapter and a model.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AdapterError {
    /// The adapter has a vector for a module that the model does not have.
    #[error(
        "the adapter scales `{path}`, which the model does not have{}; was it trained on another base?",
        nearest.as_ref().map(|n| format!(" (closest: `{n}`)")).unwrap_or_default()
    )]
    NoSuchModule {
        /// Module path the adapter names.
        path: String,
        /// The adaptable module with the most similar path.
        nearest: Option<String>,
    },
    /// A vector does not fit the layer it scales.
    #[error(
        "the vector of `{path}` has {found} values, but the layer's {} has {expected}; was the adapter trained on another base?",
        placement
    )]
    Length {
        /// Module path.
        path: String,
        /// What the vector multiplies.
        placement: Placement,
        /// Features of the layer.
        expected: usize,
        /// Values in the vector.
        found: usize,
    },
    /// The adapter has a vector for a module that (IA)³ cannot scale.
    #[error(
        "the adapter scales `{path}`, but it is {kind}, and only Linear, Conv1D, Conv2d and Conv3d can be scaled; was it trained on another base?"
    )]
    NotAdaptable {
        /// Module path.
        path: String,
        /// The module's class and sizes.
        kind: String,
    },
    /// A vector is laid out for another kind of layer, so that saving it would write another shape than PEFT's.
    #[error(
        "the vector of `{path}` is laid out for a weight of {found} axes, but the layer's has {expected}; make it with `Ia3Vector::with_weight_rank({expected})`"
    )]
    WeightRank {
        /// Module path.
        path: String,
        /// Axes of the layer's weight.
        expected: usize,
        /// Axes the vector is laid out for.
        found: usize,
    },
    /// The input of a convolution is scaled, but the number of its channels is not known.
    #[error(
        "the input of `{path}` cannot be scaled: how many groups, and so input channels, {kind} has is not known; derive `Debug` for the modules around it, which shows them"
    )]
    UnknownChannels {
        /// Module path.
        path: String,
        /// The module's class and sizes.
        kind: String,
    },
    /// The module already carries vectors; burn would silently keep the first.
    #[error("`{path}` already carries adapter vectors; attach to the pristine base, not to an adapted model")]
    AlreadyAttached {
        /// Module path.
        path: String,
    },
    /// Two of the adapters to attach hold the very same parameters.
    #[error(
        "two adapters share the vector of `{path}`; attach an adapter once, or give the second its own vectors with `Adapter::fork`"
    )]
    SharedVector {
        /// Module path.
        path: String,
    },
    /// Two adapters to mix place their vectors of one module differently.
    #[error(
        "one adapter scales the input of `{path}` and another its output; such vectors have no common mix"
    )]
    MixedPlacement {
        /// Module path.
        path: String,
    },
    /// Two adapters to mix have vectors of different lengths for one module.
    #[error(
        "the vectors of `{path}` have {expected} and {found} values; were the adapters trained on one base?"
    )]
    MixedLength {
        /// Module path.
        path: String,
        /// Values in the first.
        expected: usize,
        /// Values in the other.
        found: usize,
    },
    /// An adapter to mix holds parameters saved whole, which have no weighted sum around an identity.
    #[error(
        "`{path}` is saved whole in one of the adapters; only vectors mix, so drop its `modules_to_save`"
    )]
    MixedSaved {
        /// Parameter path.
        path: String,
    },
    /// The weight of an adapter to mix is NaN or infinite.
    #[error("the weight of adapter {} is {weight}, expected a finite number", index + 1)]
    MixWeight {
        /// Which of the adapters, from 0.
        index: usize,
        /// The weight.
        weight: f32,
    },
    /// A product has no weights.
    #[error(
        "the weight of adapter {} is {weight}, but a product has no weights; leave them at 1, or mix by the geometric method", index + 1
    )]
    ProductWeight {
        /// Which of the adapters, from 0.
        index: usize,
        /// The weight.
        weight: f32,
    },
    /// The density of a TIES mix is no share.
    #[error("the density is {density}, expected a number from 0 to 1")]
    Density {
        /// The density.
        density: f64,
    },
    /// A geometric mix is undefined for a value and its weight.
    #[error(
        "the vector of `{path}` in adapter {} holds {value}, which has no power {weight}; use another method, or another weight", index + 1
    )]
    NoPower {
        /// Module path.
        path: String,
        /// Which of the adapters, from 0.
        index: usize,
        /// The first such value.
        value: f32,
        /// The weight.
        weight: f32,
    },
    /// A vector to mix, or the mix, is NaN or infinite.
    #[error(
        "{count} values of `{path}` or of its mix are not finite; is an adapter broken, or a weight too large?"
    )]
    MixNotFinite {
        /// Module path.
        path: String,
        /// How many values, in the worst of the vectors.
        count: usize,
    },
    /// There is nothing to mix.
    #[error("there is no adapter to mix")]
    NothingToMix,
    /// No vector scales the output of a projection that holds queries, keys and values.
    #[error(
        "no target is a fused projection of queries, keys and values, so there are no queries to leave out; name the layers of keys and values in `target_modules` instead"
    )]
    NothingFused,
    /// The layer has a bias that weight space cannot scale.
    #[error(
        "`{path}` has a bias, and an output vector scales it too, which an unmodified layer cannot do; call `ia3_forward` in its forward and use `attach`, scale its input instead (`feedforward_modules`), or give it no bias; `merge` is exact with it"
    )]
    BiasInWeightSpace {
        /// Module path.
        path: String,
    },
    /// The model to extract from does not carry this adapter.
    #[error(
        "the model carries no vector of this adapter for `{path}`; extract from the model that the adapter was attached to"
    )]
    NotAttached {
        /// Module path.
        path: String,
    },
    /// A parameter of `modules_to_save` is missing from the model or has another shape.
    #[error("the adapter replaces the parameter `{path}` of shape {found:?}, but the model has {}", expected.as_ref().map(|e| format!("shape {e:?} there")).unwrap_or_else(|| "no such parameter".into()))]
    SavedParameter {
        /// Parameter path.
        path: String,
        /// Shape in the model, or `None` where it has no such parameter.
        expected: Option<Vec<usize>>,
        /// Shape in the adapter.
        found: Vec<usize>,
    },
    /// A batch whose rows have their own adapters has no row.
    #[error("there are no rows; name an adapter, or the base, for each row of the batch")]
    NoRows,
    /// A replaced parameter cannot differ by row.
    #[error(
        "an adapter replaces `{path}`, which cannot differ by row: only whole linear layers (weight, and bias if it has one) can; give the rows of that adapter a batch of their own"
    )]
    SavedByRow {
        /// Parameter path.
        path: String,
    },
    /// A merged weight is NaN or infinite.
    #[error(
        "the merged weight of `{path}` is not finite ({count} values); the adapter seems to be broken, nothing was merged"
    )]
    NotFinite {
        /// Module path.
        path: String,
        /// How many values are NaN or infinite.
        count: usize,
    },
    /// The input of a quantised layer is scaled, which no merge can do exactly.
    #[error(
        "`{path}` is quantised and its input is scaled, which does not merge exactly: of a gated feed-forward block move the vector to the matrix beside the gate (`wi_1`, `up_proj`), quantise the merged float base instead, or accept the error of `merge_requantizing`"
    )]
    QuantizedInput {
        /// Module path.
        path: String,
    },
    /// A quantised weight has scales that serve several outputs, which a merge would have to scale differently.
    #[error(
        "`{path}` is quantised with scales that several outputs share, into which no output vector merges; use `quantize`, which gives each output its own, or `merge_requantizing`"
    )]
    SharedScales {
        /// Module path.
        path: String,
    },
    /// A base to quantise is quantised already.
    #[error("`{path}` is quantised already; quantise the float base")]
    AlreadyQuantized {
        /// Module path of the first such layer.
        path: String,
    },
    /// The integers and scales of a quantised weight are not as many as its shape needs.
    #[error(
        "a quantised weight [d_out, d_in] = {shape:?} has {values} integers and {scales} scales; expected an integer for each weight, and a scale for each block of 1 to 255 inputs of each output"
    )]
    QuantizedParts {
        /// `[d_out, d_in]`
        shape: [usize; 2],
        /// The number of integers.
        values: usize,
        /// The number of scales.
        scales: usize,
    },
    /// An integer of a quantised weight is beyond what its bits hold.
    #[error("a quantised weight holds {value}, expected -{largest} to {largest}")]
    QuantizedRange {
        /// The integer.
        value: i8,
        /// The largest there is.
        largest: u8,
    },
    /// A device cannot hold the blocks of a quantised weight.
    #[error(
        "a block of {block} inputs does not fill whole words of {words} integers, as the device {device} packs them; quantise the float base on that device"
    )]
    QuantizedBlock {
        /// Inputs that share a scale.
        block: usize,
        /// Integers in a word.
        words: usize,
        /// The device.
        device: String,
    },
    /// The configuration does not fit the model.
    #[error(transparent)]
    Config(#[from] ia3_config::ConfigError),
}
