//! The life of an adapter: planned, attached, trained, extracted, attached elsewhere, merged; and what is refused.

use burn::module::{Module, Param};
use burn::nn::{Linear, LinearConfig};
use burn::optim::{AdamWConfig, GradientsParams};
use burn::tensor::{DType, Device, Distribution, Tensor, TensorData, Tolerance, activation::relu};
use ia3_core::{
    ActivationSpace, Adapter, AdapterError, Ia3Config, Ia3Forward, Ia3Vector, ParamKind, TrainableParameters,
    attach, freeze, merge, merge_safe, model_info, visit_params,
};

/// `wo(relu(wi(x))) + k(x)`, biases included, rectangular and square.
#[derive(Module, Debug)]
struct Mlp {
    wi: Linear,
    wo: Linear,
    k: Linear,
}

impl ActivationSpace for Mlp {}

impl Mlp {
    fn new(device: &Device) -> Self {
        let linear = |d_in, d_out| LinearConfig::new(d_in, d_out).init(device);
        Self { wi: linear(6, 10), wo: linear(10, 6), k: linear(6, 6) }
    }

    fn forward(&self, x: Tensor<2>) -> Tensor<2> {
        let h = relu(self.wi.ia3_forward(x.clone()));
        self.wo.ia3_forward(h) + self.k.ia3_forward(x)
    }
}

fn plan(base: &Mlp, init: bool) -> ia3_core::Plan {
    Ia3Config::new()
        .with_target_modules(["k", "wo"])
        .with_feedforward_modules(["wo"])
        .with_init_ia3_weights(init)
        .plan(&model_info(base, None, None))
        .unwrap()
}

fn setup() -> (Mlp, Adapter, Tensor<2>) {
    let device = Device::flex();
    device.seed(1);
    let base = Mlp::new(&device);
    let adapter = Adapter::init(&base, &plan(&base, false));
    let x = Tensor::random([4, 6], Distribution::Normal(0., 1.), &device);
    (base, adapter, x)
}

/// Every float parameter, the attached vectors included.
fn parameters<M: Module>(module: &M) -> Vec<TensorData> {
    let mut all = vec![];
    visit_params(module, |_, param| all.extend((param.kind() == ParamKind::Float).then(|| param.data())));
    all
}

fn assert_equal(a: &Tensor<2>, b: &Tensor<2>) {
    a.to_data().assert_eq(&b.to_data(), true);
}

fn assert_close(a: Tensor<2>, b: Tensor<2>) {
    a.into_data().assert_approx_eq::<f32>(&b.into_data(), Tolerance::absolute(1e-5));
}

#[test]
fn an_adapter_of_ones_is_the_base_to_the_bit() {
    let (base, _, x) = setup();
    let ones = Adapter::init(&base, &plan(&base, true));
    let adapted = attach(&base, &[&ones]).unwrap();
    assert_equal(&adapted.forward(x.clone()), &base.forward(x.clone()));
    assert_equal(&merge(&base, &[&ones]).unwrap().forward(x.clone()), &base.forward(x));
}

#[test]
fn the_formula_is_the_papers_with_the_bias_scaled_on_the_output() {
    let (base, adapter, x) = setup();
    let l = |path: &str| adapter.vectors[path].l.val().unsqueeze::<2>();
    let h = relu(base.wi.forward(x.clone()));
    let expected = base.wo.forward(h * l("wo")) + base.k.forward(x.clone()) * l("k");
    assert_close(attach(&base, &[&adapter]).unwrap().forward(x), expected);
}

#[test]
fn merged_equals_adapted_and_the_base_stays_pristine() {
    let (base, adapter, x) = setup();
    let before = parameters(&base);
    let adapted = attach(&base, &[&adapter]).unwrap();
    let merged = merge_safe(&base, &[&adapter]).unwrap();
    assert_close(merged.forward(x.clone()), adapted.forward(x.clone()));
    // The weight-space value of the same state agrees as well.
    let product = adapted.wo.weight.val().into_data();
    product.assert_approx_eq::<f32>(&merged.wo.weight.val().into_data(), Tolerance::absolute(1e-6));
    parameters(&base).iter().zip(&before).for_each(|(now, then)| now.assert_eq(then, true));
}

#[test]
fn training_moves_the_vectors_and_nothing_else() {
    let (base, adapter, x) = setup();
    let mut model = attach(&base, &[&adapter]).unwrap().train();
    let frozen = parameters(&base);
    let mut optimizer = AdamWConfig::new().with_weight_decay(0.0).init();
    let mut losses = vec![];
    for _ in 0..30 {
        let loss = model.forward(x.clone()).square().mean();
        let grads = GradientsParams::from_grads(loss.backward(), &model);
        assert_eq!(grads.len(), 2, "gradients of the two vectors alone");
        losses.push(loss.into_scalar::<f32>());
        model = optimizer.step(0.05, model, grads);
    }
    assert!(losses[29] < 0.5 * losses[0], "{losses:?}");

    let trained = adapter.extract(&model).unwrap();
    let now = parameters(&model.valid());
    let base_now = now.iter().filter(|p| frozen.iter().any(|f| f == *p)).count();
    assert_eq!(base_now, frozen.len(), "every base parameter is still there to the bit");
    for (path, vector) in &trained.vectors {
        assert_ne!(vector.l.val().to_data(), adapter.vectors[path].l.val().to_data(), "{path} has moved");
    }
    let elsewhere = attach(&base, &[&trained]).unwrap();
    assert_equal(&elsewhere.forward(x.clone()), &model.valid().forward(x));
}

#[test]
fn several_adapters_multiply_and_each_is_extracted_by_itself() {
    let (base, a, x) = setup();
    let b = Adapter::init(&base, &plan(&base, false));
    let both = attach(&base, &[&a, &b]).unwrap();
    let mut product = a.fork();
    for (path, vector) in &mut product.vectors {
        *vector = Ia3Vector::new(vector.l.val() * b.vectors[path].l.val(), vector.placement);
    }
    assert_close(both.forward(x.clone()), attach(&base, &[&product]).unwrap().forward(x.clone()));
    assert_close(both.forward(x.clone()), merge(&base, &[&a, &b]).unwrap().forward(x));
    for (adapter, name) in [(&a, "a"), (&b, "b")] {
        let extracted = adapter.extract(&both).unwrap();
        for (path, vector) in &extracted.vectors {
            assert_eq!(vector.l.val().to_data(), adapter.vectors[path].l.val().to_data(), "{name} {path}");
        }
    }
}

#[test]
fn adapters_may_place_their_vectors_differently_on_one_layer() {
    // PEFT silently gives the second adapter the first one's orientation.
    let (base, a, x) = setup();
    let config = Ia3Config::new().with_target_modules(["wo"]).with_feedforward_modules(Vec::<String>::new());
    let plan = config.with_init_ia3_weights(false).plan(&model_info(&base, None, None));
    let b = Adapter::init(&base, &plan.unwrap());
    assert_eq!((a.vectors["wo"].len(), b.vectors["wo"].len()), (10, 6));
    let l = |adapter: &Adapter, path: &str| adapter.vectors[path].l.val().unsqueeze::<2>();
    let h = relu(base.wi.forward(x.clone())) * l(&a, "wo");
    let expected = base.wo.forward(h) * l(&b, "wo") + base.k.forward(x.clone()) * l(&a, "k");
    assert_close(attach(&base, &[&a, &b]).unwrap().forward(x), expected);
}

#[test]
fn vectors_stay_float32_on_a_bf16_base_with_pefts_casts() {
    let (base, adapter, x) = setup();
    let base = base.map(&mut ToBf16);
    let x = x.cast(DType::BF16);
    let adapted = attach(&base, &[&adapter]).unwrap();
    assert_eq!(adapter.vectors["k"].l.val().dtype(), DType::F32);
    let l = |path: &str| adapter.vectors[path].l.val().unsqueeze::<2>();
    let scale = |t: Tensor<2>, path: &str| (t.cast(DType::F32) * l(path)).cast(DType::BF16);
    let linear = |layer: &Linear, x: Tensor<2>| {
        ia3_ops::linear(x, layer.weight.val(), layer.bias.as_ref().map(|bias| bias.val()))
    };
    assert_equal(&adapted.k.ia3_forward(x.clone()), &scale(linear(&base.k, x.clone()), "k"));
    let h = relu(base.wi.forward(x.clone()));
    assert_equal(&adapted.wo.ia3_forward(h.clone()), &linear(&base.wo, scale(h, "wo")));
    assert_eq!(merge(&base, &[&adapter]).unwrap().wo.weight.val().dtype(), DType::BF16);
}

struct ToBf16;

impl burn::module::ModuleMapper for ToBf16 {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        param.map(|t| t.cast(DType::BF16))
    }
}

#[test]
fn parameters_are_counted_from_shapes() {
    let (base, adapter, _) = setup();
    let counts = TrainableParameters::of(&base, &adapter);
    assert_eq!(counts.trainable, 10 + 6);
    assert_eq!(counts.all, 6 * 10 + 10 + 10 * 6 + 6 + 6 * 6 + 6 + 16);
}

fn message(error: AdapterError) -> String {
    error.to_string()
}

#[test]
fn what_does_not_fit_is_refused_with_the_reason() {
    let (base, adapter, _) = setup();
    let adapted = attach(&base, &[&adapter]).unwrap();
    let twice = attach(&adapted, &[&adapter.fork()]).unwrap_err();
    assert_eq!(
        message(twice),
        "`wo` already carries adapter vectors; attach to the base, not to an adapted model"
    );
    let same = attach(&base, &[&adapter, &adapter]).unwrap_err();
    assert_eq!(
        message(same),
        "two adapters share the vector of `k`; attach an adapter only once, or give the second one its own vectors with `Adapter::fork`"
    );
    let mut renamed = adapter.fork();
    let vector = renamed.vectors.remove("wo").unwrap();
    renamed.vectors.insert("w0".into(), vector);
    assert_eq!(
        message(merge(&base, &[&renamed]).unwrap_err()),
        "the adapter scales `w0`, but the model has no such module (closest: `wo`); was the adapter trained on another base?"
    );
    let mut short = adapter.fork();
    short.vectors.get_mut("k").unwrap().l = Param::from_data([1f32, 2.], &Device::flex());
    assert_eq!(
        message(attach(&base, &[&short]).unwrap_err()),
        "the vector of `k` has 2 values, but the layer's output has 6; was the adapter trained on another base?"
    );
    assert_eq!(
        message(adapter.fork().extract(&adapted).unwrap_err()),
        "the model carries no vector of this adapter for `k`; extract from the model that the adapter was attached to"
    );
}

#[test]
fn a_safe_merge_refuses_what_is_not_finite() {
    let (base, mut adapter, _) = setup();
    let l = Tensor::from_floats([1.0, f32::NAN, f32::INFINITY, 1.0, 1.0, 1.0], &Device::flex());
    adapter.vectors.get_mut("k").unwrap().l = Param::from_tensor(l);
    assert!(merge(&base, &[&adapter]).is_ok());
    assert_eq!(
        message(merge_safe(&base, &[&adapter]).unwrap_err()),
        "the merged weight of `k` is not finite (12 values), so nothing was merged; check whether the adapter is broken"
    );
}

#[test]
fn modules_to_save_are_replaced_trained_extracted_and_merged() {
    let (base, _, x) = setup();
    let config = Ia3Config::new()
        .with_target_modules(["k"])
        .with_feedforward_modules(Vec::<String>::new())
        .with_modules_to_save(["wi"]);
    let plan = config.plan(&model_info(&base, None, None)).unwrap();
    let adapter = Adapter::init(&base, &plan);
    assert_eq!(adapter.saved.keys().collect::<Vec<_>>(), ["wi.bias", "wi.weight"]);
    assert_eq!(adapter.num_params(), 6 + 6 * 10 + 10);
    let mut model = attach(&base, &[&adapter]).unwrap().train();
    let grads = GradientsParams::from_grads(model.forward(x.clone()).square().mean().backward(), &model);
    assert_eq!(grads.len(), 3);
    model = AdamWConfig::new().init().step(0.1, model, grads);
    let trained = adapter.extract(&model).unwrap();
    assert_ne!(trained.saved["wi.weight"], adapter.saved["wi.weight"]);
    assert_equal(&attach(&base, &[&trained]).unwrap().forward(x.clone()), &model.valid().forward(x.clone()));
    assert_close(merge(&base, &[&trained]).unwrap().forward(x.clone()), model.valid().forward(x));
}

#[test]
fn frozen_adapters_stay_as_they_are_while_others_train() {
    let (base, a, x) = setup();
    let config = Ia3Config::new().with_target_modules(["k"]).with_feedforward_modules([]);
    let config = config.with_modules_to_save(["wi"]).with_init_ia3_weights(false);
    let b = Adapter::init(&base, &config.plan(&model_info(&base, None, None)).unwrap());
    for (frozen, trained, gradients) in [(&a, &b, 3), (&b, &a, 2)] {
        let mut model = freeze(attach(&base, &[&a, &b]).unwrap(), &[frozen]).train();
        let grads = GradientsParams::from_grads(model.forward(x.clone()).square().mean().backward(), &model);
        assert_eq!(grads.len(), gradients);
        model = AdamWConfig::new().init().step(0.1, model, grads);
        let values = |a: &Adapter| a.vectors["k"].l.val().into_data();
        assert_eq!(values(&frozen.extract(&model).unwrap()), values(frozen));
        assert_eq!(frozen.extract(&model).unwrap().saved, frozen.saved);
        assert_ne!(values(&trained.extract(&model).unwrap()), values(trained));
    }
}

#[test]
fn a_lazy_adapter_is_the_same_and_takes_no_memory_before_it_is_read() {
    let (base, _, x) = setup();
    let lazy = Adapter::init_lazy(&base, &plan(&base, true));
    let untouched = |a: &Adapter| a.vectors.values().all(|v| !v.l.is_initialized());
    assert_eq!((lazy.num_params(), TrainableParameters::of(&base, &lazy).trainable), (16, 16));
    let adapted = attach(&base, &[&lazy]).unwrap();
    assert!(untouched(&lazy));
    assert_equal(&adapted.forward(x.clone()), &base.forward(x.clone()));
    assert!(!untouched(&lazy));
    let model = attach(&base, &[&Adapter::init_lazy(&base, &plan(&base, true))]).unwrap().train();
    let grads = GradientsParams::from_grads(model.forward(x).square().mean().backward(), &model);
    assert_eq!(grads.len(), 2);
}

#[test]
fn one_adapter_may_replace_a_layer_that_another_scales() {
    let (base, scaling, x) = setup();
    let config = Ia3Config::new().with_target_modules(["wi"]).with_feedforward_modules([]);
    let config = config.with_modules_to_save(["k"]);
    let mut replacing = Adapter::init(&base, &config.plan(&model_info(&base, None, None)).unwrap());
    replacing.saved.insert("k.weight".into(), Tensor::<2>::eye(6, &Device::flex()).into_data());
    let both = attach(&base, &[&replacing, &scaling]).unwrap();
    let l = scaling.vectors["k"].l.val().unsqueeze::<2>();
    let bias = base.k.bias.as_ref().unwrap().val().unsqueeze::<2>();
    assert_close(both.k.ia3_forward(x.clone()), (x.clone() + bias) * l);
    assert_close(merge(&base, &[&replacing, &scaling]).unwrap().forward(x.clone()), both.forward(x));
    assert_eq!(replacing.extract(&both).unwrap().saved, replacing.saved);
}
