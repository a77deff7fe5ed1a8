use crate::error::DataError;
use crate::example::{Example, MAX_INPUT_TOKENS, Target};
use crate::fields::position;
use crate::text::Text;
use crate::text_example::{Answer, TextExample};

/// What a model reads and answers with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ModelKind {
    /// Two stacks, text to text: input and target end each.
    EncoderDecoder,
    /// A decoder alone: input and target are one row, which ends once.
    Decoder {
        /// The ids that end a text; the first is appended.
        ends: Vec<i64>,
    },
    /// A classifier of whole texts.
    Classifier,
}

/// Turns texts into ids, as a model takes them.
#[derive(Clone, Debug)]
pub struct Encoder {
    /// The tokenizer.
    pub text: Text,
    /// What the model is.
    pub model: ModelKind,
    /// Tokens of an input at most; longer ones are cut on the right.
    pub max_input_tokens: usize,
    /// Tokens of a target or of a choice at most.
    pub max_target_tokens: usize,
    /// The names of the labels. They are the choices where a language model answers rows that have labels, and where a
    /// classifier's target is a text, they say which class it is.
    pub label_names: Vec<String>,
}

impl Encoder {
    /// With [`MAX_INPUT_TOKENS`] of input and target and no names.
    pub fn new(text: Text, model: ModelKind) -> Self {
        let (max_input_tokens, max_target_tokens) = (MAX_INPUT_TOKENS, MAX_INPUT_TOKENS);
        Self { text, model, max_input_tokens, max_target_tokens, label_names: vec![] }
    }

    /// The ids of one example. A classifier takes the number of the right choice as the class.
    ///
    /// # Errors
    ///
    /// A label without a text for a language model, a text without a class for a classifier, and what the tokenizer
    /// reports.
    pub fn encode(&self, example: &TextExample) -> Result<Example, DataError> {
        let input = self.text.encode_prompt(&example.input, Some(self.max_input_tokens), &self.model)?;
        let target = match self.model {
            ModelKind::Classifier => Target::Class(self.class(&example.answer)?),
            ModelKind::EncoderDecoder | ModelKind::Decoder { .. } => self.texts(&example.answer)?,
        };
        Ok(Example { input, target })
    }

    fn class(&self, answer: &Answer) -> Result<usize, DataError> {
        match answer {
            Answer::Class(class) => Ok(*class),
            Answer::Choices { answer, .. } => Ok(*answer),
            Answer::Text(text) => position(text, &self.label_names),
        }
    }

    fn texts(&self, answer: &Answer) -> Result<Target, DataError> {
        let choices = |choices: &[String], answer| {
            let choices = choices.iter().map(|choice| self.target(choice)).collect::<Result<_, _>>()?;
            Ok(Target::Choices { choices, answer })
        };
        match answer {
            Answer::Text(text) => Ok(Target::Tokens(self.target(text)?)),
            Answer::Choices { choices: texts, answer } => choices(texts, *answer),
            Answer::Class(label) if self.label_names.is_empty() => {
                Err(DataError::LabelForText { label: *label })
            }
            Answer::Class(label) if *label >= self.label_names.len() => {
                let answer = *label as i64;
                Err(DataError::AnswerOutOfRange { answer, choices: self.label_names.len() })
            }
            Answer::Class(label) => choices(&self.label_names, *label),
        }
    }

    /// Ends with the end token, also where it is cut.
    fn target(&self, text: &str) -> Result<Vec<i64>, DataError> {
        let ModelKind::Decoder { ends } = &self.model else {
            return self.text.encode(text, Some(self.max_target_tokens));
        };
        let mut ids = self.text.encode_plain(text)?;
        let end = ends.first();
        ids.truncate(self.max_target_tokens.saturating_sub(usize::from(end.is_some())));
        ids.extend(end);
        Ok(ids)
    }
}
