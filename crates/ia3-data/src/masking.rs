//! What a masked language model learns from: texts of which tokens are hidden.

use crate::error::{DataError, MaskError};
use crate::example::{Example, Target};
use crate::tokenizer::Tokenizer;

/// The target of a token that is not hidden.
const SEEN: i64 = -100;

/// How tokens are hidden, as in the `DataCollatorForLanguageModeling` of transformers: of the tokens that are drawn, 80 % become the
/// mask token, 10 % another token that is drawn too, and 10 % stay. Special tokens are not drawn.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Masking {
    /// The share of tokens that are drawn.
    pub probability: f64,
    /// What is drawn depends on this number, the text and the number of the variant alone.
    pub seed: u64,
    /// How many variants of a text there are. A training draws one of them each time the text comes up, as BERT's does.
    pub variants: usize,
    /// The mask token; without it `[MASK]` or `<mask>`, whichever the tokenizer has.
    pub token: Option<String>,
}

impl Default for Masking {
    fn default() -> Self {
        Self { probability: 0.15, seed: 42, variants: 10, token: None }
    }
}

impl Masking {
    /// 15 % of the tokens, in ten variants with seed 42.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the share of tokens that are drawn.
    pub fn with_probability(self, probability: f64) -> Self {
        Self { probability, ..self }
    }

    /// Sets the seed.
    pub fn with_seed(self, seed: u64) -> Self {
        Self { seed, ..self }
    }

    /// Sets the number of variants of each text.
    pub fn with_variants(self, variants: usize) -> Self {
        Self { variants, ..self }
    }

    /// Sets the mask token.
    pub fn with_token(self, token: Option<String>) -> Self {
        Self { token, ..self }
    }
}

/// The variants of a text with other tokens hidden in each. The text is truncated to `max` tokens.
pub(crate) fn masked(
    tokenizer: &Tokenizer,
    masking: &Masking,
    text: &str,
    max: usize,
) -> Result<Vec<Example>, DataError> {
    let Masking { probability, seed, variants, token } = masking;
    if !(*probability > 0.0 && *probability < 1.0) {
        return Err(MaskError::MaskShare { found: *probability }.into());
    }
    let mask = tokenizer.mask_id(token.as_deref())?;
    let (ids, special) = tokenizer.encode_marked(text, max)?;
    let vocab = tokenizer.vocab_size() as u64;
    let variant = |number: u64| {
        let mut draws = Draws::new(*seed, text, number);
        let mut hide = |(&id, &special): (&i64, &bool)| {
            if special || draws.share() >= *probability {
                return (id, SEEN);
            }
            match draws.share() {
                share if share < 0.8 => (mask, id),
                share if share < 0.9 => ((draws.next() % vocab) as i64, id),
                _ => (id, id),
            }
        };
        let (input, hidden) = ids.iter().zip(&special).map(&mut hide).unzip();
        Example::new(input, Target::TokenClasses(hidden))
    };
    Ok((0..(*variants).max(1) as u64).map(variant).collect())
}

/// A text with mask tokens, and what they hide: the tokens of `whole` in their place.
pub(crate) fn unmasked(
    tokenizer: &Tokenizer,
    (text, whole): (&str, &str),
    max: usize,
) -> Result<Example, DataError> {
    let encode = |text: &str| tokenizer.encode(text, Some(max));
    let (input, whole) = (encode(text)?, encode(whole)?);
    if input.len() != whole.len() {
        return Err(MaskError::MaskedLength { input: input.len(), target: whole.len() }.into());
    }
    let hidden = |(seen, id): (&i64, &i64)| if seen == id { SEEN } else { *id };
    let hidden: Vec<i64> = input.iter().zip(&whole).map(hidden).collect();
    match hidden.iter().all(|id| *id == SEEN) {
        true => Err(MaskError::NothingMasked.into()),
        false => Ok(Example::new(input, Target::TokenClasses(hidden))),
    }
}

/// Numbers that look random (SplitMix64).
struct Draws(u64);

impl Draws {
    fn new(seed: u64, text: &str, variant: u64) -> Self {
        let fnv = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        let text = text.as_bytes().iter().fold(0xcbf2_9ce4_8422_2325, fnv);
        let mut draws = Self(seed);
        let state = draws.next() ^ text;
        Self(state.wrapping_add(variant.wrapping_mul(0xd134_2543_de82_ef95)))
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number from 0 to below 1.
    fn share(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }
}
