//! What the benches share: the table of shapes, models of those shapes with random weights, their inputs.

mod step;
mod turns;
mod workload;

use burn::module::Module;
use burn::tensor::{Device, Distribution, Int, Tensor};

use ia3::core::Adapter;
use ia3::models::Model;
use ia3::{Ia3Config, ModelConfig, ModelInputs, Task};
pub use step::TrainStep;
pub use turns::{Ratios, in_turns};
pub use workload::Workload;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// One line of the table: an architecture's `config.json` and the batch it is fed.
pub struct Shape {
    /// The name in the report.
    pub name: &'static str,
    /// Its `config.json`.
    pub config: &'static str,
    /// Rows of the batch.
    pub batch: usize,
    /// Tokens of an input.
    pub input: usize,
    /// Tokens of a target, for an encoder-decoder; a decoder alone predicts its input.
    pub target: Option<usize>,
}

/// The sizes that are measured.
pub const SHAPES: &[Shape] = &[
    Shape {
        name: "t5-small",
        config: r#"{"model_type": "t5", "d_model": 512, "d_kv": 64, "d_ff": 2048, "num_layers": 6,
                    "num_heads": 8, "vocab_size": 32128, "dropout_rate": 0.0}"#,
        batch: 8,
        input: 128,
        target: Some(16),
    },
    Shape {
        name: "t5-base",
        config: r#"{"model_type": "t5", "d_model": 768, "d_kv": 64, "d_ff": 3072, "num_layers": 12,
                    "num_heads": 12, "vocab_size": 32128, "dropout_rate": 0.0}"#,
        batch: 8,
        input: 128,
        target: Some(16),
    },
    Shape {
        name: "gpt2",
        config: r#"{"model_type": "gpt2", "resid_pdrop": 0.0, "embd_pdrop": 0.0, "attn_pdrop": 0.0}"#,
        batch: 4,
        input: 128,
        target: None,
    },
    Shape {
        name: "falcon-small",
        config: r#"{"model_type": "falcon", "vocab_size": 50304, "hidden_size": 768, "num_hidden_layers": 12,
                    "num_attention_heads": 12}"#,
        batch: 4,
        input: 128,
        target: None,
    },
    Shape {
        name: "llama-small",
        config: r#"{"model_type": "llama", "vocab_size": 32000, "hidden_size": 768, "intermediate_size": 2048,
                    "num_hidden_layers": 12, "num_attention_heads": 12, "num_key_value_heads": 4}"#,
        batch: 4,
        input: 128,
        target: None,
    },
    Shape {
        name: "bert-base",
        config: r#"{"model_type": "bert", "hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}"#,
        batch: 8,
        input: 128,
        target: None,
    },
    Shape {
        name: "minilm",
        config: r#"{"model_type": "bert", "hidden_size": 384, "num_hidden_layers": 6, "num_attention_heads": 12,
                    "intermediate_size": 1536, "hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}"#,
        batch: 8,
        input: 128,
        target: None,
    },
];

/// The device that `BURN_DEVICE` names, or the best one compiled in.
///
/// # Panics
///
/// Panics if there is no such device.
pub fn device() -> Device {
    let name = std::env::var("BURN_DEVICE").ok();
    ia3::device(name.as_deref()).unwrap_or_else(|error| panic!("{error}"))
}

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
#[cfg(test)]
static RANDOM: std::sync::Mutex<()> = std::sync::Mutex::new(());
