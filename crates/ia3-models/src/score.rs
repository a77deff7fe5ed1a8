//! `Model::log_likelihoods`: how likely texts are to follow inputs, token by token.

use burn::module::Module;
use burn::tensor::Device;

use crate::error::ModelError;
use crate::inputs::{ModelInputs, PaddingSide};
use crate::log_likelihoods::LogLikelihoods;
use crate::loss::IGNORE_INDEX;
use crate::model::Model;

impl Model {
    /// Computes how likely each text is after its input, for pairs `(input, texts)` of token ids.
    ///
    /// End a text with the end-of-sequence token if its likelihood is to include that token. An encoder-decoder encodes each
    /// input once; a decoder reads the input again for each text. Inputs may have different numbers of texts.
    ///
    /// If batch entries have their own adapters ([`attach_rows`](ia3_core::attach_rows)), each text is a batch entry, so name
    /// the adapter of an input once per text.
    ///
    /// # Errors
    ///
    /// - [`ModelError::Input`]: there is no input, an input has no texts, an input or a text is empty, or an id is outside the
    ///   vocabulary.
    /// - [`ModelError::Unsupported`]: the model is a classifier.
    pub fn log_likelihoods(&self, inputs: &[(&[i64], &[Vec<i64>])]) -> Result<LogLikelihoods, ModelError> {
        check(inputs)?;
        let device = self.devices().first().cloned().unwrap_or_default();
        let texts: Vec<Vec<i64>> = inputs.iter().flat_map(|(_, texts)| texts.iter().cloned()).collect();
        let labels = padded(&texts, IGNORE_INDEX, &device).input_ids.expect("`from_rows` gives ids");
        let tokens = self.label_log_likelihoods(inputs, labels, &device)?;
        let lengths = texts.iter().map(Vec::len).collect();
        Ok(LogLikelihoods { tokens, lengths, counts: inputs.iter().map(|(_, texts)| texts.len()).collect() })
    }
}

fn padded(rows: &[Vec<i64>], with: i64, device: &Device) -> ModelInputs {
    ModelInputs::from_rows(rows, with, PaddingSide::Right, device)
}

fn check(inputs: &[(&[i64], &[Vec<i64>])]) -> Result<(), ModelError> {
    let refuse = |name, problem: String| Err(ModelError::Input { name, problem });
    if inputs.is_empty() {
        return refuse("inputs", "is empty; there is nothing to score".into());
    }
    for (i, (input, texts)) in inputs.iter().enumerate() {
        if input.is_empty() {
            return refuse("inputs", format!("has no token in row {i}"));
        }
        if texts.is_empty() {
            return refuse("texts", format!("has none for input {i}"));
        }
        if let Some(text) = texts.iter().position(Vec::is_empty) {
            return refuse("texts", format!("has no token in text {text} of input {i}"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use burn::tensor::Tensor;

    use super::*;
    use crate::config::ModelConfig;

    const T5: &str = r#"{"model_type": "t5", "vocab_size": 13, "d_model": 8, "d_kv": 4, "d_ff": 12, "num_heads": 2,
        "num_layers": 1, "dropout_rate": 0.0, "feed_forward_proj": "gated-gelu", "tie_word_embeddings": false}"#;
    const GPT2: &str = r#"{"model_type": "gpt2", "vocab_size": 13, "n_embd": 8, "n_layer": 2, "n_head": 2, "n_positions": 10, "pad_token_id": 0}"#;
    const LLAMA: &str = r#"{"model_type": "llama", "vocab_size": 13, "hidden_size": 8, "intermediate_size": 12,
        "num_hidden_layers": 1, "num_attention_heads": 2}"#;

    fn model(config: &str) -> Model {
        let device = Device::flex();
        device.seed(3);
        ModelConfig::from_json(config).unwrap().init(&device)
    }

    fn floats<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
        tensor.into_data().iter().collect()
    }

    /// A text has the same likelihood alone, without padding, as in a batch, and the loss is the mean of its tokens.
    #[test]
    fn a_batch_of_ragged_texts_equals_each_text_alone() {
        let short = vec![vec![7, 1], vec![8, 9, 10, 1], vec![1]];
        let long = vec![vec![5, 1]];
        for config in [T5, GPT2, LLAMA] {
            let model = model(config);
            let (a, b): (&[i64], &[i64]) = (&[3, 4, 1], &[2, 3, 4, 5, 6, 1]);
            let all = model.log_likelihoods(&[(a, &short), (b, &long)]).unwrap();
            assert_eq!((all.lengths.as_slice(), all.counts.as_slice()), (&[2, 4, 1, 2][..], &[3, 1][..]));
            assert_eq!(all.rows().collect::<Vec<_>>(), [0..3, 3..4]);
            assert_eq!(all.tokens.dims(), [4, 4]);
            let sums = floats(all.sums());
            let pairs = short.iter().map(|text| (a, text)).chain([(b, &long[0])]);
            for (row, (input, text)) in pairs.enumerate() {
                let alone = model.log_likelihoods(&[(input, std::slice::from_ref(text))]).unwrap();
                let in_batch = floats(all.tokens.clone().slice([row..row + 1, 0..text.len()]));
                for (x, y) in floats(alone.tokens.clone()).iter().zip(&in_batch) {
                    assert!((x - y).abs() < 1e-5, "{config} {row}: {x} {y}");
                }
                let rest = floats(all.tokens.clone().slice([row..row + 1, 0..4]));
                assert!(rest[text.len()..].iter().all(|ll| *ll == 0.0), "{rest:?}");
                let loss = loss_alone(&model, input, text);
                assert!((loss + sums[row] / text.len() as f32).abs() < 1e-5, "{config} {row}: {loss}");
            }
        }
    }

    fn loss_alone(model: &Model, input: &[i64], text: &[i64]) -> f32 {
        let device = Device::flex();
        let rows = |row: Vec<i64>| padded(&[row], 0, &device);
        let (inputs, labels) = match model {
            Model::T5(_) => (input.to_vec(), text.to_vec()),
            _ => ([input, text].concat(), [&vec![IGNORE_INDEX; input.len()], text].concat()),
        };
        model.loss(&rows(inputs), rows(labels).input_ids.unwrap()).unwrap().into_scalar::<f32>()
    }

    #[test]
    fn requests_without_sense_are_refused_with_the_place() {
        let refuse = |config, inputs: &[(&[i64], &[Vec<i64>])]| {
            model(config).log_likelihoods(inputs).unwrap_err().to_string()
        };
        let text = [vec![2, 1]];
        assert_eq!(refuse(T5, &[]), "`inputs` is empty; there is nothing to score");
        assert_eq!(refuse(T5, &[(&[1], &text), (&[], &text)]), "`inputs` has no token in row 1");
        assert_eq!(refuse(GPT2, &[(&[1], &[])]), "`texts` has none for input 0");
        assert_eq!(refuse(T5, &[(&[1], &[vec![1], vec![]])]), "`texts` has no token in text 1 of input 0");
        for config in [T5, GPT2] {
            let error = refuse(config, &[(&[1], &[vec![13]])]);
            assert!(error.contains("holds"), "{error}");
        }
        let long = refuse(GPT2, &[(&[1; 9], &text)]);
        assert_eq!(long, "`input_ids` has 11 tokens per row, but the model has 10 positions");
        let bert = r#"{"model_type": "bert", "vocab_size": 13, "hidden_size": 8, "num_hidden_layers": 1,
            "num_attention_heads": 2, "intermediate_size": 8}"#;
        let error = refuse(bert, &[(&[1], &text)]);
        assert_eq!(error, "a `bert` model is an encoder and computes no likelihood of a text");
    }
}
