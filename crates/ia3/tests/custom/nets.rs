//! The models of the corpus. Their names, layers and sizes are those of `fixtures/oracle/gen_custom.py`.

use burn::module::{Module, Param};
use burn::nn::conv::{Conv2d, Conv2dConfig, Conv3d, Conv3dConfig};
use burn::nn::{Embedding, EmbeddingConfig, Linear, LinearConfig, PaddingConfig2d, PaddingConfig3d};
use burn::tensor::activation::{log_softmax, relu};
use burn::tensor::{Device, Int, Tensor, TensorData};
use ia3::{ActivationSpace, Ia3ConvForward, Ia3Forward};
use ia3_core::Affine;

/// How a model reads its vectors.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Space {
    /// Through `ia3_forward`.
    Activation,
    /// As an unmodified module: through the weight.
    Weight,
}

/// A model of the corpus: `[batch, ..]` to log-probabilities `[batch, 2]`.
pub(crate) trait Net: ActivationSpace {
    fn forward(&self, x: TensorData, space: Space) -> Tensor<2>;
}

fn linear<const D: usize>(layer: &Linear, x: Tensor<D>, space: Space) -> Tensor<D> {
    if space == Space::Activation { layer.ia3_forward(x) } else { layer.forward(x) }
}

fn conv2d(layer: &Conv2d, x: Tensor<4>, space: Space) -> Tensor<4> {
    if space == Space::Activation { layer.ia3_forward(x) } else { layer.forward(x) }
}

fn conv3d(layer: &Conv3d, x: Tensor<5>, space: Space) -> Tensor<5> {
    if space == Space::Activation { layer.ia3_forward(x) } else { layer.forward(x) }
}

#[derive(Module, Debug)]
pub(crate) struct Mlp {
    lin0: Linear,
    lin1: Linear,
}

impl Mlp {
    pub(crate) fn new(bias: bool, device: &Device) -> Self {
        let linear = |d_in, d_out| LinearConfig::new(d_in, d_out).with_bias(bias).init(device);
        Self { lin0: linear(10, 20), lin1: linear(20, 2) }
    }
}

impl ActivationSpace for Mlp {}

impl Net for Mlp {
    fn forward(&self, x: TensorData, space: Space) -> Tensor<2> {
        let x = Tensor::<2>::from_data(x, &self.lin0.weight.device());
        log_softmax(linear(&self.lin1, relu(linear(&self.lin0, x, space)), space), 1)
    }
}

/// GPT-2's linear layer.
#[derive(Module, Debug)]
struct Conv1D {
    weight: Param<Tensor<2>>,
    bias: Param<Tensor<1>>,
}

impl Affine for Conv1D {
    fn weight(&self) -> &Param<Tensor<2>> {
        &self.weight
    }

    fn bias(&self) -> Option<&Param<Tensor<1>>> {
        Some(&self.bias)
    }
}

#[derive(Module, Debug)]
pub(crate) struct EmbConv1D {
    emb: Embedding,
    conv1d: Conv1D,
    lin0: Linear,
}

impl EmbConv1D {
    pub(crate) fn new(device: &Device) -> Self {
        let weight = Param::from_tensor(Tensor::zeros([5, 3], device));
        let bias = Param::from_tensor(Tensor::zeros([3], device));
        let emb = EmbeddingConfig::new(13, 5).init(device);
        Self { emb, conv1d: Conv1D { weight, bias }, lin0: LinearConfig::new(12, 2).init(device) }
    }
}

impl ActivationSpace for EmbConv1D {}

impl Net for EmbConv1D {
    fn forward(&self, x: TensorData, space: Space) -> Tensor<2> {
        let x = self.emb.forward(Tensor::<2, Int>::from_data(x, &self.emb.weight.device()));
        let x = match space {
            Space::Activation => self.conv1d.ia3_forward(x),
            Space::Weight => {
                x.matmul(self.conv1d.weight.val().unsqueeze()) + self.conv1d.bias.val().unsqueeze()
            }
        };
        log_softmax(linear(&self.lin0, relu(x).flatten(1, 2), space), 1)
    }
}

#[derive(Module, Debug)]
pub(crate) struct ConvNet2d {
    conv2d: Conv2d,
    depthwise: Option<Conv2d>,
    lin0: Linear,
}

impl ConvNet2d {
    pub(crate) fn new(device: &Device) -> Self {
        let conv2d = Conv2dConfig::new([5, 10], [3, 3]).init(device);
        Self { conv2d, depthwise: None, lin0: LinearConfig::new(60, 2).init(device) }
    }

    pub(crate) fn grouped(device: &Device) -> Self {
        let conv2d = Conv2dConfig::new([6, 9], [3, 2])
            .with_stride([2, 1])
            .with_padding(PaddingConfig2d::Explicit(1, 2, 1, 2))
            .with_dilation([1, 2])
            .with_groups(3);
        let depthwise = Conv2dConfig::new([9, 18], [2, 3]).with_groups(9).with_bias(false);
        Self {
            conv2d: conv2d.init(device),
            depthwise: Some(depthwise.init(device)),
            lin0: LinearConfig::new(18 * 2 * 4, 2).init(device),
        }
    }
}

impl ActivationSpace for ConvNet2d {}

impl Net for ConvNet2d {
    fn forward(&self, x: TensorData, space: Space) -> Tensor<2> {
        let x = Tensor::<4>::from_data(x, &self.lin0.weight.device());
        let x = relu(conv2d(&self.conv2d, x, space));
        let x = self.depthwise.iter().fold(x, |x, layer| relu(conv2d(layer, x, space)));
        log_softmax(linear(&self.lin0, x.flatten::<2>(1, 3), space), 1)
    }
}

#[derive(Module, Debug)]
pub(crate) struct ConvNet3d {
    conv3d: Conv3d,
    lin0: Linear,
}

impl ConvNet3d {
    pub(crate) fn new(device: &Device) -> Self {
        let conv3d = Conv3dConfig::new([3, 6], [2, 3, 2]).init(device);
        Self { conv3d, lin0: LinearConfig::new(24, 2).init(device) }
    }

    pub(crate) fn grouped(device: &Device) -> Self {
        let conv3d = Conv3dConfig::new([4, 6], [1, 3, 2])
            .with_stride([1, 2, 1])
            .with_padding(PaddingConfig3d::Explicit(0, 1, 1))
            .with_groups(2)
            .with_bias(false);
        Self { conv3d: conv3d.init(device), lin0: LinearConfig::new(6 * 2 * 2 * 4, 2).init(device) }
    }
}

impl ActivationSpace for ConvNet3d {}

impl Net for ConvNet3d {
    fn forward(&self, x: TensorData, space: Space) -> Tensor<2> {
        let x = Tensor::<5>::from_data(x, &self.lin0.weight.device());
        let x = relu(conv3d(&self.conv3d, x, space));
        log_softmax(linear(&self.lin0, x.flatten::<2>(1, 4), space), 1)
    }
}
