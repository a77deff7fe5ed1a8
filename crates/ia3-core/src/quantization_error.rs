use ia3_guard::quote;

/// An error in quantising weights, or in merging into quantised weights.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum QuantizationError {
    /// A vector scales the input of a quantised layer by other factors than 1, −1 and 0. Such a vector cannot be merged exactly.
    #[error(
        "`{path}` is quantised, and a vector on the input of a quantised layer cannot be merged exactly: in a feed-forward block with a gate or a ReLU, move the vector to the layer before (`move_inputs`); else merge into the float base and quantise the result, or accept the rounding error of `merge_requantizing`",
        path = quote(path)
    )]
    InputVector {
        /// Module path.
        path: String,
    },
    /// A quantised weight has scales that several outputs share, or another layout than [`quantize`](crate::quantize) makes, so
    /// a vector cannot be merged into its scales and integers.
    #[error(
        "`{path}` is quantised with scales that several outputs share, so a vector cannot be merged into them; quantise with `quantize`, which gives each output its own scales, or use `merge_requantizing`",
        path = quote(path)
    )]
    SharedScales {
        /// Module path.
        path: String,
    },
    /// The base to quantise is quantised already.
    #[error("`{path}` is quantised already; quantise the float base instead", path = quote(path))]
    AlreadyQuantized {
        /// Module path of the first such layer.
        path: String,
    },
    /// The number of integers or scales of a quantised weight does not fit its shape.
    #[error(
        "a quantised weight of shape [d_out, d_in] = {shape:?} has {values} integers and {scales} scales; expected one integer per weight, and one scale per block of 1 to 255 inputs of each output"
    )]
    Parts {
        /// The shape `[d_out, d_in]` of the weight.
        shape: [usize; 2],
        /// The number of integers.
        values: usize,
        /// The number of scales.
        scales: usize,
    },
    /// An integer of a quantised weight is outside of the range of its bits.
    #[error("a quantised weight holds the integer {value}, expected {smallest} to {largest}")]
    Range {
        /// The integer.
        value: i8,
        /// The smallest value of the range.
        smallest: i8,
        /// The largest value of the range.
        largest: i8,
    },
    /// A vector changes the sign of an input of a quantised layer, and one of the input's integers has no opposite.
    #[error(
        "`{path}` holds the integer {value} in input {input}, whose opposite its bits cannot hold, so the sign of that input cannot be changed exactly; accept the rounding error of `merge_requantizing`",
        path = quote(path)
    )]
    NoOpposite {
        /// Module path.
        path: String,
        /// The input.
        input: usize,
        /// The integer.
        value: i8,
    },
    /// A vector changes the sign of some inputs of a layer whose blocks have minima, or makes them zero.
    #[error(
        "the blocks of `{path}` have minima, which input {input} shares with others, so it cannot be multiplied by {factor} exactly; accept the rounding error of `merge_requantizing`",
        path = quote(path)
    )]
    SharedMinima {
        /// Module path.
        path: String,
        /// The input.
        input: usize,
        /// −1 or 0.
        factor: i8,
    },
    /// The number of minima of a quantised weight is not that of its scales.
    #[error(
        "a quantised weight has {minima} minima and {scales} scales; expected one minimum for each scale"
    )]
    Minima {
        /// The number of minima.
        minima: usize,
        /// The number of scales.
        scales: usize,
    },
    /// A device cannot store minima of blocks.
    #[error(
        "blocks with minima cannot be stored on the device {device}, but only on the CPU (`flex`); load the base on that device without keeping its integers (`--keep-quantized`, `with_keep_quantized`), or on the CPU",
        device = quote(device)
    )]
    MinimaOnDevice {
        /// The device.
        device: String,
    },
    /// A device cannot store the blocks of a quantised weight.
    #[error(
        "a block of {block} inputs cannot be stored on the device {device}, which packs {words} integers into a word and needs blocks that fill whole words; quantise the float base on that device",
        device = quote(device)
    )]
    Block {
        /// The number of inputs that share a scale.
        block: usize,
        /// The number of integers in a word.
        words: usize,
        /// The device.
        device: String,
    },
}
