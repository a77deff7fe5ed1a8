//! The tokens that two others make, of which the merges of SentencePiece's BPE are made: its files have no list of merges.

use std::collections::HashMap;

/// The sum of the squares of the lengths of all tokens, which is what looking up all parts costs. Gemma's 256,000 tokens need
/// 30 million.
pub(crate) const MAX_WORK: usize = 1 << 28;

/// A token and two others whose texts make its text.
pub(crate) struct Halves<'a> {
    /// The id of the token.
    pub(crate) whole: usize,
    /// The texts of the two others.
    pub(crate) parts: [&'a str; 2],
}

impl Halves<'_> {
    /// The number of characters of both parts.
    pub(crate) fn lengths(&self) -> [usize; 2] {
        self.parts.map(|part| part.chars().count())
    }
}

/// All halves of all tokens, in the order of the tokens, and for each token in the order of the ids of its parts. Of tokens of the
/// same text the last one counts.
///
/// # Errors
///
/// The work that this would take, if it is more than [`MAX_WORK`].
pub(crate) fn halves<'a>(tokens: &[(usize, &'a str)]) -> Result<Vec<Halves<'a>>, usize> {
    let ids: HashMap<&str, usize> = tokens.iter().map(|(id, token)| (*token, *id)).collect();
    let work = ids.keys().map(|token| token.len() * token.len()).fold(0, usize::saturating_add);
    if work > MAX_WORK {
        return Err(work);
    }
    let of_token = |(whole, token): &(usize, &'a str)| {
        let split = |(at, _): (usize, char)| {
            let (left, right) = token.split_at(at);
            Some(((*ids.get(left)?, *ids.get(right)?), Halves { whole: *whole, parts: [left, right] }))
        };
        let mut found: Vec<_> = token.char_indices().skip(1).filter_map(split).collect();
        found.sort_by_key(|(ids, _)| *ids);
        found.into_iter().map(|(_, halves)| halves).collect::<Vec<_>>()
    };
    Ok(tokens.iter().flat_map(of_token).collect())
}
