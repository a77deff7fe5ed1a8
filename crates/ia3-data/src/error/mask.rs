/// What can be wrong with hidden tokens.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MaskError {
    /// The share of tokens that are hidden is no share.
    #[error("the share of tokens that the mask hides is {found}, expected a number between 0 and 1")]
    MaskShare {
        /// The share.
        found: f64,
    },
    /// A tokenizer has no mask token.
    #[error(
        "the tokenizer has neither `[MASK]` nor `<mask>`; name its mask token, or take the base of a masked language model"
    )]
    NoMaskToken,
    /// A text with mask tokens has another length than what they hide.
    #[error(
        "the text has {input} tokens and the target {target}; write one mask token for each token that is hidden"
    )]
    MaskedLength {
        /// The number of tokens of the text.
        input: usize,
        /// The number of tokens of the target.
        target: usize,
    },
    /// A text and its target are the same.
    #[error(
        "the text and the target have the same tokens; write mask tokens in the place of those that are to be predicted, or leave the target out"
    )]
    NothingMasked,
}
