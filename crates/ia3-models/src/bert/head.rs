use burn::tensor::Device;

use super::config::BertConfig;
use crate::activation::Activation;
use crate::encoder::{EncoderConfig, Head, Step};
use crate::layers::{dropout, linear};
use crate::task::Task;

/// The head of the config's `model_type` for its task.
pub(super) fn init(config: &BertConfig, device: &Device) -> Head {
    let labels = config.head.count();
    let steps = match config.head.task {
        Task::FeatureExtraction if config.body_name() == "electra" => vec![],
        Task::FeatureExtraction => vec![Step::PoolerBeside],
        Task::QuestionAnswering => vec![layer(config, "qa_outputs", labels, device)],
        Task::TokenClassification => {
            vec![dropped(config, "dropout"), layer(config, "classifier", labels, device)]
        }
        _ => return sequence(config, device),
    };
    Head { steps }
}

/// The classifier of sequences.
fn sequence(config: &BertConfig, device: &Device) -> Head {
    let layer = |name, d_out| layer(config, name, d_out, device);
    let (d, labels) = (config.hidden_size, config.head.count());
    let activation = match config.body_name() {
        "electra" => Activation::Gelu,
        "roberta" => Activation::Tanh,
        _ => {
            return Head {
                steps: vec![Step::Pooler, dropped(config, "dropout"), layer("classifier", labels)],
            };
        }
    };
    let dense = [Step::First, dropped(config, "classifier.dropout"), layer("classifier.dense", d)];
    let out = [Step::Activation(activation), Step::DropoutAgain, layer("classifier.out_proj", labels)];
    Head { steps: dense.into_iter().chain(out).collect() }
}

fn layer(config: &BertConfig, name: &'static str, d_out: usize, device: &Device) -> Step {
    Step::Linear(name, linear(config.hidden_size, d_out, true, config.initializer_range, device))
}

fn dropped(config: &BertConfig, name: &'static str) -> Step {
    Step::Dropout(name, dropout(config.classifier_dropout.unwrap_or(config.hidden_dropout_prob)))
}
