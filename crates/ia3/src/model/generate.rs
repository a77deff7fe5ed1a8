use std::fmt;

#[cfg(feature = "data")]
use ia3_models::ModelError;
use ia3_models::{EarlyStopping, GenerationConfig, Sampling, Step};

use super::Model;
use super::generated::Generated;
use crate::error::Error;
use crate::prompts::Prompts;

/// A generation that is to be run, made by [`Model::generate`].
///
/// Without further settings it takes the most probable token at each step, or searches with the beams that the base's
/// `generation_config.json` asks for. Each of `temperature`, `top_k`, `top_p`, `min_p`
/// and `seed` makes it draw tokens instead.
#[must_use = "nothing is generated before `run`"]
pub struct Generate<'a> {
    model: &'a Model,
    prompts: Prompts,
    config: GenerationConfig,
    stop: Vec<String>,
    #[cfg(feature = "data")]
    forced_bos_token: Option<String>,
    on_step: Box<dyn FnMut(Step) + 'a>,
}

impl Model {
    /// Generates from texts or token ids; [`run`](Generate::run) starts it.
    ///
    /// ```
    /// # let _folder = ia3_testing::enter_sandbox();
    /// let base = ia3::Model::from_pretrained("examples/base", &ia3::Device::flex())?;
    /// let answer = base.generate("time: 14:05").run()?;
    /// assert_eq!(answer.to_string(), "two oh five pm");
    ///
    /// let mut tokens = 0;
    /// base.generate([[17, 4, 42, 1]]).max_new_tokens(5).on_step(|_| tokens += 1).run()?;
    /// assert_eq!(tokens, 5);
    /// # Ok::<(), ia3::Error>(())
    /// ```
    pub fn generate(&self, prompts: impl Into<Prompts>) -> Generate<'_> {
        Generate {
            model: self,
            prompts: prompts.into(),
            config: self.generation_config().clone(),
            stop: vec![],
            #[cfg(feature = "data")]
            forced_bos_token: None,
            on_step: Box::new(|_| ()),
        }
    }
}

impl<'a> Generate<'a> {
    /// Sets the number of tokens to generate at most, for each batch entry.
    pub fn max_new_tokens(mut self, tokens: usize) -> Self {
        self.config.max_new_tokens = tokens;
        self
    }

    /// Sets the number of tokens before which no batch entry may end.
    pub fn min_new_tokens(mut self, tokens: usize) -> Self {
        self.config.min_new_tokens = tokens;
        self
    }

    /// Draws tokens after the logits are divided by `temperature`.
    pub fn temperature(self, temperature: f64) -> Self {
        self.sampling(|sampling| sampling.temperature = temperature)
    }

    /// Draws tokens among the `top_k` most probable ones.
    pub fn top_k(self, top_k: usize) -> Self {
        self.sampling(|sampling| sampling.top_k = Some(top_k))
    }

    /// Draws tokens among the fewest most probable ones that have the probability `top_p` together.
    pub fn top_p(self, top_p: f64) -> Self {
        self.sampling(|sampling| sampling.top_p = top_p)
    }

    /// Draws tokens among those with at least this share of the probability of the most probable one.
    pub fn min_p(self, min_p: f64) -> Self {
        self.sampling(|sampling| sampling.min_p = Some(min_p))
    }

    /// Makes tokens that a batch entry has already less probable: their logits are divided by `penalty`, or multiplied with it
    /// where they are negative.
    pub fn repetition_penalty(mut self, penalty: f64) -> Self {
        self.config.repetition_penalty = penalty;
        self
    }

    /// Lets no group of `size` tokens come twice in a batch entry.
    pub fn no_repeat_ngram_size(mut self, size: usize) -> Self {
        self.config.no_repeat_ngram_size = size;
        self
    }

    /// Searches with this many beams instead of taking the most probable token at each step.
    pub fn num_beams(mut self, beams: usize) -> Self {
        self.config.num_beams = beams;
        self
    }

    /// Divides the log-probability of a sequence by its number of new tokens to the power of this, in a beam search. A value
    /// above 0 favours longer sequences.
    pub fn length_penalty(mut self, penalty: f64) -> Self {
        self.config.length_penalty = penalty;
        self
    }

    /// Sets when a beam search ends.
    pub fn early_stopping(mut self, early_stopping: EarlyStopping) -> Self {
        self.config.early_stopping = early_stopping;
        self
    }

    /// Returns this many sequences of a beam search for each batch entry, the best first.
    pub fn num_return_sequences(mut self, sequences: usize) -> Self {
        self.config.num_return_sequences = sequences;
        self
    }

    /// Proposes up to this many tokens at a time from the text so far, where its last tokens occurred before, and checks them in one
    /// pass of the model ([`GenerationConfig::prompt_lookup_num_tokens`]). It is for one prompt of a decoder-only model.
    pub fn prompt_lookup_num_tokens(mut self, tokens: usize) -> Self {
        self.config.prompt_lookup_num_tokens = tokens;
        self
    }

    /// Lets the decoder of an encoder-decoder begin with this token, such as `fra_Latn` of NLLB, `fr_XX` of mBART or `__fr__` of
    /// M2M-100, which are the language to translate to.
    #[cfg(feature = "data")]
    pub fn forced_bos_token(mut self, token: impl Into<String>) -> Self {
        self.forced_bos_token = Some(token.into());
        self
    }

    /// Ends a batch entry where it has one of these texts ([`StopStrings`](crate::StopStrings)). A beam search knows no such
    /// texts.
    #[cfg(feature = "data")]
    pub fn stop_strings<S: Into<String>>(mut self, texts: impl IntoIterator<Item = S>) -> Self {
        self.stop = texts.into_iter().map(Into::into).collect();
        self
    }

    /// Draws tokens with this seed. The same seed draws the same tokens.
    pub fn seed(self, seed: u64) -> Self {
        self.sampling(|sampling| sampling.seed = seed)
    }

    /// Replaces all settings.
    pub fn config(mut self, config: GenerationConfig) -> Self {
        self.config = config;
        self
    }

    /// Calls `on_step` after each step, with the logits and the chosen token of each batch entry.
    pub fn on_step(mut self, on_step: impl FnMut(Step) + 'a) -> Self {
        self.on_step = Box::new(on_step);
        self
    }

    /// Generates.
    ///
    /// # Errors
    ///
    /// [`Error::Model`] for a setting that is out of range, an input that does not fit, a model without a decoder or a beam search
    /// that is to stop at texts; [`Error::NoTokenizer`] for texts without a tokenizer, and [`Error::Data`] for a tokenizer that
    /// cannot be read or does not have the forced token.
    pub fn run(mut self) -> Result<Generated, Error> {
        let inputs = self.model.prompts(self.prompts)?;
        let module = self.model.module();
        #[cfg(feature = "data")]
        if let Some(token) = &self.forced_bos_token {
            self.config.forced_bos_token_id = Some(self.model.text()?.id_of(token)?);
        }
        #[cfg(feature = "data")]
        if !self.stop.is_empty() {
            expect_one_beam(&self.config)?;
            let mut stop = crate::StopStrings::new(self.model.text()?, self.stop);
            let on_step = |step: Step| {
                stop.watch(&step);
                (self.on_step)(step);
            };
            let generated = module.generate_with(&inputs, &self.config, on_step)?;
            stop.finish()?;
            return Generated::new(generated, self.model);
        }
        let generated = module.generate_with(&inputs, &self.config, &mut self.on_step)?;
        Generated::new(generated, self.model)
    }

    fn sampling(mut self, set: impl FnOnce(&mut Sampling)) -> Self {
        set(self.config.sampling.get_or_insert_default());
        self
    }
}

#[cfg(feature = "data")]
fn expect_one_beam(config: &GenerationConfig) -> Result<(), Error> {
    match config.num_beams {
        0 | 1 => Ok(()),
        beams => {
            let (field, found) = ("num_beams", beams.to_string());
            Err(Error::Model(ModelError::Generation { field, found, expected: "1 with stop strings" }))
        }
    }
}

impl fmt::Debug for Generate<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { prompts, config, .. } = self;
        f.debug_struct("Generate").field("prompts", prompts).field("config", config).finish_non_exhaustive()
    }
}
