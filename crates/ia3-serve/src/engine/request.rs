use ia3::models::GenerationConfig;

use crate::error::ServeError;

/// A text to continue.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Request {
    /// The ids of the prompt, at least one.
    pub prompt: Vec<i64>,
    /// The name of the adapter; `None` is the base alone.
    pub adapter: Option<String>,
    /// How tokens are chosen, as for one prompt of [`Model::generate`](ia3::Model::generate).
    pub generation: GenerationConfig,
    /// What else changes the logits.
    pub penalties: Penalties,
    /// Texts that end the answer where they come up in it. The answer does not include them.
    pub stop: Vec<String>,
    /// The number of most probable tokens whose log-probabilities are wanted for each token, beside that of the token itself.
    pub top_logprobs: Option<usize>,
}

/// Changes of the logits that `GenerationConfig` does not know, with the names of OpenAI's API.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Penalties {
    /// What is subtracted from the logits of tokens that the answer has already.
    pub presence: f32,
    /// What is subtracted from the logit of a token as often as the answer has it already.
    pub frequency: f32,
    /// What is added to the logits of some tokens.
    pub bias: Vec<(i64, f32)>,
}

impl Request {
    /// Continues a prompt by the base, with these settings.
    pub fn new(prompt: Vec<i64>, generation: GenerationConfig) -> Self {
        let penalties = Penalties::default();
        Self { prompt, adapter: None, generation, penalties, stop: vec![], top_logprobs: None }
    }

    /// Sets [`adapter`](Self::adapter).
    pub fn with_adapter(self, adapter: impl Into<Option<String>>) -> Self {
        Self { adapter: adapter.into(), ..self }
    }

    /// Sets [`penalties`](Self::penalties).
    pub fn with_penalties(self, penalties: Penalties) -> Self {
        Self { penalties, ..self }
    }

    /// Sets [`stop`](Self::stop). Empty texts are left out.
    pub fn with_stop<S: Into<String>>(self, stop: impl IntoIterator<Item = S>) -> Self {
        let stop = stop.into_iter().map(Into::into).filter(|text: &String| !text.is_empty()).collect();
        Self { stop, ..self }
    }

    /// Sets [`top_logprobs`](Self::top_logprobs).
    pub fn with_top_logprobs(self, top_logprobs: impl Into<Option<usize>>) -> Self {
        Self { top_logprobs: top_logprobs.into(), ..self }
    }
}

/// What happens to a request.
#[derive(Debug)]
pub enum Event {
    /// A token was chosen.
    Token(Token),
    /// The answer is complete. Nothing follows.
    End(End),
    /// The request cannot be answered. Nothing follows.
    Failed(ServeError),
}

/// A token of an answer.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Token {
    /// The id.
    pub id: i64,
    /// The text that is certain now and was not before. It is empty while the token is a part of a character, or of what may be
    /// one of the texts that end the answer; and always for a base without a tokenizer.
    pub text: String,
    /// The log-probabilities of the token and of the most probable ones, if they are wanted.
    pub logprobs: Option<(Logprob, Vec<Logprob>)>,
}

/// The log-probability of a token by the model, before temperature and penalties.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Logprob {
    /// The id.
    pub id: i64,
    /// The natural logarithm of its probability.
    pub logprob: f32,
}

/// The end of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct End {
    /// Why it ended.
    pub reason: Reason,
    /// The rest of the text.
    pub text: String,
    /// The number of tokens of the prompt.
    pub prompt_tokens: usize,
    /// The number of them whose keys and values were in the memory from a request before.
    pub reused_tokens: usize,
    /// The number of tokens that were chosen, with the one that ended the answer.
    pub completion_tokens: usize,
}

/// Why an answer ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// An end token, or one of the texts of [`Request::stop`].
    Stop,
    /// The largest number of tokens.
    Length,
}
