use burn::module::Module;

use crate::param_path::ParamPath;
use crate::touched::UNTOUCHED;
use crate::visit_params::{ParamVisitor, visit_params_with};

/// The paths of the layers that carry vectors and that no `ia3_forward` has computed since [`attach`](crate::attach), on this
/// model or a clone of it. The list is always empty in builds without debug assertions.
///
/// A model that runs only some of its layers, such as its encoder alone, leaves the others untouched. Call this function
/// after a forward that runs all of them.
pub fn untouched_layers<M: Module>(model: &M) -> Vec<String> {
    struct Untouched(Vec<String>);
    impl ParamVisitor for Untouched {
        fn enter(&mut self, path: &ParamPath) {
            if path.container() == UNTOUCHED {
                let weight = path.reparameterized().unwrap_or_default();
                self.0.push(weight.strip_suffix(".weight").unwrap_or(&weight).to_string());
            }
        }
    }
    let mut untouched = Untouched(vec![]);
    if cfg!(debug_assertions) {
        visit_params_with(model, &mut untouched);
    }
    untouched.0
}

/// Asserts the promise of [`ActivationSpace`](crate::ActivationSpace): `ia3_forward` has computed every layer of `model`
/// that carries vectors. Call it at the end of a forward that runs all layers. In builds without debug assertions it does
/// nothing.
///
/// # Panics
///
/// In builds with debug assertions, it panics if there are [`untouched_layers`]. The message names them.
///
/// ```
/// use burn::{nn::{Linear, LinearConfig}, tensor::{Device, Tensor}};
/// use ia3_core::{ActivationSpace, Ia3Forward, assert_all_touched};
///
/// #[derive(burn::module::Module, Debug)]
/// struct Mlp { wi: Linear, wo: Linear }
/// impl ActivationSpace for Mlp {}
///
/// impl Mlp {
///     fn forward(&self, x: Tensor<2>) -> Tensor<2> {
///         let y = self.wo.ia3_forward(self.wi.ia3_forward(x));
///         assert_all_touched(self);
///         y
///     }
/// }
/// # let linear = |d_in, d_out| LinearConfig::new(d_in, d_out).init(&Device::flex());
/// # let mlp = Mlp { wi: linear(4, 8), wo: linear(8, 4) };
/// # assert_eq!(mlp.forward(Tensor::ones([1, 4], &Device::flex())).dims(), [1, 4]);
/// ```
#[track_caller]
pub fn assert_all_touched<M: Module>(model: &M) {
    let untouched = untouched_layers(model);
    assert!(
        untouched.is_empty(),
        "the forward of the model does not call `ia3_forward` on `{}`, which carries vectors of an adapter; call it there, \
         or attach the adapter with `attach_to_weights`",
        untouched.join("`, `")
    );
}
