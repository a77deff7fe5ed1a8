use burn::tensor::Device;

use super::config::DebertaConfig;
use crate::encoder::{EncoderConfig, Head, HeadLayers, Step, TokenDecoder};
use crate::layers::{dropout, linear};
use crate::norm::LayerNorm;
use crate::task::Task;

/// The head for the task of the configuration.
pub(super) fn init(config: &DebertaConfig, device: &Device) -> Head {
    let (d, labels) = (config.hidden_size, config.head.count());
    let layers = HeadLayers { d, std: config.initializer_range, dropout: config.hidden_dropout_prob, device };
    let steps = match config.head.task {
        Task::FeatureExtraction => vec![],
        Task::QuestionAnswering => vec![layers.linear("qa_outputs", labels)],
        Task::TokenClassification => vec![layers.dropped("dropout"), layers.linear("classifier", labels)],
        Task::MaskedLm if config.legacy => legacy_masked_lm(config, &layers),
        Task::MaskedLm => masked_lm(config, &layers),
        Task::MultipleChoice => pooled(config, &layers, 1),
        _ => pooled(config, &layers, labels),
    };
    Head { steps }
}

/// A pooler of the first token, and a classifier.
fn pooled(config: &DebertaConfig, layers: &HeadLayers, labels: usize) -> Vec<Step> {
    vec![
        Step::First,
        Step::Dropout("pooler.dropout", dropout(config.pooler_dropout)),
        layers.linear("pooler.dense", layers.d),
        Step::Activation(config.pooler_hidden_act),
        Step::Dropout("dropout", dropout(config.cls_dropout)),
        layers.linear("classifier", labels),
    ]
}

/// BERT's head of masked language models, which transformers had first.
fn legacy_masked_lm(config: &DebertaConfig, layers: &HeadLayers) -> Vec<Step> {
    let width = config.embedding_size;
    let decoder = || linear(width, config.vocab_size, true, layers.std, layers.device);
    let weight = "cls.predictions.decoder";
    let decoder = match config.tie_word_embeddings {
        true => tied(config, [weight, "cls.predictions.bias"], layers.device),
        false => Step::Linear(weight, decoder()),
    };
    vec![
        layers.linear("cls.predictions.transform.dense", width),
        Step::Activation(config.hidden_act),
        Step::Norm("cls.predictions.transform.LayerNorm", norm(width, config, layers.device)),
        decoder,
    ]
}

/// The authors' head of masked language models, whose decoder is always the embedding of tokens.
fn masked_lm(config: &DebertaConfig, layers: &HeadLayers) -> Vec<Step> {
    let names = ["lm_predictions.lm_head.decoder", "lm_predictions.lm_head.bias"];
    vec![
        layers.linear("lm_predictions.lm_head.dense", layers.d),
        Step::Activation(config.hidden_act),
        Step::Norm("lm_predictions.lm_head.LayerNorm", norm(layers.d, config, layers.device)),
        tied(config, names, layers.device),
    ]
}

fn tied(config: &DebertaConfig, names: [&'static str; 2], device: &Device) -> Step {
    Step::Decoder(names, Box::new(TokenDecoder::new(config.word_embeddings(), config.vocab_size, device)))
}

fn norm(width: usize, config: &DebertaConfig, device: &Device) -> LayerNorm {
    LayerNorm::new(width, config.layer_norm_eps, device)
}
