use burn::tensor::{Device, Int, Tensor};
use ia3_core::{ActivationSpace, ModelInfo, assert_all_touched, model_info};

use super::body::{EncoderBody, EncoderConfig};
use super::head::{Answer, Head, Step};
use crate::error::ModelError;
use crate::inputs::{ModelInputs, check_choices, check_row_count, check_rows};
use crate::output::{ModelOutput, Trace};
use crate::task::Task;

/// An encoder with a head: a body, such as [`BertModel`](crate::bert::BertModel), and what makes an answer of its hidden states.
/// It is Hugging Face's `BertForSequenceClassification`, `RobertaForTokenClassification` and so on.
///
/// As a module it has the layers of the body under the body's name and those of the head under their own, so module paths
/// equal checkpoint keys. Without a head, which is Hugging Face's `BertModel` and so on, the names are those of the body.
#[derive(Clone, Debug)]
pub struct Encoder<B: EncoderBody> {
    /// The body.
    pub body: B,
    /// The head.
    pub head: Head,
    pub(super) config: B::Config,
}

impl<B: EncoderBody> Encoder<B> {
    /// A freshly initialised model. A weight takes no memory before it is first read.
    pub(crate) fn new(config: &B::Config, device: &Device) -> Self {
        let head = config.init_head(device);
        Self { body: B::new(config, head.has_pooler(), device), head, config: config.clone() }
    }

    /// The configuration that the model was made from.
    pub fn config(&self) -> &B::Config {
        &self.config
    }

    /// The facts that planning needs. They are read from shapes, so no weight is initialised.
    pub fn info(&self) -> ModelInfo {
        let mut info = model_info(self, Some(self.config.model_type()), None);
        // The decoder of a masked language model is no target: an output vector would have to scale its bias, which is apart.
        info.modules.iter_mut().for_each(|module| module.tied.clear());
        match self.config.fused_heads() {
            Some((name, heads)) => heads.record(info, name),
            None => info,
        }
    }

    /// The name of the body in the model; `None` if the model is the body alone.
    pub(super) fn body_name(&self) -> Option<&'static str> {
        (self.config.head().task != Task::FeatureExtraction).then(|| self.config.body_name())
    }

    /// Computes the logits: `[batch, 1, num_labels]` of a classifier of sequences, `[batch, seq, num_labels]` of a classifier of
    /// tokens, `[batch, seq, 2]` of a model that answers questions, `[batch, seq, vocab]` of a masked language model,
    /// `[batch, 1, choices]` of a model that chooses; or, without a head, the hidden states `[batch, seq, d]`.
    ///
    /// # Errors
    ///
    /// [`ModelError::Input`] if an input is missing or does not fit.
    pub fn forward(&self, inputs: &ModelInputs) -> Result<Tensor<3>, ModelError> {
        Ok(self.run(inputs, false)?.logits)
    }

    pub(crate) fn run(&self, inputs: &ModelInputs, traced: bool) -> Result<ModelOutput, ModelError> {
        let mut hidden_states = vec![];
        let x = self.states(inputs, Trace::into(traced.then_some(&mut hidden_states)))?;
        let Answer { logits, pooled } = self.answer(&self.head.steps, x, inputs.attention_mask.as_ref());
        let logits = match self.config.head().task {
            Task::MultipleChoice => by_choice(logits, inputs.num_choices)?,
            _ => logits,
        };
        assert_all_touched(self);
        let pooler_output = pooled.map(|pooled| pooled.squeeze_dim(1));
        Ok(ModelOutput { hidden_states, pooler_output, ..ModelOutput::new(logits) })
    }

    /// Computes the hidden states `[batch, seq, d]` that the head reads.
    pub(super) fn states(&self, inputs: &ModelInputs, trace: Trace) -> Result<Tensor<3>, ModelError> {
        match self.config.image() {
            Some(_) => {
                let images = inputs.pixel_values.as_ref().map(|pixels| pixels.dims()[0]);
                images.map_or(Ok(()), |found| check_row_count(self, "pixel_values", found))?;
            }
            None => {
                inputs.check(self.config.vocab_size())?;
                check_rows(self, &inputs.input_ids)?;
            }
        }
        self.body.encode(&self.config, inputs, trace)
    }

    /// Computes some steps of the head; see [`Head::answer`].
    pub(super) fn answer(&self, steps: &[Step], x: Tensor<3>, mask: Option<&Tensor<2, Int>>) -> Answer {
        Head::answer(steps, x, mask, |x| self.body.pool(x), self.body.word_embeddings())
    }
}

/// The logits `[rows, 1, 1]` of inputs as those of choices, `[batch, 1, choices]`.
fn by_choice(logits: Tensor<3>, choices: Option<usize>) -> Result<Tensor<3>, ModelError> {
    let ([rows, ..], choices) = (logits.dims(), check_choices(logits.dims()[0], choices)?);
    Ok(logits.reshape([rows / choices, 1, choices]))
}

impl<B: EncoderBody> ActivationSpace for Encoder<B> {
    fn info(&self) -> ModelInfo {
        self.info()
    }

    fn float32_states(&self) -> bool {
        self.config.float32_states()
    }
}
