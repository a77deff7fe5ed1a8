use burn::module::Module;
use ia3_config::ModelInfo;

use crate::model_info::model_info;

/// A module whose forward calls `ia3_forward` on every layer that can be a target: that of
/// [`Ia3Forward`](crate::Ia3Forward) on linear layers, of [`Ia3ConvForward`](crate::Ia3ConvForward) on convolutions.
///
/// To implement this trait is to promise exactly that. The promise makes [`attach`](crate::attach) exact everywhere: with a
/// bias, with several adapters, on a quantised base. A model of your own needs one line:
///
/// ```
/// # #[derive(burn::module::Module, Debug)] struct MyModel { wo: burn::nn::Linear }
/// impl ia3_core::ActivationSpace for MyModel {}
/// ```
///
/// A layer on which the forward does not call `ia3_forward` ignores what its vector does to the bias. Builds with debug
/// assertions find such layers: every `ia3_forward` records that it computed its layer, and
/// [`assert_all_touched`](crate::assert_all_touched), called at the end of the forward, panics with the paths of the layers
/// that carry a vector and were not computed. The models of `ia3-models` call it; call it in your own. It costs nothing in
/// release builds.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not promise to call `ia3_forward` on its layers",
    note = "use `attach_to_weights` for a module you did not write, or call `ia3_forward` in your forward and `impl ActivationSpace for {Self} {{}}`"
)]
pub trait ActivationSpace: Module {
    /// What planning needs to know of the model. A model that knows its `model_type`, its output embedding or its
    /// fused projections says so here; the default says what can be seen.
    fn info(&self) -> ModelInfo {
        model_info(self, None, None)
    }
}
