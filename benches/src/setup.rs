//! Models with random weights, and their batches.

use burn::module::Module;
use burn::tensor::{Device, Distribution, Int, Tensor};
use ia3::core::Adapter;
use ia3::models::Model;
use ia3::{Ia3Config, ModelInputs, Task};

use crate::shape::Shape;

/// The model of a shape, an adapter, and a batch.
pub struct Setup {
    /// The base with random weights.
    pub base: Model,
    /// An adapter on PEFT's default targets.
    pub adapter: Adapter,
    /// Ids `[batch, input]` and a mask of ones.
    pub inputs: ModelInputs,
    /// Ids `[batch, target]` for an encoder-decoder, the ids of the input for a decoder-only model, classes `[batch, 1]` for
    /// a classifier.
    pub labels: Tensor<2, Int>,
}

impl Shape {
    /// Makes the model and the batch on `device`.
    ///
    /// # Panics
    ///
    /// Panics if [`config`](Self::config) is not a valid `config.json`.
    pub fn setup(&self, device: &Device) -> Setup {
        device.seed(0);
        let base = self.model_config().init(device).valid();
        let plan =
            Ia3Config::new().plan(&base.info()).expect("every architecture of the table has default targets");
        let ids =
            |seq| Tensor::<2>::random([self.batch, seq], Distribution::Uniform(2.0, 1000.0), device).int();
        let input_ids = ids(self.input);
        let inputs = ModelInputs {
            attention_mask: Some(input_ids.ones_like()),
            input_ids: Some(input_ids.clone()),
            ..ModelInputs::default()
        };
        let labels = match (base.task(), self.target) {
            (Task::SequenceClassification, _) => Tensor::zeros([self.batch, 1], device),
            (_, Some(target)) => ids(target),
            (_, None) => input_ids,
        };
        Setup { adapter: Adapter::init(&base, &plan), base, inputs, labels }
    }
}
