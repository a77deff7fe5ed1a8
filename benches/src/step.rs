//! A training step with AdamW.

use burn::module::Module;
use burn::optim::{GradientsParams, ModuleOptimizer};
use ia3::models::Model;
use ia3::train::OptimizerConfig;

use crate::setup::Setup;

/// A model that is trained with AdamW on one batch.
pub struct TrainStep {
    model: Option<Model>,
    optimizer: ModuleOptimizer,
}

impl TrainStep {
    /// Trains the parameters of `model` that require gradients.
    pub fn new(model: Model) -> Self {
        Self { model: Some(model.train()), optimizer: OptimizerConfig::adamw().init() }
    }

    /// Runs forward pass, backward pass and update, and waits for the device.
    ///
    /// # Panics
    ///
    /// Panics if the batch does not fit the model.
    pub fn step(&mut self, setup: &Setup) {
        let now = self.model.take().expect("the last step gave the model back");
        let loss = now.loss(&setup.inputs, setup.labels.clone()).expect("the batch fits");
        let grads = GradientsParams::from_grads(loss.backward(), &now);
        self.model = Some(self.optimizer.step(1e-6, now, grads));
        setup.labels.device().sync().expect("the device works");
    }
}

#[cfg(test)]
mod tests {
    use burn::tensor::Device;

    use super::*;
    use crate::shape::Shape;

    #[test]
    fn an_adapted_model_trains_its_vectors_and_any_other_model_all_weights() {
        let _alone = crate::RANDOM.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let config = r#"{"model_type": "gpt2", "n_embd": 16, "n_layer": 1, "n_head": 2, "vocab_size": 1000}"#;
        let setup = Shape { name: "tiny", config, batch: 2, input: 4, target: None }.setup(&Device::flex());
        let trained = |model: Model| {
            let model = model.train();
            let loss = model.loss(&setup.inputs, setup.labels.clone()).unwrap();
            GradientsParams::from_grads(loss.backward(), &model).len()
        };
        let adapters = [&setup.adapter];
        let all = 2 + 12 + 2;
        assert_eq!(trained(setup.base.clone()), all);
        assert_eq!(trained(ia3::merge(&setup.base, &adapters).unwrap()), all);
        assert_eq!(trained(ia3::attach(&setup.base, &adapters).unwrap()), setup.adapter.vectors.len());
    }
}
