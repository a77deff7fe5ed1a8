use burn::tensor::Device;

use super::config::BertConfig;
use crate::activation::Activation;
use crate::encoder::{EncoderConfig, Head, Step, TokenDecoder};
use crate::layers::{dropout, linear};
use crate::norm::LayerNorm;
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
        Task::MaskedLm => masked_lm(config, device),
        Task::MultipleChoice => choice(config, device),
        _ => return sequence(config, device),
    };
    Head { steps }
}

/// What predicts the tokens that a mask hides.
fn masked_lm(config: &BertConfig, device: &Device) -> Vec<Step> {
    let (d, width) = (config.hidden_size, config.embedding_width());
    let (names, weight, bias, activation) = match config.body_name() {
        "electra" => {
            let names = ["generator_predictions.dense", "generator_predictions.LayerNorm"];
            (names, "generator_lm_head", "generator_lm_head.bias", Activation::Gelu)
        }
        "roberta" => {
            let names = ["lm_head.dense", "lm_head.layer_norm"];
            (names, "lm_head.decoder", "lm_head.bias", Activation::Gelu)
        }
        _ => {
            let names = ["cls.predictions.transform.dense", "cls.predictions.transform.LayerNorm"];
            (names, "cls.predictions.decoder", "cls.predictions.bias", config.hidden_act)
        }
    };
    let layer = |d_in, d_out| linear(d_in, d_out, true, config.initializer_range, device);
    let decoder = match config.tie_word_embeddings {
        true => {
            let decoder = TokenDecoder::new(config.word_embeddings(), config.vocab_size, device);
            Step::Decoder([weight, bias], Box::new(decoder))
        }
        false => Step::Linear(weight, layer(width, config.vocab_size)),
    };
    vec![
        Step::Linear(names[0], layer(d, width)),
        Step::Activation(activation),
        Step::Norm(names[1], LayerNorm::new(width, config.layer_norm_eps, device)),
        decoder,
    ]
}

/// What gives a choice its score.
fn choice(config: &BertConfig, device: &Device) -> Vec<Step> {
    let score = layer(config, "classifier", 1, device);
    match config.body_name() {
        "electra" => {
            let summary = || layer(config, "sequence_summary.summary", config.hidden_size, device);
            let last = Step::Dropout("sequence_summary.last_dropout", dropout(config.summary_last_dropout));
            let projection = config.summary_use_proj.then(summary);
            let activation = config.summary_activation.map(Step::Activation);
            [Step::First].into_iter().chain(projection).chain(activation).chain([last, score]).collect()
        }
        "roberta" => vec![Step::Pooler, Step::Dropout("dropout", dropout(config.hidden_dropout_prob)), score],
        _ => vec![Step::Pooler, dropped(config, "dropout"), score],
    }
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
