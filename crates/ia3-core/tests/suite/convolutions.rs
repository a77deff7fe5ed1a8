//! Vectors on convolutions: what a model shows of them, and what is refused. PEFT's numbers: `crates/ia3/tests/custom`.

use std::fmt;

use burn::module::Module;
use burn::nn::conv::{Conv1d, Conv1dConfig, Conv2d, Conv2dConfig, Conv3d, Conv3dConfig};
use burn::nn::{Embedding, EmbeddingConfig, PaddingConfig2d, PaddingConfig3d};
use burn::tensor::{DType, Device, Distribution, Tensor, Tolerance};
use ia3_core::config::ModuleKind;
use ia3_core::{
    ActivationSpace, Adapter, AdapterError, Ia3Config, Ia3ConvForward, Ia3Vector, Placement, attach,
    attach_to_weights, merge, model_info,
};

#[derive(Module, Debug)]
struct Net {
    flat: Conv2d,
    deep: Vec<Conv3d>,
    line: Conv1d,
    emb: Embedding,
}

impl ActivationSpace for Net {}

impl Net {
    fn new(device: &Device) -> Self {
        device.seed(5);
        let flat = Conv2dConfig::new([4, 6], [2, 3]).with_groups(2).with_padding(PaddingConfig2d::Same);
        let deep = Conv3dConfig::new([3, 6], [1, 3, 1]).with_groups(3).with_padding(PaddingConfig3d::Same);
        Self {
            flat: flat.init(device),
            deep: vec![deep.with_bias(false).init(device)],
            line: Conv1dConfig::new(4, 4, 2).init(device),
            emb: EmbeddingConfig::new(7, 3).init(device),
        }
    }

    fn adapter(&self, targets: &[&str], feedforward: &[&str]) -> Adapter {
        let config = Ia3Config::new().with_target_modules(targets).with_feedforward_modules(feedforward);
        let config = config.with_init_ia3_weights(false);
        let plan = config.plan(&model_info(self, None, None));
        Adapter::init(self, &plan.unwrap())
    }
}

/// An adapter of one vector, made by hand.
fn by_hand(path: &str, len: usize, placement: Placement, weight_rank: usize) -> Adapter {
    let vector = Ia3Vector::new(Tensor::ones([len], &Device::flex()), placement);
    let vectors = [(path.to_string(), vector.with_weight_rank(weight_rank))].into();
    Adapter { config: Ia3Config::new(), vectors, saved: Default::default() }
}

#[test]
fn convolutions_are_listed_with_the_channels_of_all_groups() {
    let net = Net::new(&Device::flex());
    let info = model_info(&net, None, None);
    let kind = |path: &str| info.modules.iter().find(|m| m.path == path).unwrap().kind.clone();
    assert_eq!(kind("flat"), ModuleKind::Conv2d { channels_in: Some(4), channels_out: 6, bias: true });
    assert_eq!(kind("deep.0"), ModuleKind::Conv3d { channels_in: Some(3), channels_out: 6, bias: false });
    assert_eq!(kind("line"), ModuleKind::other("Conv1d"), "PEFT has no (IA)³ for it");
    assert!(!net.flat.weight.is_initialized(), "listing must not fill weights with random numbers");
}

#[test]
fn the_forward_is_the_formula() {
    let device = Device::flex();
    let net = Net::new(&device);
    let x = Tensor::<4>::random([2, 4, 5, 5], Distribution::Normal(0., 1.), &device);
    for (feedforward, placement) in [(vec!["flat"], Placement::Input), (vec![], Placement::Output)] {
        let adapter = net.adapter(&["flat"], &feedforward);
        let l = adapter.vectors["flat"].values().reshape([1, -1, 1, 1]);
        let got = attach(&net, &[&adapter]).unwrap().flat.ia3_forward(x.clone()).into_data();
        let expected = match placement {
            Placement::Input => net.flat.forward(x.clone() * l),
            Placement::Output => net.flat.forward(x.clone()) * l,
        };
        got.assert_eq(&expected.into_data(), true);
    }
}

#[test]
fn both_spaces_and_the_merged_layer_agree_with_several_adapters() {
    let device = Device::flex();
    let net = Net::new(&device);
    let x = Tensor::<5>::random([2, 3, 2, 4, 3], Distribution::Normal(0., 1.), &device);
    let adapters = [net.adapter(&["deep.0"], &["deep.0"]), net.adapter(&["deep.0"], &[])];
    let adapters = [&adapters[0], &adapters[1]];
    let expected = attach(&net, &adapters).unwrap().deep[0].ia3_forward(x.clone()).into_data();
    let weights = attach_to_weights(&net, &adapters).unwrap().deep[0].forward(x.clone()).into_data();
    weights.assert_approx_eq::<f32>(&expected, Tolerance::absolute(1e-5));
    let merged = merge(&net, &adapters).unwrap().deep[0].forward(x).into_data();
    merged.assert_eq(&weights, true);
}

#[test]
fn a_bf16_convolution_is_scaled_in_float32_and_stays_bf16() {
    let device = Device::flex();
    let mut net = Net::new(&device);
    net.flat.weight = net.flat.weight.map(|w| w.cast(DType::BF16));
    net.flat.bias = net.flat.bias.map(|b| b.map(|b| b.cast(DType::BF16)));
    let x = Tensor::<4>::random([2, 4, 5, 5], Distribution::Normal(0., 1.), &device).cast(DType::BF16);
    let adapter = net.adapter(&["flat"], &[]);
    let got = attach(&net, &[&adapter]).unwrap().flat.ia3_forward(x.clone());
    assert_eq!(got.dtype(), DType::BF16);
    let l = adapter.vectors["flat"].values().reshape([1, -1, 1, 1]);
    let expected = (net.flat.forward(x).cast(DType::F32) * l).cast(DType::BF16);
    got.into_data().assert_eq(&expected.into_data(), true);
    assert_eq!(merge(&net, &[&adapter]).unwrap().flat.weight.val().dtype(), DType::BF16);
}

#[test]
#[should_panic(expected = "a convolution of 4 input channels got 1")]
fn a_single_channel_is_not_broadcast() {
    let device = Device::flex();
    let net = Net::new(&device);
    let model = attach(&net, &[&net.adapter(&["flat"], &["flat"])]).unwrap();
    model.flat.ia3_forward(Tensor::ones([1, 1, 5, 5], &device));
}

#[test]
fn vectors_that_do_not_fit_are_refused() {
    let net = Net::new(&Device::flex());
    let error = |adapter: &Adapter| attach(&net, &[adapter]).unwrap_err().to_string();
    assert_eq!(
        error(&by_hand("flat", 2, Placement::Input, 4)),
        "the vector of `flat` has 2 values, but the layer's input has 4; was the adapter trained on another base?",
        "the channels of one group are not enough"
    );
    assert_eq!(
        error(&by_hand("flat", 6, Placement::Output, 2)),
        "the vector of `flat` is made for a weight with 2 axes, but the weight of the layer has 4; make the vector with \
         `Ia3Vector::with_weight_rank(4)`"
    );
    assert_eq!(
        error(&by_hand("emb", 3, Placement::Output, 2)),
        "the adapter scales `emb`, which is Embedding(7, 3), but only Linear, Conv1D, Conv2d and Conv3d can be scaled; \
         was the adapter trained on another base?"
    );
    let biased = attach_to_weights(&net, &[&net.adapter(&["flat"], &[])]).unwrap_err();
    assert!(matches!(biased, AdapterError::BiasInWeightSpace { path } if path == "flat"));
}

/// A module that hides its fields.
#[derive(Module)]
struct Hidden {
    conv: Conv2d,
}

impl fmt::Debug for Hidden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Hidden")
    }
}

#[test]
fn without_the_groups_only_the_output_is_scaled() {
    let device = Device::flex();
    let hidden = Hidden { conv: Conv2dConfig::new([4, 6], [2, 2]).with_bias(false).init(&device) };
    let info = model_info(&hidden, None, None);
    let config = Ia3Config::new().with_target_modules(["conv"]);
    let output = config.clone().with_feedforward_modules([]).plan(&info).unwrap();
    attach_to_weights(&hidden, &[&Adapter::init(&hidden, &output)]).unwrap();
    let input = config.with_feedforward_modules(["conv"]).plan(&info).unwrap_err();
    assert!(input.to_string().contains("derive `Debug`"), "{input}");
    let error = merge(&hidden, &[&by_hand("conv", 4, Placement::Input, 4)]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the input of `conv` cannot be scaled: the number of groups of Conv2d(?, 6) is not known, and so neither is its \
         number of input channels; derive `Debug` for the modules around it, from which the groups are read"
    );
}
