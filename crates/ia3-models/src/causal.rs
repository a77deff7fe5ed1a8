//! What GPT-2, Falcon and Llama have in common: a stack of causal blocks under a language-model head.

use burn::nn::{Embedding, Linear};
use burn::tensor::{Int, Tensor};

use crate::cache::KvCache;
use crate::decode::{Steps, decode};
use crate::error::ModelError;
use crate::generate::{Generated, GenerationConfig, Step};
use crate::inputs::{ModelInputs, check_labels, check_positions, required};
use crate::layers::logits;
use crate::loss::cross_entropy;
use crate::mask;
use crate::output::{ModelOutput, Trace};

/// A decoder-only language model.
pub(crate) trait CausalLm {
    /// What the pieces below have to know.
    fn facts(&self) -> Facts;

    /// States `[batch, new, d]` of new tokens after the final norm; fills and reads one cache a block, if there are any.
    fn states(&self, tokens: &Tokens, caches: Caches, trace: Trace) -> Tensor<3>;

    /// The head, if it has a weight of its own, and the embedding.
    fn head(&self) -> (&Option<Linear>, &Embedding);
}

/// Facts of a model.
pub(crate) struct Facts {
    pub(crate) vocab_size: usize,
    pub(crate) layers: usize,
    /// Positions there are, where they come from a table.
    pub(crate) max_positions: Option<usize>,
}

/// New tokens of a batch, which follow those in a cache.
pub(crate) struct Tokens {
    /// `[batch, new]`
    pub(crate) ids: Tensor<2, Int>,
    /// `[batch, new]`, or `[1, new]` for all rows.
    pub(crate) positions: Tensor<2, Int>,
    /// 1 for a real token, `[batch, past + new]`; without it all are real.
    pub(crate) mask: Option<Tensor<2, Int>>,
    /// Tokens in the cache.
    pub(crate) past: usize,
}

/// One cache a block, while generating.
pub(crate) type Caches<'a> = Option<&'a mut Vec<KvCache>>;

impl Tokens {
    fn all(inputs: &ModelInputs) -> Result<Self, ModelError> {
        let ids = required("input_ids", &inputs.input_ids)?;
        let in_order = || Tensor::arange(0..ids.dims()[1] as i64, &ids.device()).unsqueeze();
        let positions = inputs.position_ids.clone().unwrap_or_else(in_order);
        Ok(Self { positions, mask: inputs.attention_mask.clone(), past: 0, ids })
    }

    /// 1 for a real token, of past and new ones, `[batch or 1, past + new]`.
    pub(crate) fn mask_of_all(&self) -> Tensor<2, Int> {
        let all = || Tensor::ones([1, self.past + self.ids.dims()[1]], &self.ids.device());
        self.mask.clone().unwrap_or_else(all)
    }

    /// The attention bias of the batch for states like `x`: causal, without padding, and within a `window`.
    pub(crate) fn bias(&self, x: &Tensor<3>, window: Option<usize>) -> Tensor<4> {
        let causal = mask::causal(self.ids.dims()[1], self.past, window, &x.device(), x.dtype());
        match &self.mask {
            Some(mask) => causal + mask::padding(mask.clone(), x.dtype()),
            None => causal,
        }
    }
}

/// Runs `x` through blocks, each with its cache.
pub(crate) fn through<B>(
    blocks: &[B],
    mut x: Tensor<3>,
    mut caches: Caches,
    trace: &mut Trace,
    block: impl Fn(&B, usize, Tensor<3>, Option<&mut KvCache>) -> Tensor<3>,
) -> Tensor<3> {
    for (i, b) in blocks.iter().enumerate() {
        trace.push(&x);
        x = block(b, i, x, caches.as_mut().map(|c| &mut c[i]));
    }
    x
}

pub(crate) fn run(
    model: &impl CausalLm,
    inputs: &ModelInputs,
    traced: bool,
) -> Result<ModelOutput, ModelError> {
    let tokens = checked(model, inputs)?;
    let mut hidden_states = vec![];
    let x = model.states(&tokens, None, Trace::into(traced.then_some(&mut hidden_states)));
    Ok(ModelOutput { hidden_states, ..ModelOutput::new(project(model, x)) })
}

/// Logits `[batch, vocab]` of each row's last real token.
pub(crate) fn last_logits(model: &impl CausalLm, inputs: &ModelInputs) -> Result<Tensor<2>, ModelError> {
    let tokens = checked(model, inputs)?;
    let x = model.states(&tokens, None, Trace::default());
    Ok(project(model, mask::last_real(x, tokens.mask.as_ref())).squeeze_dim(1))
}

/// Each position predicts the label of the next one, as in Hugging Face.
pub(crate) fn loss(
    model: &impl CausalLm,
    inputs: &ModelInputs,
    labels: Tensor<2, Int>,
) -> Result<Tensor<1>, ModelError> {
    let tokens = checked(model, inputs)?;
    check_labels(&labels, tokens.ids.dims(), model.facts().vocab_size)?;
    let [_, seq] = labels.dims();
    if seq < 2 {
        let problem = "has one token a row; the first token of a row is predicted by nothing".into();
        return Err(ModelError::Input { name: "labels", problem });
    }
    let x = model.states(&tokens, None, Trace::default()).narrow(1, 0, seq - 1);
    Ok(cross_entropy(project(model, x), labels.narrow(1, 1, seq - 1)))
}

/// Goes on from prompts, padded on either side; each row's positions count its real tokens.
pub(crate) fn generate(
    model: &impl CausalLm,
    inputs: &ModelInputs,
    config: &GenerationConfig,
    on_step: &mut dyn FnMut(Step),
) -> Result<Generated, ModelError> {
    inputs.check(model.facts().vocab_size)?;
    let ids = required("input_ids", &inputs.input_ids)?;
    let prompt = Prompt::new(ids, inputs.attention_mask.clone());
    let ids = prompt.ids.clone();
    if let Some(max) = model.facts().max_positions {
        prompt.check_fits(config.max_new_tokens, max)?;
    }
    let width = ids.dims()[1];
    let new_cache = |_| KvCache::new(width + config.max_new_tokens);
    let mut caches: Vec<KvCache> = (0..model.facts().layers).map(new_cache).collect();
    let first = |caches: &mut Vec<KvCache>| {
        let tokens = prompt.tokens();
        let x = model.states(&tokens, Some(caches), Trace::default());
        project(model, mask::last_real(x, tokens.mask.as_ref()))
    };
    let next = |step: usize, column: Option<Tensor<2, Int>>| {
        let logits = match column {
            None => first(&mut caches),
            Some(ids) => {
                let tokens = prompt.next(ids, step);
                project(model, model.states(&tokens, Some(&mut caches), Trace::default()))
            }
        };
        logits.squeeze_dim(1)
    };
    decode(Steps { start: ids, config, next }, on_step)
}

fn checked(model: &impl CausalLm, inputs: &ModelInputs) -> Result<Tokens, ModelError> {
    let Facts { vocab_size, max_positions, .. } = model.facts();
    inputs.check(vocab_size)?;
    let tokens = Tokens::all(inputs)?;
    if let Some(max) = max_positions {
        check_positions(&inputs.position_ids, tokens.ids.dims()[1], max)?;
    }
    Ok(tokens)
}

fn project(model: &impl CausalLm, x: Tensor<3>) -> Tensor<3> {
    let (head, embedding) = model.head();
    logits(head, embedding, x)
}

/// The prompts of a generation.
struct Prompt {
    ids: Tensor<2, Int>,
    /// Absent where nothing is padded.
    mask: Option<Tensor<2, Int>>,
    /// Real tokens of each row, `[batch, 1]`.
    lengths: Tensor<2, Int>,
}

impl Prompt {
    fn new(ids: Tensor<2, Int>, mask: Option<Tensor<2, Int>>) -> Self {
        let mask = mask.map(|mask| mask.not_equal_scalar(0).int());
        let lengths = mask.clone().unwrap_or_else(|| ids.ones_like()).sum_dim(1);
        let padded = mask.filter(|mask| mask.to_data().iter::<i64>().any(|m| m == 0));
        Self { ids, mask: padded, lengths }
    }

    fn check_fits(&self, new: usize, max: usize) -> Result<(), ModelError> {
        let longest = self.lengths.clone().max().into_scalar::<i64>() as usize;
        // The last token is generated and never read.
        if longest + new <= max + 1 {
            return Ok(());
        }
        let problem = format!(
            "has {longest} tokens; with {new} new ones that is more than the model's {max} positions"
        );
        Err(ModelError::Input { name: "input_ids", problem })
    }

    fn tokens(&self) -> Tokens {
        let positions = match &self.mask {
            Some(mask) => (mask.clone().cumsum(1) - 1).clamp_min(0),
            None => Tensor::arange(0..self.ids.dims()[1] as i64, &self.ids.device()).unsqueeze(),
        };
        Tokens { ids: self.ids.clone(), positions, mask: self.mask.clone(), past: 0 }
    }

    /// The tokens of step `step`, which counts from 1.
    fn next(&self, ids: Tensor<2, Int>, step: usize) -> Tokens {
        let [batch, width] = self.ids.dims();
        let new = Tensor::ones([batch, step], &ids.device());
        let mask = self.mask.clone().map(|mask| Tensor::cat(vec![mask, new], 1));
        Tokens { ids, positions: self.lengths.clone() + (step as i64 - 1), mask, past: width + step - 1 }
    }
}

/// The public methods of a [`CausalLm`], the same for each.
macro_rules! causal_lm_methods {
    ($model:ty, $config:ty) => {
        impl ia3_core::ActivationSpace for $model {}

        impl $model {
            /// The configuration the model was made from.
            pub fn config(&self) -> &$config {
                &self.config
            }

            /// Logits `[batch, seq, vocab]`.
            ///
            /// As in Hugging Face, positions count from 0 in every row unless `position_ids` says otherwise; padding
            /// on the left needs them.
            ///
            /// # Errors
            ///
            /// [`ModelError::Input`](crate::ModelError::Input) for an input that is missing or does not fit.
            pub fn forward(
                &self,
                inputs: &crate::ModelInputs,
            ) -> Result<burn::tensor::Tensor<3>, crate::ModelError> {
                Ok(self.run(inputs, false)?.logits)
            }

            pub(crate) fn run(
                &self,
                inputs: &crate::ModelInputs,
                traced: bool,
            ) -> Result<crate::ModelOutput, crate::ModelError> {
                crate::causal::run(self, inputs, traced)
            }

            /// Logits `[batch, vocab]` of each row's last real token alone.
            ///
            /// # Errors
            ///
            /// As [`forward`](Self::forward).
            pub fn last_logits(
                &self,
                inputs: &crate::ModelInputs,
            ) -> Result<burn::tensor::Tensor<2>, crate::ModelError> {
                crate::causal::last_logits(self, inputs)
            }

            /// Mean cross entropy of the next token, `labels` `[batch, seq]` being the tokens themselves
            /// ([`IGNORE_INDEX`](crate::IGNORE_INDEX) does not count); they are shifted here, as in Hugging Face.
            ///
            /// # Errors
            ///
            /// As [`forward`](Self::forward).
            pub fn loss(
                &self,
                inputs: &crate::ModelInputs,
                labels: burn::tensor::Tensor<2, burn::tensor::Int>,
            ) -> Result<burn::tensor::Tensor<1>, crate::ModelError> {
                crate::causal::loss(self, inputs, labels)
            }

            /// Goes on from `input_ids`, with keys and values cached; `on_step` sees every step as it happens.
            ///
            /// Prompts may be padded on either side, as `attention_mask` says: positions are those of the real
            /// tokens, `position_ids` is not read. The result is the prompts, padding included, and the new tokens.
            ///
            /// # Errors
            ///
            /// As [`forward`](Self::forward), and [`ModelError::Generation`](crate::ModelError::Generation).
            pub fn generate(
                &self,
                inputs: &crate::ModelInputs,
                config: &crate::GenerationConfig,
                on_step: &mut dyn FnMut(crate::Step),
            ) -> Result<crate::Generated, crate::ModelError> {
                crate::causal::generate(self, inputs, config, on_step)
            }

            /// What the configuration says about generating, with `max_new_tokens`.
            pub fn generation_config(&self, max_new_tokens: usize) -> crate::GenerationConfig {
                crate::GenerationConfig {
                    pad_token_id: self.config.pad_token_id(),
                    ..crate::GenerationConfig::new(max_new_tokens, self.config.eos_token_id.clone())
                }
            }
        }

        impl $config {
            /// The id that fills rows up: `pad_token_id`, or the end token where there is none, as in Hugging Face.
            pub fn pad_token_id(&self) -> i64 {
                self.pad_token_id.or(self.eos_token_id.first().copied()).unwrap_or(0)
            }
        }
    };
}

pub(crate) use causal_lm_methods;
