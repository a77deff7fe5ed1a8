//! The tokenizers of M2M-100 and Marian, which transformers writes in Python: pieces of SentencePiece, whose ids are in another file.

mod decode;
mod split;

use std::collections::HashMap;
use std::sync::Arc;

use tokenizers::{Encoding, Token};

pub(crate) use self::decode::Decoding;
use self::split::Part;
pub(crate) use self::split::{Added, Splitter};
use crate::sentence_piece::{Found, Processor};

/// A tokenizer.
#[derive(Clone, Debug)]
pub(crate) struct PieceTokenizer {
    /// How a text becomes ids.
    pub(crate) source: Side,
    /// How a text of the target becomes ids, where that is another way.
    pub(crate) target: Option<Side>,
    /// The tokens that are found in a text before anything else.
    pub(crate) added: Splitter,
    /// Whether a text may begin with the code of a language, such as `>>fra<<`.
    pub(crate) has_codes: bool,
    /// How ids become a text.
    pub(crate) decoding: Decoding,
}

/// A model with the ids of its pieces.
#[derive(Clone, Debug)]
pub(crate) struct Side {
    pub(crate) processor: Arc<Processor>,
    pub(crate) ids: Arc<HashMap<String, u32>>,
    /// The id of a piece that has none.
    pub(crate) unknown: u32,
}

impl Side {
    fn token(&self, Found { piece, range }: Found) -> Token {
        let id = self.ids.get(&piece).copied().unwrap_or(self.unknown);
        Token { id, value: piece, offsets: (range.start, range.end) }
    }
}

impl PieceTokenizer {
    /// The tokens of a text, which is a target or not.
    pub(crate) fn encode(&self, text: &str, is_target: bool) -> Encoding {
        let side = self.target.as_ref().filter(|_| is_target).unwrap_or(&self.source);
        Encoding::from_tokens(self.tokens(side, text), 0)
    }

    /// The tokens of words, each with the place of its word.
    pub(crate) fn encode_words(&self, words: &[String]) -> Encoding {
        let of_word = |word: &String| self.encode(word, false);
        let encodings = (0_u32..).zip(words.iter().map(of_word)).map(|(place, encoding)| {
            let words = vec![Some(place); encoding.len()];
            let (ids, types) = (encoding.get_ids().to_vec(), encoding.get_type_ids().to_vec());
            let (tokens, offsets) = (encoding.get_tokens().to_vec(), encoding.get_offsets().to_vec());
            let (special, mask) =
                (encoding.get_special_tokens_mask().to_vec(), encoding.get_attention_mask().to_vec());
            Encoding::new(ids, types, tokens, words, offsets, special, mask, vec![], Default::default())
        });
        Encoding::merge(encodings, false)
    }

    fn tokens(&self, side: &Side, text: &str) -> Vec<Token> {
        let tokens = |part: Part| match part.added {
            Some(id) => {
                let value = text[part.range.clone()].to_string();
                vec![Token { id, value, offsets: (part.range.start, part.range.end) }]
            }
            None => self.pieces(side, &text[part.range.clone()], part.range.start),
        };
        self.added.split(text).into_iter().flat_map(tokens).collect()
    }

    /// The tokens of a part of a text that begins at `start`, without tokens that are added.
    fn pieces(&self, side: &Side, text: &str, start: usize) -> Vec<Token> {
        let code = match self.has_codes && text.starts_with(">>") {
            true => text.find("<<").map_or(0, |end| end + 2),
            false => 0,
        };
        let code_token =
            (code > 0).then(|| Found { piece: text[..code].to_string(), range: start..start + code });
        let moved = |Found { piece, range }: Found| Found {
            piece,
            range: range.start + start + code..range.end + start + code,
        };
        let rest = side.processor.pieces(&text[code..]).into_iter().map(moved);
        code_token.into_iter().chain(rest).map(|found| side.token(found)).collect()
    }
}
