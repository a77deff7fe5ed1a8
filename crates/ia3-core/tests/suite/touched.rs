//! A model that promises to call `ia3_forward` on every layer and forgets one is found in builds with debug assertions.

use burn::module::Module;
use burn::nn::{Linear, LinearConfig};
use burn::tensor::{Device, Tensor};
#[cfg(debug_assertions)]
use ia3_core::attach_rows;
use ia3_core::{
    ActivationSpace, Adapter, Ia3Config, Ia3Forward, assert_all_touched, attach, untouched_layers,
};

/// `wo(wi(x))`, where the forward may forget `wo`.
#[derive(Module, Debug)]
struct Mlp {
    wi: Linear,
    wo: Linear,
    #[module(skip)]
    forgets: bool,
}

impl ActivationSpace for Mlp {}

impl Mlp {
    fn new(forgets: bool) -> Self {
        let linear = |d_in, d_out| LinearConfig::new(d_in, d_out).init(&Device::flex());
        Self { wi: linear(4, 6), wo: linear(6, 4), forgets }
    }

    fn forward(&self, x: Tensor<2>) -> Tensor<2> {
        let x = self.wi.ia3_forward(x);
        let y = if self.forgets { self.wo.forward(x) } else { self.wo.ia3_forward(x) };
        assert_all_touched(self);
        y
    }
}

fn adapter(base: &Mlp, targets: [&str; 2]) -> Adapter {
    let config = Ia3Config::new().with_target_modules(targets).with_feedforward_modules([]);
    Adapter::init(base, &config.plan(&base.info()).unwrap())
}

fn x() -> Tensor<2> {
    Tensor::ones([2, 4], &Device::flex())
}

#[test]
#[cfg(debug_assertions)]
#[should_panic(
    expected = "the forward of the model does not call `ia3_forward` on `wo`, which carries vectors"
)]
fn a_forgotten_layer_is_named() {
    let base = Mlp::new(true);
    attach(&base, &[&adapter(&base, ["wi", "wo"])]).unwrap().forward(x());
}

#[test]
#[cfg(debug_assertions)]
#[should_panic(expected = "`wo`")]
fn a_forgotten_layer_is_named_where_rows_have_their_own_adapters() {
    let base = Mlp::new(true);
    let model = attach_rows(&base, &[Some(&adapter(&base, ["wi", "wo"])), None]).unwrap();
    assert_eq!(untouched_layers(&model), ["wi", "wo"]);
    model.wi.ia3_forward(x());
    assert_all_touched(&model);
}

#[test]
fn a_model_that_keeps_its_promise_passes_also_as_a_clone_and_in_training() {
    let base = Mlp::new(false);
    let model = attach(&base, &[&adapter(&base, ["wi", "wo"])]).unwrap();
    assert_eq!(untouched_layers(&model).len(), if cfg!(debug_assertions) { 2 } else { 0 });
    model.clone().train().forward(x());
    assert!(untouched_layers(&model).is_empty(), "clones share what was computed");
    model.forward(x());
    base.forward(x());
}

#[test]
fn a_layer_without_a_vector_may_be_left_out() {
    let base = Mlp::new(true);
    attach(&base, &[&adapter(&base, ["wi", "wi"])]).unwrap().forward(x());
}
