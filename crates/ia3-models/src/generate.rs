use std::cell::RefCell;

use burn::tensor::{Int, Tensor};

use crate::error::ModelError;

/// The largest number of beams. It keeps the memory of a search within bounds, because a file can ask for any number.
const MAX_BEAMS: usize = 1000;

/// The largest number of tokens that are proposed at a time.
const MAX_DRAFT: usize = 1000;

/// The settings of generation. The fields have Hugging Face's names.
///
/// ```
/// use ia3_models::{GenerationConfig, Sampling};
///
/// let greedy = GenerationConfig::new(20, vec![1]);
/// let sampled = greedy.with_min_new_tokens(2).with_sampling(Sampling::new().with_top_p(0.9).with_seed(7));
/// assert_eq!((sampled.max_new_tokens, sampled.pad_token_id), (20, 1));
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct GenerationConfig {
    /// The largest number of tokens to generate per batch entry.
    pub max_new_tokens: usize,
    /// The number of tokens before which no batch entry may end.
    pub min_new_tokens: usize,
    /// The ids that end a batch entry.
    pub eos_token_id: Vec<i64>,
    /// The id that fills a batch entry after its end.
    pub pad_token_id: i64,
    /// The token that is chosen first, whatever the logits are, if the sequence starts with one token, as the decoder of an
    /// encoder-decoder does. It names the language in multilingual models.
    pub forced_bos_token_id: Option<i64>,
    /// The token that is chosen at the last of `max_new_tokens` steps, whatever the logits are.
    pub forced_eos_token_id: Option<i64>,
    /// The tokens that are never chosen, except where one is forced.
    pub suppress_tokens: Vec<i64>,
    /// The tokens that are not chosen first, except where one is forced.
    pub begin_suppress_tokens: Vec<i64>,
    /// The tokens that the decoder of an encoder-decoder reads behind its start token, before it generates. They name the task
    /// of Whisper. A decoder-only model does not know them.
    pub decoder_prompt: Vec<i64>,
    /// The tokens of languages, of which the decoder of an encoder-decoder reads the most probable one between its start token and
    /// [`decoder_prompt`](Self::decoder_prompt): Whisper detects the language of a row so. An empty list detects none.
    pub languages: Vec<i64>,
    /// What the logits of tokens that a row has already are divided by, or multiplied with where they are negative. 1 changes
    /// nothing. The row includes a decoder's prompt, but not the padding at its start, as in transformers.
    pub repetition_penalty: f64,
    /// The size of the groups of tokens that may not occur twice in a row; 0 allows all.
    pub no_repeat_ngram_size: usize,
    /// The settings for drawing tokens. With `None`, each step takes the most probable token (greedy search).
    pub sampling: Option<Sampling>,
    /// The number of tokens that are proposed at a time from the text so far, where its last tokens occurred before, and checked in
    /// one pass of the model; 0 proposes none. The text stays that of a generation without proposals. It is for one sequence of a
    /// decoder-only model, and saves time where the text repeats parts of its prompt.
    pub prompt_lookup_num_tokens: usize,
    /// The largest number of last tokens that are searched for in the text so far.
    pub max_matching_ngram_size: usize,
    /// The number of sequences that a beam search continues for each batch entry; 1 is greedy search.
    pub num_beams: usize,
    /// The exponent of the number of new tokens by which a beam search divides the log-probability of a sequence that has ended.
    /// A value above 0 favours longer sequences.
    pub length_penalty: f64,
    /// When a beam search ends.
    pub early_stopping: EarlyStopping,
    /// The number of sequences that a beam search returns for each batch entry, the best first.
    pub num_return_sequences: usize,
}

/// When a beam search for a batch entry ends, besides at `max_new_tokens`. In any case it needs `num_beams` sequences that have
/// ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum EarlyStopping {
    /// When no sequence would be better than the worst of those that have ended if it ended now; `false` in Hugging Face.
    #[default]
    Heuristic,
    /// When all batch entries have these sequences; `true` in Hugging Face.
    Full,
    /// When no sequence can become better than the worst of those that have ended; `"never"` in Hugging Face.
    Never,
}

/// The settings for drawing tokens. The logits are divided by the temperature, then `top_k`, `top_p` and `min_p` restrict the
/// tokens to the most probable ones, and one of these is drawn.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Sampling {
    /// The divisor of the logits. A value below 1 sharpens the distribution; a value above 1 flattens it.
    pub temperature: f64,
    /// The number of most probable tokens to draw from. Tokens that are as probable as the last of them are kept too.
    pub top_k: Option<usize>,
    /// A share of the total probability. A token is drawn from the smallest set of most probable tokens that reaches it.
    pub top_p: f64,
    /// The share of the probability of the most probable token that a token needs to be drawn; `None` needs none.
    pub min_p: Option<f64>,
    /// The seed. Batch entry `i` draws from stream `i` of this seed, independently of the other entries.
    pub seed: u64,
}

impl Default for Sampling {
    fn default() -> Self {
        Self::new()
    }
}

impl Sampling {
    /// Settings that draw from the distribution of the model: temperature 1, no `top_k`, `top_p` 1 and seed 0.
    pub fn new() -> Self {
        Self { temperature: 1.0, top_k: None, top_p: 1.0, min_p: None, seed: 0 }
    }

    /// Sets [`temperature`](Self::temperature).
    pub fn with_temperature(self, temperature: f64) -> Self {
        Self { temperature, ..self }
    }

    /// Sets [`top_k`](Self::top_k).
    pub fn with_top_k(self, top_k: impl Into<Option<usize>>) -> Self {
        Self { top_k: top_k.into(), ..self }
    }

    /// Sets [`top_p`](Self::top_p).
    pub fn with_top_p(self, top_p: f64) -> Self {
        Self { top_p, ..self }
    }

    /// Sets [`min_p`](Self::min_p).
    pub fn with_min_p(self, min_p: impl Into<Option<f64>>) -> Self {
        Self { min_p: min_p.into(), ..self }
    }

    /// Sets [`seed`](Self::seed).
    pub fn with_seed(self, seed: u64) -> Self {
        Self { seed, ..self }
    }
}

impl GenerationConfig {
    /// Settings for a greedy search for up to `max_new_tokens` tokens. The first id of `eos_token_id` fills a batch entry after
    /// its end.
    pub fn new(max_new_tokens: usize, eos_token_id: Vec<i64>) -> Self {
        let pad_token_id = eos_token_id.first().copied().unwrap_or(0);
        Self {
            max_new_tokens,
            min_new_tokens: 0,
            eos_token_id,
            pad_token_id,
            forced_bos_token_id: None,
            forced_eos_token_id: None,
            suppress_tokens: vec![],
            begin_suppress_tokens: vec![],
            decoder_prompt: vec![],
            languages: vec![],
            repetition_penalty: 1.0,
            no_repeat_ngram_size: 0,
            sampling: None,
            prompt_lookup_num_tokens: 0,
            max_matching_ngram_size: 2,
            num_beams: 1,
            length_penalty: 1.0,
            early_stopping: EarlyStopping::Heuristic,
            num_return_sequences: 1,
        }
    }

    /// Sets [`max_new_tokens`](Self::max_new_tokens).
    pub fn with_max_new_tokens(self, max_new_tokens: usize) -> Self {
        Self { max_new_tokens, ..self }
    }

    /// Sets [`min_new_tokens`](Self::min_new_tokens).
    pub fn with_min_new_tokens(self, min_new_tokens: usize) -> Self {
        Self { min_new_tokens, ..self }
    }

    /// Sets the ids that end a batch entry.
    pub fn with_eos_token_id(self, eos_token_id: Vec<i64>) -> Self {
        Self { eos_token_id, ..self }
    }

    /// Sets [`pad_token_id`](Self::pad_token_id).
    pub fn with_pad_token_id(self, pad_token_id: i64) -> Self {
        Self { pad_token_id, ..self }
    }

    /// Sets [`forced_bos_token_id`](Self::forced_bos_token_id).
    pub fn with_forced_bos_token_id(self, id: impl Into<Option<i64>>) -> Self {
        Self { forced_bos_token_id: id.into(), ..self }
    }

    /// Sets [`forced_eos_token_id`](Self::forced_eos_token_id).
    pub fn with_forced_eos_token_id(self, id: impl Into<Option<i64>>) -> Self {
        Self { forced_eos_token_id: id.into(), ..self }
    }

    /// Sets [`suppress_tokens`](Self::suppress_tokens).
    pub fn with_suppress_tokens(self, suppress_tokens: Vec<i64>) -> Self {
        Self { suppress_tokens, ..self }
    }

    /// Sets [`begin_suppress_tokens`](Self::begin_suppress_tokens).
    pub fn with_begin_suppress_tokens(self, begin_suppress_tokens: Vec<i64>) -> Self {
        Self { begin_suppress_tokens, ..self }
    }

    /// Sets [`decoder_prompt`](Self::decoder_prompt).
    pub fn with_decoder_prompt(self, decoder_prompt: Vec<i64>) -> Self {
        Self { decoder_prompt, ..self }
    }

    /// Sets [`languages`](Self::languages).
    pub fn with_languages(self, languages: Vec<i64>) -> Self {
        Self { languages, ..self }
    }

    /// The token that is chosen at step `index` of a sequence that starts with `start` tokens, if one is forced. The last step
    /// takes precedence over the first, as in Hugging Face.
    pub(crate) fn forced(&self, start: usize, index: usize) -> Option<i64> {
        let last = self.forced_eos_token_id.filter(|_| index + 1 == self.max_new_tokens);
        last.or(self.forced_bos_token_id.filter(|_| start + index == 1))
    }

    /// The tokens of a vocabulary that are not chosen at step `index`; the end tokens are among them while no row may end.
    pub(crate) fn forbidden(&self, index: usize, vocab: usize) -> Vec<usize> {
        let ends = self.eos_token_id.iter().filter(|_| index < self.min_new_tokens);
        let first = self.begin_suppress_tokens.iter().filter(|_| index == 0);
        let ids = ends.chain(first).chain(&self.suppress_tokens).filter_map(|&id| usize::try_from(id).ok());
        ids.filter(|&id| id < vocab).collect()
    }

    /// Sets [`repetition_penalty`](Self::repetition_penalty).
    pub fn with_repetition_penalty(self, repetition_penalty: f64) -> Self {
        Self { repetition_penalty, ..self }
    }

    /// Sets [`no_repeat_ngram_size`](Self::no_repeat_ngram_size).
    pub fn with_no_repeat_ngram_size(self, no_repeat_ngram_size: usize) -> Self {
        Self { no_repeat_ngram_size, ..self }
    }

    /// Sets the settings for drawing tokens. `None` is greedy search.
    pub fn with_sampling(self, sampling: impl Into<Option<Sampling>>) -> Self {
        Self { sampling: sampling.into(), ..self }
    }

    /// Sets [`prompt_lookup_num_tokens`](Self::prompt_lookup_num_tokens).
    pub fn with_prompt_lookup_num_tokens(self, prompt_lookup_num_tokens: usize) -> Self {
        Self { prompt_lookup_num_tokens, ..self }
    }

    /// Sets [`max_matching_ngram_size`](Self::max_matching_ngram_size).
    pub fn with_max_matching_ngram_size(self, max_matching_ngram_size: usize) -> Self {
        Self { max_matching_ngram_size, ..self }
    }

    /// Sets [`num_beams`](Self::num_beams).
    pub fn with_num_beams(self, num_beams: usize) -> Self {
        Self { num_beams, ..self }
    }

    /// Sets [`length_penalty`](Self::length_penalty).
    pub fn with_length_penalty(self, length_penalty: f64) -> Self {
        Self { length_penalty, ..self }
    }

    /// Sets [`early_stopping`](Self::early_stopping).
    pub fn with_early_stopping(self, early_stopping: EarlyStopping) -> Self {
        Self { early_stopping, ..self }
    }

    /// Sets [`num_return_sequences`](Self::num_return_sequences).
    pub fn with_num_return_sequences(self, num_return_sequences: usize) -> Self {
        Self { num_return_sequences, ..self }
    }

    /// The error of a generation that cannot take proposals.
    pub(crate) fn no_drafts(&self, expected: &'static str) -> ModelError {
        let found = self.prompt_lookup_num_tokens.to_string();
        ModelError::Generation { field: "prompt_lookup_num_tokens", found, expected }
    }

    pub(crate) fn check(&self) -> Result<(), ModelError> {
        let expect = |ok, field, found: String, expected| match ok {
            true => Ok(()),
            false => Err(ModelError::Generation { field, found, expected }),
        };
        let new = self.max_new_tokens;
        expect(new > 0, "max_new_tokens", new.to_string(), "at least 1")?;
        let penalty = self.repetition_penalty;
        let positive = penalty > 0.0 && penalty.is_finite();
        expect(positive, "repetition_penalty", penalty.to_string(), "a positive number")?;
        let (beams, returned, length) = (self.num_beams, self.num_return_sequences, self.length_penalty);
        expect((1..=MAX_BEAMS).contains(&beams), "num_beams", beams.to_string(), "1 to 1000 beams")?;
        let within = (1..=beams).contains(&returned);
        expect(within, "num_return_sequences", returned.to_string(), "at least 1 and at most `num_beams`")?;
        expect(length.is_finite(), "length_penalty", length.to_string(), "a finite number")?;
        let draws = beams > 1 && self.sampling.is_some();
        expect(!draws, "num_beams", beams.to_string(), "1 where tokens are drawn")?;
        let drafts = self.prompt_lookup_num_tokens;
        let at_once = beams > 1 && drafts > 0;
        expect(!at_once, "prompt_lookup_num_tokens", drafts.to_string(), "0 in a beam search")?;
        expect(drafts <= MAX_DRAFT, "prompt_lookup_num_tokens", drafts.to_string(), "at most 1000 tokens")?;
        let group = self.max_matching_ngram_size;
        expect(group > 0, "max_matching_ngram_size", group.to_string(), "at least 1")?;
        let Some(Sampling { temperature: t, top_k, top_p: p, min_p, .. }) = self.sampling else {
            return Ok(());
        };
        expect(t > 0.0 && t.is_finite(), "temperature", t.to_string(), "a positive number")?;
        expect(top_k != Some(0), "top_k", "0".into(), "at least 1")?;
        expect(p > 0.0 && p <= 1.0, "top_p", p.to_string(), "a share above 0 and up to 1")?;
        let m = min_p.unwrap_or(0.0);
        expect((0.0..=1.0).contains(&m), "min_p", m.to_string(), "a share from 0 to 1")
    }
}

/// A step of a generation, which `generate_with` passes to its closure.
#[derive(Debug)]
#[non_exhaustive]
pub struct Step<'a> {
    /// The number of the step, counted from 0.
    pub index: usize,
    /// The model's logits before any token was suppressed, `[batch, vocab]`; in a beam search `[batch·num_beams, vocab]`.
    pub logits: &'a Tensor<2>,
    /// The token chosen for each batch entry. It is the padding token for an entry that has ended. In a beam search the rows are
    /// the beams: those of the first batch entry, then those of the next. Each token ends one of the sequences that the search
    /// goes on with, whose first tokens another row may have had.
    pub tokens: &'a [i64],
    /// The entries that [`end`](Self::end) has ended.
    pub(crate) stopped: &'a RefCell<Vec<bool>>,
}

impl Step<'_> {
    /// Ends a batch entry after this step, as an end token does. An entry that does not exist changes nothing, and so does any
    /// entry in a beam search.
    pub fn end(&self, entry: usize) {
        if let Some(stopped) = self.stopped.borrow_mut().get_mut(entry) {
            *stopped = true;
        }
    }
}

/// The result of a generation.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Generated {
    /// The ids `[batch, seq]` as Hugging Face's `generate` returns them: the prompt, or the start token of an
    /// encoder-decoder, and the generated tokens. A beam search returns `num_return_sequences` rows for each batch entry.
    pub ids: Tensor<2, Int>,
    /// The number of logits that were NaN or infinite, over all steps. If it is not 0, the ids mean nothing.
    pub non_finite: usize,
}
