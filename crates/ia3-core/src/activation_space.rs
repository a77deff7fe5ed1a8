use burn::module::Module;
use ia3_config::{FeedForward, ModelInfo};

use crate::model_info::model_info;

/// A module whose forward calls `ia3_forward` on every layer that can be a target: the method of
/// [`Ia3Forward`](crate::Ia3Forward) on linear layers, and of [`Ia3ConvForward`](crate::Ia3ConvForward) on convolutions.
///
/// An implementation of this trait is the promise that the forward does so. With it, [`attach`](crate::attach) is exact for
/// layers with a bias, for several adapters and for a quantised base. A model of your own needs one line:
///
/// ```
/// # #[derive(burn::module::Module, Debug)] struct MyModel { wo: burn::nn::Linear }
/// impl ia3_core::ActivationSpace for MyModel {}
/// ```
///
/// If the forward does not call `ia3_forward` on a layer, the vector of the layer does not scale the bias. Builds with debug
/// assertions find such layers: every `ia3_forward` records that it computed its layer, and
/// [`assert_all_touched`](crate::assert_all_touched) panics with the paths of the layers that carry a vector and were not
/// computed. The models of `ia3-models` call it at the end of their forward; call it in your own models too. It costs nothing
/// in release builds.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not promise to call `ia3_forward` on its layers",
    note = "use `attach_to_weights` for a module you did not write, or call `ia3_forward` in your forward and `impl ActivationSpace for {Self} {{}}`"
)]
pub trait ActivationSpace: Module {
    /// The facts about the model that planning needs. The default implementation reads them from the module. A model that
    /// knows its `model_type`, its output embedding or its fused projections overrides it to add them.
    fn info(&self) -> ModelInfo {
        model_info(self, None, None)
    }

    /// The blocks in which factors of a layer's inputs can move to the layer before, so that they can be merged into quantised
    /// weights ([`move_inputs`](crate::move_inputs)).
    fn feed_forwards(&self) -> Vec<FeedForward> {
        vec![]
    }

    /// Paths of the embeddings that the forward looks up with [`embed`](crate::embed). These can differ between batch entries
    /// ([`attach_rows`](crate::attach_rows)).
    fn embeddings_by_row(&self) -> Vec<String> {
        vec![]
    }

    /// Whether the forward computes in float32 where the weights are in half precision. Parameters that an adapter replaces are
    /// then float32 too; otherwise they have the dtype of the base, as in PEFT.
    fn float32_states(&self) -> bool {
        false
    }
}
