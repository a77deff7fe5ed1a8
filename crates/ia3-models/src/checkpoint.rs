//! Blocks of a model that run again in the backward pass.

use std::cell::Cell;

use burn::module::Module;
use burn::tensor::Tensor;

thread_local! {
    static CHECKPOINTING: Cell<bool> = const { Cell::new(false) };
}

/// Calls `f`. A model that computes in it on this thread keeps only the inputs of its blocks for the backward pass, which runs each
/// block again (arXiv 1604.06174): less memory for a second forward pass.
///
/// Gradients have the bits that they have otherwise, also with dropout. The backward pass needs no scope of its own. Where
/// [`ia3_ops::has_checkpoints`] is false nothing changes.
///
/// ```
/// use burn::tensor::{Device, Int, Tensor};
/// use ia3_models::{ModelConfig, ModelInputs, with_gradient_checkpointing};
///
/// let config = r#"{"model_type": "gpt2", "vocab_size": 61, "n_embd": 24, "n_layer": 2, "n_head": 4, "n_positions": 16}"#;
/// let model = ModelConfig::from_json(config)?.init(&Device::flex().autodiff());
/// let ids = Tensor::<2, Int>::from_ints([[5, 6, 7]], &Device::flex());
/// let inputs = ModelInputs { input_ids: Some(ids.clone()), ..ModelInputs::default() };
/// let loss = with_gradient_checkpointing(|| model.loss(&inputs, ids))?;
/// let gradients = loss.backward();
/// # Ok::<(), ia3_models::ModelError>(())
/// ```
pub fn with_gradient_checkpointing<T>(f: impl FnOnce() -> T) -> T {
    let _before = Before(CHECKPOINTING.replace(true));
    f()
}

/// What is set again when it is dropped, also by a panic.
struct Before(bool);

impl Drop for Before {
    fn drop(&mut self) {
        CHECKPOINTING.set(self.0);
    }
}

/// `run(block, x, others)`, in a checkpoint inside of [`with_gradient_checkpointing`]. What `run` captures must need no gradient; a
/// tensor that may need one is one of `others`.
pub(crate) fn checkpointed<M: Module + 'static, const N: usize>(
    block: &M,
    x: Tensor<3>,
    others: [Tensor<4>; N],
    run: impl Fn(&M, Tensor<3>, [Tensor<4>; N]) -> Tensor<3> + Send + 'static,
) -> Tensor<3> {
    match CHECKPOINTING.get() {
        true => ia3_ops::checkpoint(block, x, others, run),
        false => run(block, x, others),
    }
}
