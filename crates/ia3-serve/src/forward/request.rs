use ia3::models::Pooling;

/// A text that one pass of the model answers.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct ForwardRequest {
    /// The ids of the text, at least one.
    pub ids: Vec<i64>,
    /// The types of the tokens, for two texts in one; empty for one text.
    pub token_types: Vec<i64>,
    /// The name of the adapter; `None` is the base alone.
    pub adapter: Option<String>,
    /// What is wanted.
    pub wanted: Wanted,
}

/// What a pass over a text gives.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Wanted {
    /// One vector of the size of the model, from the last hidden states of all tokens.
    Embedding {
        /// How the states of the tokens become one vector.
        pooling: Pooling,
        /// Whether it is scaled to length 1.
        normalize: bool,
    },
    /// The logits of a classifier of sequences, one for each class.
    Logits,
    /// `log p(text | input)` of a language model: one number.
    LogLikelihood {
        /// The ids of the text, at least one.
        text: Vec<i64>,
    },
}

impl ForwardRequest {
    /// A request to the base, about one text.
    pub fn new(ids: Vec<i64>, wanted: Wanted) -> Self {
        Self { ids, token_types: vec![], adapter: None, wanted }
    }

    /// Sets [`adapter`](Self::adapter).
    pub fn with_adapter(self, adapter: impl Into<Option<String>>) -> Self {
        Self { adapter: adapter.into(), ..self }
    }

    /// Sets [`token_types`](Self::token_types).
    pub fn with_token_types(self, token_types: Vec<i64>) -> Self {
        Self { token_types, ..self }
    }

    /// The number of tokens that a pass reads for it.
    pub(super) fn tokens(&self) -> usize {
        match &self.wanted {
            Wanted::LogLikelihood { text } => self.ids.len() + text.len(),
            _ => self.ids.len(),
        }
    }

    /// Whether both can share a pass. Texts of other lengths would need padding, with which a text has other bits than alone.
    pub(super) fn fits(&self, other: &Self) -> bool {
        let same = match (&self.wanted, &other.wanted) {
            (Wanted::LogLikelihood { text: a }, Wanted::LogLikelihood { text: b }) => a.len() == b.len(),
            (a, b) => a == b,
        };
        same && self.ids.len() == other.ids.len() && self.token_types.len() == other.token_types.len()
    }
}
