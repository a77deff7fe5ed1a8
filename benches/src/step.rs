use burn::module::Module;
use burn::optim::{GradientsParams, ModuleOptimizer};
use ia3::Model;
use ia3::train::OptimizerConfig;

use crate::Setup;

/// A model that is trained with AdamW on one batch, step by step.
pub struct TrainStep {
    model: Option<Model>,
    optimizer: ModuleOptimizer,
}

impl TrainStep {
    /// Whatever requires gradients in `model` is trained.
    pub fn new(model: Model) -> Self {
        Self { model: Some(model.train()), optimizer: OptimizerConfig::adamw().init() }
    }

    /// Forward, backward and update, until the device is done.
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
