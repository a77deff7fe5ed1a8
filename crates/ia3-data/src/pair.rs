//! Two texts as one input.

use std::ops::Range;

use tokenizers::{Encoding, TruncationDirection};

use crate::error::DataError;
use crate::tokenizer::Tokenizer;

/// Two texts as one input, with the special tokens of the tokenizer.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Pair {
    pub(crate) ids: Vec<i64>,
    /// The type of each token, which tells the two texts apart for BERT.
    pub(crate) types: Vec<i64>,
    /// The bytes of the second text that each token stands for.
    pub(crate) places: Vec<Option<Range<usize>>>,
}

impl Tokenizer {
    /// The question with each window of the context. Windows hold as many tokens of the context as fit into `max` with the
    /// question and the special tokens, and share `stride` of them.
    pub(crate) fn encode_windows(
        &self,
        question: &str,
        context: &str,
        max: usize,
        stride: usize,
    ) -> Result<Vec<Pair>, DataError> {
        let question = self.without_end(self.tokens(question, Some(max))?);
        let mut window = self.without_end(self.tokens(context, None)?);
        let taken = question.len() + self.added_to_pair();
        let room = max.checked_sub(taken).filter(|room| *room > 0);
        let room = room.ok_or(DataError::NoRoomForContext { max, taken })?;
        if window.len() > room && stride >= room {
            return Err(DataError::Stride { stride, room });
        }
        window.truncate(room, stride, TruncationDirection::Right);
        let others = window.take_overflowing();
        [window].into_iter().chain(others).map(|window| self.pair(question.clone(), window)).collect()
    }

    /// Both texts with the special tokens.
    fn pair(&self, first: Encoding, second: Encoding) -> Result<Pair, DataError> {
        // The post-processor has trimmed the spaces of these offsets, and would trim them once more.
        let mut offsets = second.get_offsets().to_vec().into_iter();
        let encoding = self.post_processed(first, Some(second))?;
        let place = |text: Option<usize>| {
            let (start, end) = text.filter(|text| *text == 1).and_then(|_| offsets.next())?;
            Some(start..end)
        };
        Ok(Pair {
            ids: self.ids(&encoding)?,
            types: encoding.get_type_ids().iter().map(|&kind| kind.into()).collect(),
            places: encoding.get_sequence_ids().into_iter().map(place).collect(),
        })
    }
}
