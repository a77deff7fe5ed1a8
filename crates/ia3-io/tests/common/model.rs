use std::collections::BTreeMap;

use burn::module::{Module, Param};
use burn::nn::{
    Embedding, EmbeddingConfig, LayerNorm, LayerNormConfig, Linear, LinearConfig, LinearLayout, RmsNorm,
    RmsNormConfig,
};
use burn::tensor::{Device, Distribution, Tensor, TensorData};
use ia3_core::{ModelInfo, ParamKind, model_info, visit_params};

/// A module with every kind of parameter that has a layout of its own in a file.
#[derive(Module, Debug)]
pub struct Tiny {
    pub shared: Embedding,
    pub block: Vec<Block>,
    pub norm: RmsNorm,
    pub bias: Param<Tensor<1>>,
}

#[derive(Module, Debug)]
pub struct Block {
    pub k: Linear,
    pub wo: Linear,
    pub column: Linear,
    pub c_fc: Conv1D,
    pub norm: LayerNorm,
}

/// As GPT-2's: `[d_in, d_out]` in the file, as in burn.
#[derive(Module, Debug)]
pub struct Conv1D {
    pub weight: Param<Tensor<2>>,
}

impl Tiny {
    /// Nothing is allocated before a weight is read.
    pub fn new(device: &Device) -> Self {
        let linear = |d_in, d_out, layout| LinearConfig::new(d_in, d_out).with_layout(layout).init(device);
        let block = || Block {
            k: linear(6, 4, LinearLayout::Row),
            wo: linear(10, 6, LinearLayout::Row).no_bias(),
            column: linear(6, 4, LinearLayout::Col),
            c_fc: Conv1D {
                weight: Param::from_tensor(Tensor::random([6, 10], Distribution::Default, device)),
            },
            norm: LayerNormConfig::new(6).init(device),
        };
        Self {
            shared: EmbeddingConfig::new(7, 6).init(device),
            block: vec![block(), block()],
            norm: RmsNormConfig::new(6).init(device),
            bias: Param::from_tensor(Tensor::random([5], Distribution::Default, device)),
        }
    }

    pub fn info(&self) -> ModelInfo {
        model_info(self, None, None)
    }
}

trait NoBias {
    fn no_bias(self) -> Self;
}

impl NoBias for Linear {
    fn no_bias(mut self) -> Self {
        self.bias = None;
        self
    }
}

/// The float parameters of a module by their path, as burn holds them.
pub fn values<M: Module>(module: &M) -> BTreeMap<String, TensorData> {
    let mut values = BTreeMap::new();
    visit_params(module, |path, param| {
        if param.kind() == ParamKind::Float {
            values.insert(path.field_path(), param.data());
        }
    });
    values
}

/// A safetensors file from a header and data.
pub fn raw(header: &str, data: &[u8]) -> Vec<u8> {
    [&(header.len() as u64).to_le_bytes()[..], header.as_bytes(), data].concat()
}
