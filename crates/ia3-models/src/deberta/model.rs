#![allow(non_snake_case)] // Fields are named as Hugging Face names them.

use burn::module::Module;
use burn::nn::Embedding;
use burn::tensor::{Device, Tensor};

use super::config::{DebertaConfig, PositionScores};
use super::conv::DebertaConvLayer;
use super::distances::Distances;
use super::embeddings::DebertaEmbeddings;
use super::layer::DebertaLayer;
use crate::checkpoint::checkpointed;
use crate::encoder::{Encoder, EncoderBody};
use crate::error::ModelError;
use crate::inputs::{ModelInputs, required};
use crate::layers::embedding;
use crate::mask;
use crate::norm::LayerNorm;
use crate::output::Trace;

/// The stack of blocks, and what they share.
#[derive(Module, Debug)]
pub struct DebertaEncoder {
    /// The blocks.
    pub layer: Vec<DebertaLayer>,
    /// The embedding of distances, `[2·distances, d]`, in a model with `relative_attention`.
    pub rel_embeddings: Option<Embedding>,
    /// The norm of the embeddings of distances, if there is one.
    pub LayerNorm: Option<LayerNorm>,
    /// The convolution beside the first block, if there is one.
    pub conv: Option<DebertaConvLayer>,
}

/// The body: embeddings and blocks.
#[derive(Module, Debug)]
pub struct DebertaModel {
    /// The embeddings.
    pub embeddings: DebertaEmbeddings,
    /// The blocks.
    pub encoder: DebertaEncoder,
}

impl DebertaConfig {
    /// Makes a freshly initialised model. A weight takes no memory before it is first read.
    pub fn init(&self, device: &Device) -> Encoder<DebertaModel> {
        Encoder::new(self, device)
    }
}

impl DebertaEncoder {
    fn new(config: &DebertaConfig, device: &Device) -> Self {
        let (d, distances) = (config.hidden_size, config.distances.as_ref());
        let table = |rows| embedding(rows, d, config.initializer_range, device);
        let norm = || LayerNorm::new(d, config.layer_norm_eps, device);
        Self {
            layer: (0..config.num_hidden_layers).map(|_| DebertaLayer::new(config, device)).collect(),
            rel_embeddings: distances.map(|distances| table(2 * distances.span())),
            LayerNorm: config.norm_of_distances.then(norm),
            conv: config.conv_kernel_size.map(|kernel| DebertaConvLayer::new(kernel, config, device)),
        }
    }

    /// The distances of the tokens of states `x` `[batch, seq, d]`.
    fn distances(&self, config: &DebertaConfig, x: &Tensor<3>) -> Option<Distances> {
        let (scores, table) = (config.distances.as_ref()?, self.rel_embeddings.as_ref()?);
        let norm = |rows: Tensor<2>| match &self.LayerNorm {
            Some(norm) => norm.forward(rows),
            None => rows,
        };
        Some(Distances::new(scores, table, x.dims()[1], x.dtype(), norm))
    }
}

/// Computes a block for the states `x` `[batch, seq, d]`. The embeddings of distances may need a gradient.
fn run_layer(
    layer: &DebertaLayer,
    x: Tensor<3>,
    mask: Option<Tensor<4>>,
    distances: Option<(PositionScores, Distances)>,
) -> Tensor<3> {
    let Some((scores, Distances { embeddings, index })) = distances else {
        return checkpointed(layer, x, [], move |layer, x, []| layer.forward(x, mask.clone(), None));
    };
    checkpointed(layer, x, [embeddings.unsqueeze()], move |layer, x, [embeddings]| {
        let distances = Distances { embeddings: embeddings.squeeze_dim(0), index: index.clone() };
        layer.forward(x, mask.clone(), Some((&scores, &distances)))
    })
}

impl EncoderBody for DebertaModel {
    type Config = DebertaConfig;

    fn new(config: &DebertaConfig, _: bool, device: &Device) -> Self {
        Self {
            embeddings: DebertaEmbeddings::new(config, device),
            encoder: DebertaEncoder::new(config, device),
        }
    }

    fn encode(
        &self,
        config: &DebertaConfig,
        inputs: &ModelInputs,
        mut trace: Trace,
    ) -> Result<Tensor<3>, ModelError> {
        let ids = required("input_ids", &inputs.input_ids)?;
        let embedded = self.embeddings.forward(config, inputs, &ids)?;
        let mask = inputs.attention_mask.as_ref().map(|mask| mask::of_pairs(mask, embedded.dtype()));
        let distances = self.encoder.distances(config, &embedded);
        let mut x = embedded.clone();
        for (i, layer) in self.encoder.layer.iter().enumerate() {
            trace.push(&x);
            x = run_layer(layer, x, mask.clone(), config.distances.clone().zip(distances.clone()));
            if let Some(conv) = self.encoder.conv.as_ref().filter(|_| i == 0) {
                x = conv.forward(embedded.clone(), x, inputs.attention_mask.as_ref());
            }
        }
        trace.push(&x);
        Ok(x)
    }

    fn word_embeddings(&self) -> Option<&Embedding> {
        Some(&self.embeddings.word_embeddings)
    }
}
