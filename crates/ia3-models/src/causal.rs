//! The functions that all decoder-only models share: they have a stack of causal blocks and a language-model head.

use burn::module::Module;
use burn::nn::{Embedding, Linear};
use burn::tensor::{Int, Tensor};
use ia3_core::assert_all_touched;

use crate::cache::KvCache;
use crate::checkpoint::checkpointed;
use crate::error::ModelError;
use crate::inputs::{ModelInputs, check_labels, check_positions, check_rows, required};
use crate::joined_rows::JoinedRows;
use crate::layers::logits;
use crate::loss::RowLosses;
use crate::mask;
use crate::output::{ModelOutput, Trace};
use crate::state_losses::{Projection, is_fixed, state_log_likelihoods, state_losses};

/// A decoder-only language model.
pub(crate) trait CausalLm: Module {
    /// The sizes that the functions of this module need.
    fn facts(&self) -> Facts;

    /// Computes the hidden states `[batch, new, d]` of new tokens after the final norm. If there are caches, it reads and
    /// extends the cache of each block.
    fn states(&self, tokens: &Tokens, caches: Caches, trace: Trace) -> Tensor<3>;

    /// The positions of the tokens `ids`, `[batch or 1, seq]`.
    fn positions(&self, inputs: &ModelInputs, ids: &Tensor<2, Int>) -> Tensor<2, Int> {
        inputs.positions(ids)
    }

    /// The number of tokens of the longest row up to which keys in the cache fit those of later tokens. Where a generation
    /// exceeds it, all keys are computed again, once.
    fn cache_fits_up_to(&self) -> Option<usize> {
        None
    }

    /// The number of tokens of the longest row up to which the angles of its rotary embeddings do not depend on its length.
    fn angles_fit_up_to(&self) -> Option<usize> {
        None
    }

    /// The head, if it has a weight of its own, and the embedding.
    fn head(&self) -> (&Option<Linear>, &Embedding);

    /// The cap `c` of the logits, which become `c·tanh(logit / c)`.
    fn logit_cap(&self) -> Option<f64> {
        None
    }
}

/// The sizes of a model.
pub(crate) struct Facts {
    pub(crate) vocab_size: usize,
    pub(crate) layers: usize,
    /// The number of positions, if the model has a table of positions.
    pub(crate) max_positions: Option<usize>,
}

/// The new tokens of a batch, which follow the tokens in the cache.
pub(crate) struct Tokens {
    /// The ids, `[batch, new]`.
    pub(crate) ids: Tensor<2, Int>,
    /// The positions, `[batch, new]`, or `[1, new]` if they are the same for all rows.
    pub(crate) positions: Tensor<2, Int>,
    /// The mask, `[batch, past + new]`, which is 1 for a real token. Without a mask, all tokens are real.
    pub(crate) mask: Option<Tensor<2, Int>>,
    /// The number of tokens in the cache; of the longest sequence where the cache has slots.
    pub(crate) past: usize,
    /// Whether each batch entry is one token, at its own position of the sequence in a slot of the cache.
    pub(crate) by_slot: bool,
}

/// One cache per block, during generation.
pub(crate) type Caches<'a> = Option<&'a mut Vec<KvCache>>;

impl Tokens {
    fn all(model: &impl CausalLm, inputs: &ModelInputs) -> Result<Self, ModelError> {
        let ids = required("input_ids", &inputs.input_ids)?;
        let positions = model.positions(inputs, &ids);
        Ok(Self { positions, mask: inputs.attention_mask.clone(), past: 0, ids, by_slot: false })
    }

    /// The mask of past and new tokens, `[batch or 1, past + new]`, which is 1 for a real token.
    pub(crate) fn mask_of_all(&self) -> Tensor<2, Int> {
        let all = || Tensor::ones([1, self.past + self.ids.dims()[1]], &self.ids.device());
        self.mask.clone().unwrap_or_else(all)
    }

    /// The attention bias of the batch in the dtype and on the device of `x`. It hides later tokens, padding, and tokens outside
    /// of the `window`.
    pub(crate) fn bias(&self, x: &Tensor<3>, window: Option<usize>) -> Tensor<4> {
        if self.by_slot {
            return mask::window_before(&self.positions, self.past + 1, window, x.dtype());
        }
        let causal = mask::causal(self.ids.dims()[1], self.past, window, &x.device(), x.dtype());
        match &self.mask {
            Some(mask) => causal + mask::padding(mask.clone(), x.dtype()),
            None => causal,
        }
    }
}

/// The attention biases of blocks that see all tokens, or those of a window which all blocks with a window share.
#[derive(Clone)]
pub(crate) struct Biases {
    full: Tensor<4>,
    windowed: Option<Tensor<4>>,
    windows: Vec<Option<usize>>,
}

impl Tokens {
    /// The attention biases of blocks with these windows.
    pub(crate) fn biases(&self, x: &Tensor<3>, windows: &[Option<usize>]) -> Biases {
        let window = windows.iter().copied().flatten().next();
        Biases {
            full: self.bias(x, None),
            windowed: window.map(|_| self.bias(x, window)),
            windows: windows.to_vec(),
        }
    }
}

impl Biases {
    pub(crate) fn of_block(&self, block: usize) -> Tensor<4> {
        self.windows[block].and(self.windowed.as_ref()).unwrap_or(&self.full).clone()
    }
}

/// Runs `x` through blocks, each with its cache. What `block` captures needs no gradient.
pub(crate) fn run_blocks<B: Module + 'static>(
    blocks: &[B],
    mut x: Tensor<3>,
    mut caches: Caches,
    trace: &mut Trace,
    block: impl Fn(&B, usize, Tensor<3>, Option<&mut KvCache>) -> Tensor<3> + Clone + Send + 'static,
) -> Tensor<3> {
    for (i, b) in blocks.iter().enumerate() {
        trace.push(&x);
        x = match caches.as_mut().map(|c| &mut c[i]) {
            Some(cache) => block(b, i, x, Some(cache)),
            None => {
                let block = block.clone();
                checkpointed(b, x, [], move |b, x, []| block(b, i, x, None))
            }
        };
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
    let logits = project(model, x);
    assert_all_touched(model);
    Ok(ModelOutput { hidden_states, ..ModelOutput::new(logits) })
}

/// Computes the logits `[batch, vocab]` at the last real token of each batch entry.
pub(crate) fn last_logits(model: &impl CausalLm, inputs: &ModelInputs) -> Result<Tensor<2>, ModelError> {
    let tokens = checked(model, inputs)?;
    let x = model.states(&tokens, None, Trace::default());
    let logits = project(model, mask::last_real(x, tokens.mask.as_ref())).squeeze_dim(1);
    assert_all_touched(model);
    Ok(logits)
}

/// Computes the losses of `labels`. Each position predicts the label of the next position, as in Hugging Face.
pub(crate) fn losses(
    model: &impl CausalLm,
    inputs: &ModelInputs,
    labels: Tensor<2, Int>,
) -> Result<RowLosses, ModelError> {
    let tokens = checked(model, inputs)?;
    check_labels(&labels, tokens.ids.dims(), model.facts().vocab_size)?;
    let [_, seq] = labels.dims();
    if seq < 2 {
        let problem = "has one token per row, but no position predicts the first token of a row".into();
        return Err(ModelError::Input { name: "labels", problem });
    }
    let x = model.states(&tokens, None, Trace::default()).narrow(1, 0, seq - 1);
    let losses = state_losses(x, labels.narrow(1, 1, seq - 1), &projection(model, &|x| project(model, x)));
    assert_all_touched(model);
    Ok(losses)
}

/// Computes the log-likelihoods `[rows, tokens]` of `labels`, which are the texts of `rows`. They are 0 at ignored labels. The
/// head is computed only at the positions that predict a token of a text.
pub(crate) fn log_likelihoods(
    model: &impl CausalLm,
    rows: &JoinedRows,
    labels: Tensor<2, Int>,
) -> Result<Tensor<2>, ModelError> {
    let tokens = checked(model, &rows.inputs)?;
    let ([_, seq], [batch, width]) = (tokens.ids.dims(), labels.dims());
    let x = model.states(&tokens, None, Trace::default());
    let d = x.dims()[2];
    let at = rows.predictors(seq, width, &tokens.ids.device());
    let x = x.reshape([batch * seq, d]).select(0, at).reshape([batch, width, d]);
    let likelihoods = state_log_likelihoods(x, labels, &projection(model, &|x| project(model, x)));
    assert_all_touched(model);
    Ok(likelihoods)
}

/// The hidden states `[batch, seq, d]` of inputs, which are checked.
pub(crate) fn checked_states(
    model: &impl CausalLm,
    inputs: &ModelInputs,
    trace: Trace,
) -> Result<Tensor<3>, ModelError> {
    Ok(model.states(&checked(model, inputs)?, None, trace))
}

fn checked(model: &impl CausalLm, inputs: &ModelInputs) -> Result<Tokens, ModelError> {
    let Facts { vocab_size, max_positions, .. } = model.facts();
    inputs.check(vocab_size)?;
    check_rows(model, &inputs.input_ids)?;
    let tokens = Tokens::all(model, inputs)?;
    if let Some(max) = max_positions {
        check_positions(&inputs.position_ids, tokens.ids.dims()[1], max)?;
    }
    Ok(tokens)
}

fn projection<'a>(model: &impl CausalLm, project: &'a dyn Fn(Tensor<3>) -> Tensor<3>) -> Projection<'a> {
    let (head, embedding) = model.head();
    Projection { project, is_fixed: is_fixed(head, embedding), vocab_size: model.facts().vocab_size }
}

pub(crate) fn project(model: &impl CausalLm, x: Tensor<3>) -> Tensor<3> {
    let (head, embedding) = model.head();
    let logits = logits(head, embedding, x);
    match model.logit_cap() {
        Some(cap) => (logits / cap).tanh() * cap,
        None => logits,
    }
}
