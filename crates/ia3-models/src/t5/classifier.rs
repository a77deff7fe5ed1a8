use burn::module::Module;
use burn::nn::{Dropout, Embedding, Linear, LinearConfig};
use burn::tensor::{Device, Int, Tensor};
use ia3_core::{Ia3Forward, ModelInfo, assert_all_touched, model_info};

use super::config::T5Config;
use super::init::normal;
use super::stack::{T5Decoder, T5Encoder, decoded, encoded};
use crate::encoder::{HeadConfig, ProblemType};
use crate::error::ModelError;
use crate::inputs::{ModelInputs, check_rows, required};
use crate::layers::dropout;
use crate::loss::RowLosses;
use crate::output::{ModelOutput, Trace};
use crate::sequence_losses;

/// Both stacks of T5, without a head.
#[derive(Module, Debug)]
pub struct T5Model {
    /// The embedding of each stack that has none of its own, `[vocab, d_model]`.
    pub shared: Embedding,
    /// The encoder.
    pub encoder: T5Encoder,
    /// The decoder.
    pub decoder: T5Decoder,
}

/// The classifier: `out_proj(tanh(dense(x)))`.
#[derive(Module, Debug)]
pub struct T5ClassificationHead {
    /// The first layer, `[d_model, d_model]`.
    pub dense: Linear,
    /// The dropout before each of the two layers.
    pub dropout: Dropout,
    /// The second layer, `[d_model, num_labels]`.
    pub out_proj: Linear,
}

/// T5 as a classifier of sequences, which is Hugging Face's `T5ForSequenceClassification` or `MT5ForSequenceClassification`.
///
/// The decoder reads the input shifted to the right, and the state of the last end token of the input is classified.
#[derive(Module, Debug)]
pub struct T5ForSequenceClassification {
    /// Both stacks.
    pub transformer: T5Model,
    /// The classifier.
    pub classification_head: T5ClassificationHead,
    #[module(skip)]
    config: T5Config,
}

impl T5ForSequenceClassification {
    pub(super) fn new(config: &T5Config, device: &Device) -> Self {
        let (d, std) = (config.d_model, (config.d_model as f64).powf(-0.5));
        let layer = |d_out| LinearConfig::new(d, d_out).with_initializer(normal(config, std)).init(device);
        let transformer = T5Model {
            shared: config.embedding(device),
            encoder: T5Encoder::new(config, device),
            decoder: T5Decoder::new(config, device),
        };
        let labels = config.head.as_ref().map_or(2, HeadConfig::count);
        let classification_head = T5ClassificationHead {
            dense: layer(d),
            dropout: dropout(config.classifier_dropout),
            out_proj: layer(labels),
        };
        Self { transformer, classification_head, config: config.clone() }
    }

    pub(super) fn config(&self) -> &T5Config {
        &self.config
    }

    pub(super) fn info(&self) -> ModelInfo {
        model_info(self, Some(&self.config.model_type), None)
    }

    pub(super) fn problem(&self) -> Option<ProblemType> {
        self.config.head.as_ref().map(HeadConfig::problem)
    }

    pub(super) fn num_labels(&self) -> Option<usize> {
        self.config.head.as_ref().map(HeadConfig::count)
    }

    pub(super) fn class_name(&self) -> Option<String> {
        let prefix = if self.config.model_type == "mt5" { "MT5" } else { "T5" };
        Some(format!("{prefix}ForSequenceClassification"))
    }

    /// Computes the logits `[batch, 1, num_labels]`.
    pub(super) fn run(&self, inputs: &ModelInputs, traced: bool) -> Result<ModelOutput, ModelError> {
        inputs.check(self.config.vocab_size)?;
        check_rows(self, &inputs.input_ids)?;
        let ids = required("input_ids", &inputs.input_ids)?;
        let ends = self.last_ends(&ids)?;
        let targets = self.decoder_ids(inputs, &ids)?;
        let (mut encoder, mut decoder) = (vec![], vec![]);
        let [first, second] =
            [&mut encoder, &mut decoder].map(|states| Trace::into(traced.then_some(states)));
        let T5Model { shared, encoder: encodes, decoder: decodes } = &self.transformer;
        let mask = inputs.attention_mask.clone();
        let (x, padding) = encoded(&self.config, (shared, encodes), ids, mask, first);
        let mut memory = decodes.remember(x, padding, None);
        let mask = inputs.decoder_attention_mask.clone();
        let x = decoded(&self.config, (shared, decodes), targets, mask, &mut memory, second);
        let [batch, _, d] = x.dims();
        let logits = self.classification_head.forward(x.gather(1, ends.expand([batch, 1, d])));
        assert_all_touched(self);
        let output = ModelOutput::new(logits);
        Ok(ModelOutput { encoder_hidden_states: encoder, decoder_hidden_states: decoder, ..output })
    }

    pub(super) fn last_logits(&self, inputs: &ModelInputs) -> Result<Tensor<2>, ModelError> {
        Ok(self.run(inputs, false)?.logits.squeeze_dim(1))
    }

    /// The position `[batch, 1, 1]` of the last end token of each row. As in transformers, every row has to have the same number
    /// of them, and at least one.
    fn last_ends(&self, ids: &Tensor<2, Int>) -> Result<Tensor<3, Int>, ModelError> {
        let &[end] = self.config.eos_token_id.as_slice() else {
            let expected = "one id, by which a classifier finds the end of its input";
            let found = format!("{:?}", self.config.eos_token_id);
            return Err(ModelError::Field { field: "eos_token_id", found, expected });
        };
        let [batch, seq] = ids.dims();
        let is_end = ids.clone().equal_scalar(end).int();
        let counts: Vec<i64> = is_end.clone().sum_dim(1).into_data().iter().collect();
        if let Some(row) = counts.iter().position(|count| *count == 0 || *count != counts[0]) {
            let problem = format!(
                "has {} tokens `eos_token_id` ({end}) in row {row} and {} in row 0; a classifier needs at least one, and as \
                 many in every row",
                counts[row], counts[0]
            );
            return Err(ModelError::Input { name: "input_ids", problem });
        }
        let position = Tensor::<1, Int>::arange(0..seq as i64, &ids.device()).unsqueeze::<2>();
        Ok((is_end * position).max_dim(1).reshape([batch, 1, 1]))
    }

    /// The input of the decoder: that of `inputs`, or `ids` shifted to the right.
    fn decoder_ids(&self, inputs: &ModelInputs, ids: &Tensor<2, Int>) -> Result<Tensor<2, Int>, ModelError> {
        let Some(given) = &inputs.decoder_input_ids else {
            let ([batch, seq], start) = (ids.dims(), self.config.decoder_start_token_id);
            let start = Tensor::full([batch, 1], start, &ids.device());
            return Ok(Tensor::cat(vec![start, ids.clone().narrow(1, 0, seq - 1)], 1));
        };
        if given.dims() == ids.dims() {
            return Ok(given.clone());
        }
        let problem = format!(
            "has shape {:?}, but a classifier reads the state at the end token of `input_ids` {:?}; leave it out",
            given.dims(),
            ids.dims()
        );
        Err(ModelError::Input { name: "decoder_input_ids", problem })
    }

    pub(super) fn row_losses(
        &self,
        inputs: &ModelInputs,
        labels: Tensor<2, Int>,
    ) -> Result<RowLosses, ModelError> {
        let Some(head) = &self.config.head else { return self.config.unsupported("has no head") };
        let logits = || Ok(self.run(inputs, false)?.logits);
        sequence_losses::class_losses(head, &self.config.model_type, labels, logits)
    }

    pub(super) fn value_losses(
        &self,
        inputs: &ModelInputs,
        values: Tensor<2>,
    ) -> Result<RowLosses, ModelError> {
        let Some(head) = &self.config.head else { return self.config.unsupported("has no head") };
        let logits = || Ok(self.run(inputs, false)?.logits);
        sequence_losses::value_losses(head, &self.config.model_type, values, logits)
    }
}

impl T5ClassificationHead {
    fn forward(&self, x: Tensor<3>) -> Tensor<3> {
        let x = self.dense.ia3_forward(self.dropout.forward(x)).tanh();
        self.out_proj.ia3_forward(self.dropout.forward(x))
    }
}
