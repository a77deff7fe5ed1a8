use burn::module::Module;
use burn::nn::{Dropout, Linear};
use burn::tensor::{Device, Int, Tensor};
use ia3_core::{ActivationSpace, Ia3Forward, ModelInfo, assert_all_touched, model_info};

use super::config::BertConfig;
use super::embeddings::BertEmbeddings;
use super::layer::BertLayer;
use crate::error::ModelError;
use crate::inputs::{ModelInputs, check_ids, check_labels, check_positions, check_rows, required};
use crate::layers::{dropout, linear};
use crate::loss::{RowLosses, row_losses};
use crate::mask;
use crate::output::{ModelOutput, Trace};

/// The blocks.
#[derive(Module, Debug)]
pub struct BertEncoder {
    /// The blocks.
    pub layer: Vec<BertLayer>,
}

/// `tanh(dense(first token))`.
#[derive(Module, Debug)]
pub struct BertPooler {
    /// `[d, d]`
    pub dense: Linear,
}

/// Embeddings, blocks and pooler.
#[derive(Module, Debug)]
pub struct BertModel {
    /// The embeddings.
    pub embeddings: BertEmbeddings,
    /// The blocks.
    pub encoder: BertEncoder,
    /// The pooler.
    pub pooler: BertPooler,
}

/// BERT with a classifier of whole sequences, Hugging Face's `BertForSequenceClassification`.
#[derive(Module, Debug)]
pub struct BertForSequenceClassification {
    /// All but the classifier.
    pub bert: BertModel,
    /// Dropout in front of the classifier.
    pub dropout: Dropout,
    /// The classifier, `[d, num_labels]`; PEFT trains and saves it whole for the task `SEQ_CLS`.
    pub classifier: Linear,
    #[module(skip)]
    config: BertConfig,
}

impl ActivationSpace for BertForSequenceClassification {
    fn info(&self) -> ModelInfo {
        self.info()
    }
}

impl BertConfig {
    /// A freshly initialised model; nothing is allocated before a weight is read.
    pub fn init(&self, device: &Device) -> BertForSequenceClassification {
        let (d, std) = (self.hidden_size, self.initializer_range);
        let bert = BertModel {
            embeddings: BertEmbeddings::new(self, device),
            encoder: BertEncoder {
                layer: (0..self.num_hidden_layers).map(|_| BertLayer::new(self, device)).collect(),
            },
            pooler: BertPooler { dense: linear(d, d, true, std, device) },
        };
        BertForSequenceClassification {
            bert,
            dropout: dropout(self.classifier_dropout.unwrap_or(self.hidden_dropout_prob)),
            classifier: linear(d, self.labels(), true, std, device),
            config: self.clone(),
        }
    }
}

impl BertForSequenceClassification {
    /// The configuration the model was made from.
    pub fn config(&self) -> &BertConfig {
        &self.config
    }

    /// The facts that planning needs, from shapes alone.
    pub fn info(&self) -> ModelInfo {
        model_info(self, Some("bert"), None)
    }

    /// Logits `[batch, num_labels]`.
    ///
    /// # Errors
    ///
    /// [`ModelError::Input`] for an input that is missing or does not fit.
    pub fn forward(&self, inputs: &ModelInputs) -> Result<Tensor<2>, ModelError> {
        Ok(self.run(inputs, false)?.logits.squeeze_dim(1))
    }

    pub(crate) fn run(&self, inputs: &ModelInputs, traced: bool) -> Result<ModelOutput, ModelError> {
        let mut hidden_states = vec![];
        let x = self.encode(inputs, Trace::into(traced.then_some(&mut hidden_states)))?;
        let pooled = self.bert.pooler.dense.ia3_forward(x.narrow(1, 0, 1)).tanh();
        let logits = self.classifier.ia3_forward(self.dropout.forward(pooled));
        assert_all_touched(self);
        Ok(ModelOutput { hidden_states, ..ModelOutput::new(logits) })
    }

    /// What each token may see: real tokens, and in a decoder those up to itself; `[batch or 1, 1, queries or 1, keys]`.
    fn bias(&self, inputs: &ModelInputs, x: &Tensor<3>) -> Option<Tensor<4>> {
        let padding = inputs.attention_mask.clone().map(|mask| mask::padding(mask, x.dtype()));
        let [_, seq, _] = x.dims();
        let causal = self.config.is_decoder.then(|| mask::causal(seq, 0, None, &x.device(), x.dtype()));
        match (padding, causal) {
            (Some(padding), Some(causal)) => Some(padding + causal),
            (padding, causal) => padding.or(causal),
        }
    }

    /// States `[batch, seq, d]` of the last block.
    fn encode(&self, inputs: &ModelInputs, mut trace: Trace) -> Result<Tensor<3>, ModelError> {
        inputs.check(self.config.vocab_size)?;
        check_rows(self, &inputs.input_ids)?;
        check_ids("token_type_ids", &inputs.token_type_ids, self.config.type_vocab_size)?;
        let ids = required("input_ids", &inputs.input_ids)?;
        check_positions(&inputs.position_ids, ids.dims()[1], self.config.max_position_embeddings)?;
        let positions = inputs.positions(&ids);
        let types = inputs.token_type_ids.clone().unwrap_or_else(|| ids.zeros_like());
        let mut x = self.bert.embeddings.forward(ids, types, positions);
        let bias = self.bias(inputs, &x);
        for layer in &self.bert.encoder.layer {
            trace.push(&x);
            x = layer.forward(x, bias.clone());
        }
        trace.push(&x);
        Ok(x)
    }

    /// Mean cross entropy a row, of `labels` `[batch, 1]` ([`IGNORE_INDEX`](crate::IGNORE_INDEX) does not count).
    ///
    /// # Errors
    ///
    /// As [`forward`](Self::forward), and [`ModelError::Unsupported`] for a model with one label, which is a regression.
    pub fn loss(&self, inputs: &ModelInputs, labels: Tensor<2, Int>) -> Result<Tensor<1>, ModelError> {
        Ok(self.row_losses(inputs, labels)?.mean())
    }

    /// As [`loss`](Self::loss), for each row by itself.
    ///
    /// # Errors
    ///
    /// As [`loss`](Self::loss).
    pub fn row_losses(&self, inputs: &ModelInputs, labels: Tensor<2, Int>) -> Result<RowLosses, ModelError> {
        if self.config.labels() == 1 {
            let problem = "with one label is a regression; there is a loss for classes only";
            return Err(ModelError::Unsupported { model_type: "bert".into(), problem });
        }
        let ids = required("input_ids", &inputs.input_ids)?;
        check_labels(&labels, [ids.dims()[0], 1], self.config.labels())?;
        Ok(row_losses(self.run(inputs, false)?.logits, labels))
    }
}
