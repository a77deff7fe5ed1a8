use serde::{Deserialize, Serialize};

use crate::pixels::Pixels;
use crate::sound_features::SoundFeatures;
use crate::span::Span;

/// Number of tokens to which T-Few truncates an input (`max_seq_len` in `src/utils/Config.py` of r-three/t-few).
pub const MAX_INPUT_TOKENS: usize = 256;

/// One tokenised example: an input and its target.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Example {
    /// Ids of the input. For an encoder they end with the end-of-sequence token; for a model of speech they are what its decoder
    /// reads between the start token and the text.
    pub input: Vec<i64>,
    /// What the model should answer.
    pub target: Target,
    /// The type of each token of an input of two texts, by which BERT tells them apart: as long as the input, or empty for an
    /// input of one text.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub token_type_ids: Vec<i64>,
    /// The image, for a model of images. The input has no ids then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pixels: Option<Pixels>,
    /// The features of a sound, for a model of speech.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sound: Option<SoundFeatures>,
}

/// What the model should answer to an input.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Target {
    /// Ids of a text, which end with the end-of-sequence token.
    Tokens(Vec<i64>),
    /// The number of the class, for a classifier.
    Class(usize),
    /// A number for each label, for a regression; or 1 for each class that the text has and 0 for each other class, for a
    /// classifier with several classes per text.
    Values(Vec<f32>),
    /// The number of the class of each token of the input, for a classifier of tokens. It is -100 for a token without a class,
    /// such as a special token, and each token of a word but its first. For a masked language model the classes are the tokens
    /// that the mask hides.
    TokenClasses(Vec<i64>),
    /// A span of the context in the input, which is a question and a window of its context.
    Span(Span),
    /// One of several inputs, for a model that chooses. The input of the example is what they have in common.
    Pairs {
        /// The input with each choice.
        pairs: Vec<TokenPair>,
        /// The number of the right choice, from 0.
        answer: usize,
    },
    /// One of several texts.
    Choices {
        /// Ids of each text, which end with the end-of-sequence token.
        choices: Vec<Vec<i64>>,
        /// The number of the right text, from 0.
        answer: usize,
    },
    /// Ids of the rest of a conversation, some of which are learned: what the model says. The others, which other parties say,
    /// are read only. The first and the last id are learned.
    Turns {
        /// Ids of the text after the input.
        ids: Vec<i64>,
        /// Whether each id is learned.
        learned: Vec<bool>,
    },
}

/// Ids of two texts as one input, with special tokens.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TokenPair {
    /// The ids.
    pub ids: Vec<i64>,
    /// The type of each token, by which BERT tells the two texts apart.
    pub token_type_ids: Vec<i64>,
}

impl Target {
    /// The ids of the target text, of the right choice, or of the rest of a conversation. `None` for classes, values,
    /// spans and pairs.
    pub fn tokens(&self) -> Option<&[i64]> {
        match self {
            Self::Tokens(ids) | Self::Turns { ids, .. } => Some(ids),
            Self::Class(_) | Self::Values(_) | Self::TokenClasses(_) | Self::Span(_) | Self::Pairs { .. } => {
                None
            }
            Self::Choices { choices, answer } => choices.get(*answer).map(Vec::as_slice),
        }
    }
}

impl Example {
    /// An input of one text with its target.
    pub fn new(input: Vec<i64>, target: impl Into<Target>) -> Self {
        Self { input, target: target.into(), token_type_ids: vec![], pixels: None, sound: None }
    }

    /// An image with its target.
    pub fn of_image(pixels: Pixels, target: impl Into<Target>) -> Self {
        Self { pixels: Some(pixels), ..Self::new(vec![], target) }
    }

    /// A sound with the ids of what is said in it, which end with the end-of-sequence token. `prompt` is what the decoder of
    /// Whisper reads between its start token and the text: language, task, and that no times follow.
    pub fn of_sound(features: SoundFeatures, prompt: Vec<i64>, target: impl Into<Target>) -> Self {
        Self { sound: Some(features), ..Self::new(prompt, target) }
    }

    /// Sets the types of the tokens of an input of two texts.
    pub fn with_token_type_ids(self, token_type_ids: Vec<i64>) -> Self {
        Self { token_type_ids, ..self }
    }

    /// The input and the target of the last turn of a conversation: what the model reads, and what it should answer. For any
    /// other example they are its own; a class has no ids.
    pub fn last_turn(&self) -> (Vec<i64>, &[i64]) {
        match &self.target {
            Target::Turns { ids, learned } => {
                let start = learned.iter().rposition(|learned| !learned).map_or(0, |place| place + 1);
                ([self.input.as_slice(), &ids[..start]].concat(), &ids[start..])
            }
            target => (self.input.clone(), target.tokens().unwrap_or_default()),
        }
    }
}

impl From<Vec<i64>> for Target {
    fn from(ids: Vec<i64>) -> Self {
        Self::Tokens(ids)
    }
}
