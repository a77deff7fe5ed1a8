//! Conversations as token ids.

use super::conversation::Conversation;
use super::shape::{Shape, instruction};
use crate::encoder::Encoder;
use crate::error::{ChatError, DataError};
use crate::example::{Example, Target};
use crate::model_kind::ModelKind;
use crate::record::Record;
use crate::text_example::{Answer, TextExample};

impl Encoder {
    /// The ids of a row in one of the shapes of conversations. A row of Alpaca is text to text for an encoder-decoder.
    pub(crate) fn encode_row(&self, shape: Shape, row: &Record) -> Result<Example, DataError> {
        match (shape, &self.model) {
            (Shape::Alpaca, ModelKind::EncoderDecoder) => {
                let (input, output) = instruction(row)?;
                self.encode(&TextExample::new(input, Answer::Text(output)).check()?)
            }
            _ => self.encode_conversation(&shape.conversation(row)?),
        }
    }

    /// The ids of a conversation, of which a training learns what the assistant says.
    ///
    /// A conversation whose only learned turn is its last one becomes an input with a target text. Any other one becomes
    /// [`Target::Turns`]. A turn ends with the end token of the model, where the template writes one. The whole has at most
    /// `max_input_tokens + max_target_tokens` tokens; a longer one is truncated on the right.
    ///
    /// # Errors
    ///
    /// The model is not a decoder, the base has no chat template, the template fails, or no token is learned.
    pub fn encode_conversation(&self, conversation: &Conversation) -> Result<Example, DataError> {
        let ModelKind::Decoder { ends } = &self.model else { return Err(ChatError::ChatForModel.into()) };
        let template = self.chat_template.as_ref().ok_or(ChatError::NoChatTemplate)?;
        let (text, ranges) = template.turns(conversation)?;
        let max = self.max_input_tokens.saturating_add(self.max_target_tokens);
        let tokens = self.tokenizer.encode_with_places(&text, max)?;
        let said = |place: &std::ops::Range<usize>| {
            ranges.iter().position(|turn| place.start < turn.end && place.end > turn.start)
        };
        let ids: Vec<i64> = tokens.iter().map(|(id, _)| *id).collect();
        let mut turns: Vec<Option<usize>> = tokens.iter().map(|(_, place)| said(place)).collect();
        for turn in 0..ranges.len() {
            // What follows the end token, such as a line break, is not said by the model.
            let end = (0..ids.len()).rev().find(|&i| turns[i] == Some(turn) && ends.contains(&ids[i]));
            let Some(end) = end else { continue };
            turns[end + 1..].iter_mut().filter(|own| **own == Some(turn)).for_each(|own| *own = None);
        }
        let learned: Vec<bool> = turns.iter().map(Option::is_some).collect();
        let first = learned.iter().position(|&learned| learned).ok_or(ChatError::NothingSaid { max })?;
        let last = learned.iter().rposition(|&learned| learned).unwrap_or(first);
        if first == 0 {
            return Err(DataError::Empty { what: "what comes before the first turn of the assistant" });
        }
        let (own, flags) = (ids[first..=last].to_vec(), learned[first..=last].to_vec());
        let target = match flags.iter().all(|&learned| learned) {
            true => Target::Tokens(own),
            false => Target::Turns { ids: own, learned: flags },
        };
        Ok(Example::new(ids[..first].to_vec(), target))
    }
}
