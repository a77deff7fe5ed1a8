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

/// The model without the classifier: embeddings, blocks and pooler.
#[derive(Module, Debug)]
pub struct BertModel {
    /// The embeddings.
    pub embeddings: BertEmbeddings,
    /// The blocks.
    pub encoder: BertEncoder,
    /// The pooler.
    pub pooler: BertPooler,
}

/// BERT with a classifier of sequences, which is Hugging Face's `BertForSequenceClassification`.
#[derive(Module, Debug)]
pub struct BertForSequenceClassification {
    /// All modules except the classifier.
    pub bert: BertModel,
    /// The dropout before the classifier.
    pub dropout: Dropout,
    /// The classifier, `[d, num_labels]`. For the task `SEQ_CLS`, PEFT trains it and saves it whole.
    pub classifier: Linear,
    #[module(skip)]
    config: BertConfig,
}

impl ActivationSpace for BertForSequenceClassification {
    fn info(&self) -> ModelInfo {
        self.info()
    }

    fn float32_states(&self) -> bool {
        self.config.float32_states
    }
}

impl BertConfig {
    /// Makes a freshly initialised model. A weight takes no memory before it is first read.
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
    /// The configuration that the model was made from.
    pub fn config(&self) -> &BertConfig {
        &self.config
    }

    /// The facts that planning needs. They are read from shapes, so no weight is initialised.
    pub fn info(&self) -> ModelInfo {
        model_info(self, Some("bert"), None)
    }

    /// Computes the logits `[batch, num_labels]`.
    ///
    /// # Errors
    ///
    /// [`ModelError::Input`] if an input is missing or does not fit.
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

    /// The mask of the attention, `[batch or 1, 1, queries or 1, keys]`: a token sees only real tokens and, in a decoder, only
    /// itself and the tokens before it. It is `None` if every token sees every other.
    fn bias(&self, inputs: &ModelInputs, x: &Tensor<3>) -> Option<Tensor<4>> {
        let padding = inputs.attention_mask.clone().map(|mask| mask::padding(mask, x.dtype()));
        let [_, seq, _] = x.dims();
        let causal = self.config.is_decoder.then(|| mask::causal(seq, 0, None, &x.device(), x.dtype()));
        match (padding, causal) {
            (Some(padding), Some(causal)) => Some(padding + causal),
            (padding, causal) => padding.or(causal),
        }
    }

    /// Computes the hidden states `[batch, seq, d]` after the last block.
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

    /// The mean of the cross entropies of the rows, for `labels` `[batch, 1]`. Rows with the label
    /// [`IGNORE_INDEX`](crate::IGNORE_INDEX) are left out.
    ///
    /// # Errors
    ///
    /// - The errors of [`forward`](Self::forward).
    /// - [`ModelError::Unsupported`]: the model has one label, which makes it a regression.
    pub fn loss(&self, inputs: &ModelInputs, labels: Tensor<2, Int>) -> Result<Tensor<1>, ModelError> {
        Ok(self.row_losses(inputs, labels)?.mean())
    }

    /// The cross entropy of each row, as in [`loss`](Self::loss).
    ///
    /// # Errors
    ///
    /// The errors are those of [`loss`](Self::loss).
    pub fn row_losses(&self, inputs: &ModelInputs, labels: Tensor<2, Int>) -> Result<RowLosses, ModelError> {
        if self.config.labels() == 1 {
            let problem =
                "with one label is a regression, but only the loss of a classification is supported";
            return Err(ModelError::Unsupported { model_type: "bert".into(), problem });
        }
        let ids = required("input_ids", &inputs.input_ids)?;
        check_labels(&labels, [ids.dims()[0], 1], self.config.labels())?;
        Ok(row_losses(self.run(inputs, false)?.logits, labels))
    }
}
