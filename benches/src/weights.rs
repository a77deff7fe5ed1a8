//! The weights that decoding reads for every new token.

use std::collections::BTreeSet;

use burn::module::Param;
use burn::tensor::Tensor;
use ia3::core::{ParamPath, ParamVisitor, visit_params_with};
use ia3::models::Model;
use ia3::{ModuleKind, QuantizedLayout};

/// The bytes of the stored parameters that the decoder reads per token. The encoder, and the keys and values of its output,
/// are computed once per prompt. Of an embedding one row is read, unless it is the head too.
pub fn bytes_per_token(base: &Model) -> usize {
    let info = base.info();
    let has_head = info.modules.iter().any(|module| module.output_embedding);
    let kept = |path: &str| !has_head && is_tied_head(path);
    let embeddings = info.modules.iter().filter(|m| matches!(m.kind, ModuleKind::Embedding { .. }));
    let looked_up = embeddings.map(|module| module.path.clone()).filter(|path| !kept(path)).collect();
    let mut read = Read { looked_up, bytes: 0 };
    visit_params_with(base, &mut read);
    read.bytes
}

/// Whether a layer of an encoder-decoder reads the input instead of the target.
pub(crate) fn is_encoders(path: &str) -> bool {
    path.starts_with("encoder.") || path.contains("EncDecAttention.k") || path.contains("EncDecAttention.v")
}

/// Whether an embedding is also the head of a model without a separate head.
pub fn is_tied_head(path: &str) -> bool {
    ["shared", "transformer.wte", "transformer.word_embeddings", "model.embed_tokens"].contains(&path)
}

struct Read {
    looked_up: BTreeSet<String>,
    bytes: usize,
}

impl ParamVisitor for Read {
    fn visit_float<const D: usize>(&mut self, path: &ParamPath, param: &Param<Tensor<D>>) {
        let module = path.module();
        if !path.inside_reparameterization() && !is_encoders(&module) && !self.looked_up.contains(&module) {
            self.bytes += stored(&param.base());
        }
    }
}

/// The bytes of a stored tensor. Integers have one float32 scale per block.
fn stored<const D: usize>(weight: &Tensor<D>) -> usize {
    let numbers = weight.shape().num_elements();
    match QuantizedLayout::of(weight) {
        Some(layout) => {
            let bits = if layout.bits == ia3::Bits::Four { 4 } else { 8 };
            numbers * bits / 8 + 4 * layout.shape[0] * layout.blocks()
        }
        None => numbers * weight.dtype().size(),
    }
}

#[cfg(test)]
mod tests {
    use burn::tensor::Device;
    use ia3::{Bits, ModelConfig};

    use super::*;

    fn model(config: &str) -> Model {
        ModelConfig::from_json(config).unwrap().init(&Device::flex())
    }

    #[test]
    fn a_decoder_reads_its_layers_and_its_head() {
        let gpt2 = model(
            r#"{"model_type": "gpt2", "n_embd": 16, "n_layer": 2, "n_head": 2, "vocab_size": 10, "n_positions": 7}"#,
        );
        let (matrices, biases, norms) = (16 * 48 + 16 * 16 + 2 * 16 * 64, 48 + 16 + 64 + 16, 4 * 16);
        let floats = 2 * (matrices + biases + norms) + 2 * 16 + 10 * 16;
        assert_eq!(bytes_per_token(&gpt2), 4 * floats);
        let (eight, report) = ia3::quantize(&gpt2, Bits::Eight).unwrap();
        assert_eq!(report.errors.len(), 8);
        // A block has all 16 inputs of a layer, or all 64 of the last one.
        let scales = 2 * (48 + 16 + 64 + 16);
        assert_eq!(bytes_per_token(&eight), 4 * (floats - 2 * matrices) + 2 * matrices + 4 * scales);
    }

    #[test]
    fn a_tied_head_is_read_and_a_lookup_is_not() {
        let sizes = r#""hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 12,
                       "vocab_size": 10"#;
        let of = |tied: bool| {
            let config = format!(r#"{{"model_type": "llama", "tie_word_embeddings": {tied}, {sizes}}}"#);
            bytes_per_token(&model(&config))
        };
        let expected = 4 * (4 * 8 * 8 + 3 * 8 * 12 + 3 * 8 + 10 * 8);
        assert_eq!([of(true), of(false)], [expected; 2]);
    }

    #[test]
    fn layers_that_read_the_encoder_output_are_not_read_per_token() {
        let t5 = model(
            r#"{"model_type": "t5", "d_model": 4, "d_kv": 2, "d_ff": 8, "num_layers": 1, "num_heads": 2, "vocab_size": 10}"#,
        );
        let (own, cross, ff, norms) = (4 * 4 * 4, 2 * 4 * 4, 2 * 4 * 8, 4 * 4);
        assert_eq!(bytes_per_token(&t5), 4 * (own + cross + ff + norms + 10 * 4));
    }
}
