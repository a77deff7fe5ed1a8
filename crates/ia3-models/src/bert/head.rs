use burn::tensor::Device;

use super::config::BertConfig;
use crate::activation::Activation;
use crate::encoder::{EncoderConfig, Head, HeadLayers, Step, TokenDecoder};
use crate::layers::{dropout, linear};
use crate::norm::LayerNorm;
use crate::task::Task;

/// The head of the config's `model_type` for its task.
pub(super) fn init(config: &BertConfig, device: &Device) -> Head {
    let (labels, layers) = (config.head.count(), layers(config, device));
    let steps = match config.head.task {
        Task::FeatureExtraction if config.body_name() == "electra" => vec![],
        Task::FeatureExtraction => vec![Step::PoolerBeside],
        Task::QuestionAnswering => vec![layers.linear("qa_outputs", labels)],
        Task::TokenClassification => vec![layers.dropped("dropout"), layers.linear("classifier", labels)],
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
    let layers = layers(config, device);
    let score = layers.linear("classifier", 1);
    match config.body_name() {
        "electra" => {
            let summary = || layers.linear("sequence_summary.summary", config.hidden_size);
            let last = Step::Dropout("sequence_summary.last_dropout", dropout(config.summary_last_dropout));
            let projection = config.summary_use_proj.then(summary);
            let activation = config.summary_activation.map(Step::Activation);
            [Step::First].into_iter().chain(projection).chain(activation).chain([last, score]).collect()
        }
        "roberta" => vec![Step::Pooler, Step::Dropout("dropout", dropout(config.hidden_dropout_prob)), score],
        _ => vec![Step::Pooler, layers.dropped("dropout"), score],
    }
}

/// The classifier of sequences.
fn sequence(config: &BertConfig, device: &Device) -> Head {
    let labels = config.head.count();
    let layers = layers(config, device);
    let steps = match config.body_name() {
        "electra" => layers.dense_and_out(Activation::Gelu, labels),
        "roberta" => layers.dense_and_out(Activation::Tanh, labels),
        _ => vec![Step::Pooler, layers.dropped("dropout"), layers.linear("classifier", labels)],
    };
    Head { steps }
}

fn layers<'a>(config: &BertConfig, device: &'a Device) -> HeadLayers<'a> {
    let dropout = config.classifier_dropout.unwrap_or(config.hidden_dropout_prob);
    HeadLayers { d: config.hidden_size, std: config.initializer_range, dropout, device }
}
