//! What the benches share: the table of shapes, models of those shapes with random weights, and their inputs.

mod setup;
mod shape;
mod step;
mod turns;
mod workload;

use burn::tensor::Device;

<<<<<<< HEAD
use ia3::core::Adapter;
use ia3::models::Model;
use ia3::{Ia3Config, ModelConfig, ModelInputs, Task};
=======
pub use setup::Setup;
pub use shape::{SHAPES, Shape};
>>>>>>> main
pub use step::TrainStep;
pub use turns::{Ratios, in_turns};
pub use workload::Workload;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// The device that `BURN_DEVICE` names, or the best one compiled in.
///
/// # Panics
///
/// Panics if there is no such device.
pub fn device() -> Device {
    let name = std::env::var("BURN_DEVICE").ok();
    ia3::device(name.as_deref()).unwrap_or_else(|error| panic!("{error}"))
}

<<<<<<< HEAD
/// A shape's model, its adapter with vectors around 1, and a batch.
pub struct Setup {
    /// The base, every weight allocated.
    pub base: Model,
    /// PEFT's default sites.
    pub adapter: Adapter,
    /// `[batch, input]` ids and a full mask.
    pub inputs: ModelInputs,
    /// `[batch, target]` ids, or the input's own; `[batch, 1]` classes.
    pub labels: Tensor<2, Int>,
}

impl Shape {
    /// That of the table.
    ///
    /// # Panics
    ///
    /// Panics if there is none of that name.
    pub fn named(name: &str) -> &'static Self {
        SHAPES.iter().find(|shape| shape.name == name).unwrap_or_else(|| panic!("there is no shape {name}"))
    }

    /// Whether it is a classifier, which generates nothing.
    ///
    /// # Panics
    ///
    /// Panics if the table is wrong.
    pub fn classifies(&self) -> bool {
        matches!(self.model_config(), ModelConfig::Bert(_))
    }

    fn model_config(&self) -> ModelConfig {
        ModelConfig::from_json(self.config).expect("the table holds valid configurations")
    }

    /// Makes it on `device`.
    ///
    /// # Panics
    ///
    /// Panics if the table is wrong.
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

/// Held by tests that draw random numbers: a device has one generator for all threads.
=======
/// A lock for tests that draw random numbers, because a device has one generator for all threads.
>>>>>>> main
#[cfg(test)]
static RANDOM: std::sync::Mutex<()> = std::sync::Mutex::new(());
