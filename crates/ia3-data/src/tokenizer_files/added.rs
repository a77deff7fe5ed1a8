//! The tokens that the files add to a tokenizer.

use std::collections::HashSet;

use tokenizers::{AddedToken, Tokenizer};

use super::class::TokenizerClass;
use super::config::TokenizerConfig;

/// Adds the tokens that the tokenizer lacks, or has with other flags, in the order and with the flags of transformers.
pub(super) fn add_tokens(
    tokenizer: &mut Tokenizer,
    class: TokenizerClass,
    config: &TokenizerConfig,
) -> tokenizers::Result<()> {
    let special: Vec<AddedToken> =
        config.special(class.special_tokens()).into_iter().map(|token| mask(token, class, config)).collect();
    let tokens = missing(tokenizer, &special, config);
    if !tokens.is_empty() {
        tokenizer.add_tokens(tokens)?;
    }
    tokenizer.set_encode_special_tokens(config.flag("split_special_tokens", false));
    Ok(())
}

/// The token as it is. A mask token that is given as its text alone takes the spaces before it in some classes.
fn mask(token: AddedToken, class: TokenizerClass, config: &TokenizerConfig) -> AddedToken {
    const NAME: &str = "mask_token";
    let is_mask =
        || config.token(NAME, class.special_tokens()).is_some_and(|mask| mask.content == token.content);
    match class {
        TokenizerClass::MBart | TokenizerClass::MBart50 | TokenizerClass::Camembert
            if !config.has_flags(NAME) && is_mask() =>
        {
            AddedToken { lstrip: true, ..token }
        }
        TokenizerClass::Nllb if !config.has_flags(NAME) && is_mask() => {
            AddedToken { lstrip: true, normalized: true, ..token }
        }
        _ => token,
    }
}

fn missing(tokenizer: &Tokenizer, special: &[AddedToken], config: &TokenizerConfig) -> Vec<AddedToken> {
    let there = tokenizer.get_added_tokens_decoder();
    let mut known: HashSet<&str> = there.values().map(|token| token.content.as_str()).collect();
    let named: HashSet<&str> = special.iter().map(|token| token.content.as_str()).collect();
    let same: HashSet<String> = there.values().map(|token| format!("{token:?}")).collect();
    let mut tokens = vec![];
    for token in config.added.values().filter(|token| !same.contains(&format!("{token:?}"))) {
        let special = token.special || named.contains(token.content.as_str());
        known.insert(&token.content);
        tokens.push(AddedToken { special, ..token.clone() });
    }
    for token in special {
        if known.insert(&token.content) {
            tokens.push(token.clone());
        }
    }
    tokens
}
