//! The tokens that the decoder of an encoder-decoder reads before it generates.

use burn::tensor::{DType, Int, Tensor};

use crate::decoder_memory::DecoderMemory;
use crate::error::ModelError;
use crate::generate::GenerationConfig;
use crate::inputs::{ModelInputs, int_tensor};
use crate::output::Trace;
use crate::seq2seq::Seq2SeqLm;

/// The prompt of a decoder: what the caller gives, or the start token and the tokens of the settings behind it.
pub(crate) struct DecoderPrompt<'a> {
    given: Option<Tensor<2, Int>>,
    start: i64,
    config: &'a GenerationConfig,
}

impl<'a> DecoderPrompt<'a> {
    /// The prompt of a generation, whose inputs are checked. It fits into the positions of the decoder with the new tokens.
    pub(crate) fn new(
        model: &impl Seq2SeqLm,
        inputs: &ModelInputs,
        config: &'a GenerationConfig,
    ) -> Result<Self, ModelError> {
        let facts = model.facts();
        let given = inputs.decoder_input_ids.clone().filter(|_| facts.prompted);
        if given.is_some() && inputs.decoder_attention_mask.is_some() {
            let problem = "is given, but the prompts of a generation are not padded; leave it out".into();
            return Err(ModelError::Input { name: "decoder_attention_mask", problem });
        }
        check_vocabulary("decoder_prompt", &config.decoder_prompt, facts.target_vocab_size)?;
        check_vocabulary("languages", &config.languages, facts.target_vocab_size)?;
        let prompt = Self { given, start: facts.decoder_start_token_id, config };
        // The decoder reads the prompt and all new tokens except the last.
        let read = prompt.len().saturating_add(config.max_new_tokens) - 1;
        if facts.max_positions.is_some_and(|max| read > max) {
            let expected = match prompt.len() {
                1 => "no more tokens than the decoder has positions",
                _ => "no more tokens than the decoder has positions behind its prompt",
            };
            let found = config.max_new_tokens.to_string();
            return Err(ModelError::Generation { field: "max_new_tokens", found, expected });
        }
        Ok(prompt)
    }

    /// The number of its tokens.
    pub(crate) fn len(&self) -> usize {
        let of_settings =
            1 + usize::from(!self.config.languages.is_empty()) + self.config.decoder_prompt.len();
        self.given.as_ref().map_or(of_settings, |given| given.dims()[1])
    }

    /// Its tokens for each row of the encoder's output in `memory`, `[rows, len]`.
    pub(crate) fn tokens(
        &self,
        model: &impl Seq2SeqLm,
        memory: &DecoderMemory,
    ) -> Result<Tensor<2, Int>, ModelError> {
        if let Some(given) = &self.given {
            return Ok(given.clone());
        }
        let (rows, device) = (memory.rows(), memory.device());
        let column = |id: i64| Tensor::<2, Int>::full([rows, 1], id, &device);
        let start = column(self.start);
        let language = match self.config.languages.is_empty() {
            true => None,
            false => Some(most_probable(
                last_logits(model, start.clone(), &mut memory.without_cache()),
                &self.config.languages,
            )),
        };
        let rest = self.config.decoder_prompt.iter().map(|&id| column(id));
        Ok(Tensor::cat([start].into_iter().chain(language).chain(rest).collect(), 1))
    }
}

/// The logits `[rows, vocab]` behind the last of the ids `[rows, new]`, which follow the tokens in `memory`.
pub(crate) fn last_logits(
    model: &impl Seq2SeqLm,
    ids: Tensor<2, Int>,
    memory: &mut DecoderMemory,
) -> Tensor<2> {
    let x = model.decode(ids, None, memory, Trace::default());
    let last = x.dims()[1] - 1;
    model.project(x.narrow(1, last, 1)).squeeze_dim(1)
}

/// The most probable of the tokens `among` in each row of logits `[rows, vocab]`, `[rows, 1]`.
fn most_probable(logits: Tensor<2>, among: &[i64]) -> Tensor<2, Int> {
    let ([rows, vocab], device) = (logits.dims(), logits.device());
    let values: Vec<f32> = logits.cast(DType::F32).into_data().iter().collect();
    let best = |row: &[f32]| {
        let logit = |id: &i64| row[*id as usize];
        let by_logit = |a: &&i64, b: &&i64| logit(a).total_cmp(&logit(b)).then(b.cmp(a));
        among.iter().max_by(by_logit).copied().unwrap_or_default()
    };
    int_tensor(values.chunks(vocab).map(best).collect(), [rows, 1], &device)
}

/// The tokens that the decoder of one sequence reads before it generates: the start token and those of the settings.
///
/// # Errors
///
/// [`ModelError::Generation`]: a token is outside the vocabulary, or a language is to be detected, which takes a pass of its own.
pub(crate) fn start_tokens(
    model: &impl Seq2SeqLm,
    config: &GenerationConfig,
) -> Result<Vec<i64>, ModelError> {
    let facts = model.facts();
    if let Some(language) = config.languages.first() {
        let (found, expected) = (language.to_string(), "none for one sequence among others");
        return Err(ModelError::Generation { field: "languages", found, expected });
    }
    check_vocabulary("decoder_prompt", &config.decoder_prompt, facts.target_vocab_size)?;
    Ok([&[facts.decoder_start_token_id], config.decoder_prompt.as_slice()].concat())
}

fn check_vocabulary(field: &'static str, ids: &[i64], vocab: usize) -> Result<(), ModelError> {
    match ids.iter().find(|id| !(0..vocab as i64).contains(id)) {
        None => Ok(()),
        Some(id) => {
            Err(ModelError::Generation { field, found: id.to_string(), expected: "ids of the vocabulary" })
        }
    }
}
