use ia3_config::Placement;
use ia3_guard::quote;

use crate::quantization_error::QuantizationError;

/// An error in applying an adapter to a model, or in merging, mixing or quantising.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AdapterError {
    /// The adapter has a vector for a module that the model does not have.
    #[error(
        "the adapter scales `{path}`, but the model has no such module{}; was the adapter trained on another base?",
        nearest.as_ref().map(|n| format!(" (closest: `{}`)", quote(n))).unwrap_or_default(),
        path = quote(path)
    )]
    NoSuchModule {
        /// The module path in the adapter.
        path: String,
        /// The adaptable module with the most similar path.
        nearest: Option<String>,
    },
    /// A vector does not fit the layer it scales.
    #[error(
        "the vector of `{path}` has {found} values, but the layer's {} has {expected}; was the adapter trained on another base?",
        placement,
        path = quote(path)
    )]
    Length {
        /// Module path.
        path: String,
        /// The side of the layer that the vector multiplies.
        placement: Placement,
        /// The number of features on that side of the layer.
        expected: usize,
        /// The number of values in the vector.
        found: usize,
    },
    /// The adapter has a vector for a module that (IA)³ cannot scale.
    #[error(
        "the adapter scales `{path}`, which is {kind}, but only Linear, Conv1D, Conv2d and Conv3d can be scaled; was the adapter trained on another base?",
        path = quote(path),
        kind = quote(kind)
    )]
    NotAdaptable {
        /// Module path.
        path: String,
        /// The module's class and sizes.
        kind: String,
    },
    /// A vector was made for a layer whose weight has another number of axes. Saving it would write a shape that differs
    /// from PEFT's.
    #[error(
        "the vector of `{path}` is made for a weight with {found} axes, but the weight of the layer has {expected}; make the vector with `Ia3Vector::with_weight_rank({expected})`",
        path = quote(path)
    )]
    WeightRank {
        /// Module path.
        path: String,
        /// The number of axes of the layer's weight.
        expected: usize,
        /// The number of axes of the weight that the vector is made for.
        found: usize,
    },
    /// The input of a convolution is scaled, but the number of its channels is not known.
    #[error(
        "the input of `{path}` cannot be scaled: the number of groups of {kind} is not known, and so neither is its number of input channels; derive `Debug` for the modules around it, from which the groups are read",
        path = quote(path),
        kind = quote(kind)
    )]
    UnknownChannels {
        /// Module path.
        path: String,
        /// The module's class and sizes.
        kind: String,
    },
    /// The module already carries vectors. burn would silently keep the first ones.
    #[error(
        "`{path}` already carries adapter vectors; attach to the base, not to an adapted model",
        path = quote(path)
    )]
    AlreadyAttached {
        /// Module path.
        path: String,
    },
    /// Two of the adapters to attach hold the same parameters.
    #[error(
        "two adapters share the vector of `{path}`; attach an adapter only once, or give the second one its own vectors with `Adapter::fork`",
        path = quote(path)
    )]
    SharedVector {
        /// Module path.
        path: String,
    },
    /// Two adapters to mix have different placements for the vector of one module.
    #[error(
        "one adapter scales the input of `{path}` and another scales its output; only vectors with the same placement can be mixed",
        path = quote(path)
    )]
    MixedPlacement {
        /// Module path.
        path: String,
    },
    /// Two adapters to mix have vectors of different lengths for one module.
    #[error(
        "the vectors of `{path}` have {expected} and {found} values, but only vectors of one length can be mixed; were the adapters trained on the same base?",
        path = quote(path)
    )]
    MixedLength {
        /// Module path.
        path: String,
        /// The number of values in the first vector.
        expected: usize,
        /// The number of values in the other vector.
        found: usize,
    },
    /// An adapter to mix holds parameters of `modules_to_save`. Only vectors can be mixed, because only they have an identity
    /// (one) around which a weighted sum is taken.
    #[error(
        "one of the adapters saves `{path}` whole, but only vectors can be mixed; use adapters without `modules_to_save`",
        path = quote(path)
    )]
    MixedSaved {
        /// Parameter path.
        path: String,
    },
    /// The weight of an adapter to mix is NaN or infinite.
    #[error("the weight of adapter {} is {weight}, expected a finite number", index + 1)]
    MixWeight {
        /// The index of the adapter, from 0.
        index: usize,
        /// The weight.
        weight: f32,
    },
    /// A weight other than 1 was given for a mix by product, which has no weights.
    #[error(
        "the weight of adapter {} is {weight}, but a product has no weights; leave every weight at 1, or use the geometric method", index + 1
    )]
    ProductWeight {
        /// The index of the adapter, from 0.
        index: usize,
        /// The weight.
        weight: f32,
    },
    /// The density of a TIES mix is not a number from 0 to 1.
    #[error("the density is {density}, expected a number from 0 to 1")]
    Density {
        /// The density.
        density: f64,
    },
    /// A geometric mix raises each value to the power of its weight, and this power is not defined for one of the values.
    #[error(
        "the vector of `{path}` in adapter {} holds {value}, which cannot be raised to the power {weight}; use another method or another weight",
        index + 1,
        path = quote(path)
    )]
    NoPower {
        /// Module path.
        path: String,
        /// The index of the adapter, from 0.
        index: usize,
        /// The first such value.
        value: f32,
        /// The weight.
        weight: f32,
    },
    /// A vector to mix, or the result, holds values that are NaN or infinite.
    #[error(
        "the vector of `{path}` is not finite ({count} values) in an adapter or in the mix; check whether an adapter is broken or a weight is too large",
        path = quote(path)
    )]
    MixNotFinite {
        /// Module path.
        path: String,
        /// The number of such values in the vector that has the most of them.
        count: usize,
    },
    /// The layers of two adapters to mix belong to different architectures.
    #[error(
        "adapter {} is for the architecture {first} and adapter {} for {other}; only adapters of one architecture can be mixed",
        first_index + 1, index + 1
    )]
    MixedArchitectures {
        /// The index of an adapter, from 0.
        first_index: usize,
        /// Its architecture.
        first: String,
        /// The index of the other adapter, from 0.
        index: usize,
        /// Its architecture.
        other: String,
    },
    /// The list of adapters to mix is empty.
    #[error("there is no adapter to mix; give at least one")]
    NothingToMix,
    /// The queries are to be left out, but no vector scales the output of one projection for queries, keys and values.
    #[error(
        "no target is a fused projection of queries, keys and values, so there are no queries to leave out; name the layers that compute keys and values in `target_modules` instead"
    )]
    NothingFused,
    /// The layer has a bias, which a vector in weight space cannot scale.
    #[error(
        "`{path}` has a bias, which an output vector must scale too, but an unmodified layer cannot scale its bias; call `ia3_forward` in the module's forward and use `attach`, scale the input of the layer instead (`feedforward_modules`), or use a layer without a bias; `merge` is exact for this layer",
        path = quote(path)
    )]
    BiasInWeightSpace {
        /// Module path.
        path: String,
    },
    /// The model to extract from does not carry this adapter.
    #[error(
        "the model carries no vector of this adapter for `{path}`; extract from the model that the adapter was attached to",
        path = quote(path)
    )]
    NotAttached {
        /// Module path.
        path: String,
    },
    /// A parameter of `modules_to_save` is missing from the model or has another shape.
    #[error(
        "the adapter replaces the parameter `{path}` of shape {found:?}, but {}",
        expected.as_ref().map(|e| format!("the model's has the shape {e:?}")).unwrap_or_else(|| "the model has no such parameter".into()),
        path = quote(path)
    )]
    SavedParameter {
        /// Parameter path.
        path: String,
        /// The shape in the model, or `None` if the model has no such parameter.
        expected: Option<Vec<usize>>,
        /// The shape in the adapter.
        found: Vec<usize>,
    },
    /// The list that names the adapter of each row of a batch is empty.
    #[error("the list of rows is empty; name an adapter, or the base, for each row of the batch")]
    NoRows,
    /// An adapter of a mixed batch replaces a parameter that cannot differ between the rows.
    #[error(
        "an adapter replaces `{path}`, which cannot differ between the rows of a batch: only whole linear layers (the weight, and the bias if the layer has one) can; put the rows of that adapter into a batch of their own",
        path = quote(path)
    )]
    SavedByRow {
        /// Parameter path.
        path: String,
    },
    /// A vector holds values that the dtype of a table has no number for.
    #[error(
        "the vector of `{path}` has {count} values that are too large for the dtype of the table; store the adapters in bfloat16 or float32",
        path = quote(path)
    )]
    NotStorable {
        /// Module path.
        path: String,
        /// The number of such values.
        count: usize,
    },
    /// A merged weight holds values that are NaN or infinite.
    #[error(
        "the merged weight of `{path}` is not finite ({count} values), so nothing was merged; check whether the adapter is broken",
        path = quote(path)
    )]
    NotFinite {
        /// Module path.
        path: String,
        /// The number of values that are NaN or infinite.
        count: usize,
    },
    /// A weight cannot be quantised, or a vector cannot be merged into a quantised one.
    #[error(transparent)]
    Quantization(#[from] QuantizationError),
    /// The configuration does not fit the model.
    #[error(transparent)]
    Config(#[from] ia3_config::ConfigError),
}
