use burn::module::Module;
use burn::nn::{Embedding, Linear};
use burn::tensor::{Device, Tensor};
use ia3_core::Ia3Forward;

use super::config::BertConfig;
use super::embeddings::BertEmbeddings;
use super::layer::BertLayer;
use crate::checkpoint::checkpointed;
use crate::encoder::{Encoder, EncoderBody};
use crate::error::ModelError;
use crate::inputs::{ModelInputs, check_ids, required};
use crate::layers::linear;
use crate::mask;
use crate::output::Trace;
use crate::positions::positions;

/// The stack of blocks.
#[derive(Module, Debug)]
pub struct BertEncoder {
    /// The blocks.
    pub layer: Vec<BertLayer>,
}

/// The pooler: `tanh(dense(first token))`.
#[derive(Module, Debug)]
pub struct BertPooler {
    /// The weight, `[d, d]`.
    pub dense: Linear,
}

/// The body of BERT, RoBERTa, XLM-RoBERTa and ELECTRA, which is Hugging Face's `BertModel`, `RobertaModel`, `XLMRobertaModel` or
/// `ElectraModel`.
#[derive(Module, Debug)]
pub struct BertModel {
    /// The embeddings.
    pub embeddings: BertEmbeddings,
    /// The projection of the embeddings to the width of the hidden states, `[embedding_size, d]`, in an ELECTRA where the two
    /// differ.
    pub embeddings_project: Option<Linear>,
    /// The blocks.
    pub encoder: BertEncoder,
    /// The pooler, where the head needs it.
    pub pooler: Option<BertPooler>,
}

impl BertConfig {
    /// Makes a freshly initialised model. A weight takes no memory before it is first read.
    pub fn init(&self, device: &Device) -> Encoder<BertModel> {
        Encoder::new(self, device)
    }
}

impl EncoderBody for BertModel {
    type Config = BertConfig;

    fn new(config: &BertConfig, pooler: bool, device: &Device) -> Self {
        let (d, width) = (config.hidden_size, config.embedding_width());
        let layer = |d_in| linear(d_in, d, true, config.initializer_range, device);
        Self {
            embeddings: BertEmbeddings::new(config, device),
            embeddings_project: (width != d).then(|| layer(width)),
            encoder: BertEncoder {
                layer: (0..config.num_hidden_layers).map(|_| BertLayer::new(config, device)).collect(),
            },
            pooler: pooler.then(|| BertPooler { dense: layer(d) }),
        }
    }

    fn encode(
        &self,
        config: &BertConfig,
        inputs: &ModelInputs,
        mut trace: Trace,
    ) -> Result<Tensor<3>, ModelError> {
        check_ids("token_type_ids", &inputs.token_type_ids, config.type_vocab_size)?;
        let ids = required("input_ids", &inputs.input_ids)?;
        let pad = config.positions_after_padding().then(|| config.pad_token_id());
        let positions = positions(pad, config.max_position_embeddings, inputs, &ids)?;
        let types = inputs.token_type_ids.clone().unwrap_or_else(|| ids.zeros_like());
        let x = self.embeddings.forward(ids, types, positions);
        let mut x = match &self.embeddings_project {
            Some(project) => project.ia3_forward(x),
            None => x,
        };
        let bias = mask::of_encoder(inputs.attention_mask.as_ref(), config.is_decoder, &x);
        for layer in &self.encoder.layer {
            trace.push(&x);
            let bias = bias.clone();
            x = checkpointed(layer, x, [], move |layer, x, []| layer.forward(x, bias.clone()));
        }
        trace.push(&x);
        Ok(x)
    }

    fn word_embeddings(&self) -> Option<&Embedding> {
        Some(&self.embeddings.word_embeddings)
    }

    fn pool(&self, x: Tensor<3>) -> Tensor<3> {
        let first = x.narrow(1, 0, 1);
        match &self.pooler {
            Some(pooler) => pooler.dense.ia3_forward(first).tanh(),
            None => first,
        }
    }
}
