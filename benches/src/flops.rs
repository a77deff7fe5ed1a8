//! The floating-point operations of matrix products.

use ia3::{ModelInfo, ModuleKind};

use crate::shape::Shape;
use crate::weights::{is_encoders, is_tied_head};

/// The operations of a forward pass with loss: linear layers and the head. The products inside attention are left out (3 to
/// 5 % at 128 tokens).
pub fn forward(info: &ModelInfo, shape: &Shape) -> f64 {
    info.modules.iter().map(|module| layer(&module.path, &module.kind, shape)).sum()
}

/// The operations of a training step of the vectors: as many again for the gradients of the inputs, and none for the
/// gradients of the weights.
pub fn train(info: &ModelInfo, shape: &Shape) -> f64 {
    2.0 * forward(info, shape)
}

fn layer(path: &str, kind: &ModuleKind, shape: &Shape) -> f64 {
    let size = match kind {
        ModuleKind::Linear { d_in, d_out, .. } | ModuleKind::Conv1D { d_in, d_out, .. } => d_in * d_out,
        // The embedding is the head of a model without a separate head.
        ModuleKind::Embedding { rows, dim } if is_tied_head(path) => rows * dim,
        _ => 0,
    };
    let tokens = match shape.target {
        // A classifier reads the first token only.
        _ if ["bert.pooler.dense", "classifier"].contains(&path) => 1,
        Some(target) if !is_encoders(path) => target,
        _ => shape.input,
    };
    2.0 * (size * shape.batch * tokens) as f64
}

#[cfg(test)]
mod tests {
    use burn::tensor::Device;
    use ia3::ModelConfig;

    use super::*;

    fn tiny(config: &'static str, target: Option<usize>) -> (ModelInfo, Shape) {
        let info = ModelConfig::from_json(config).unwrap().init(&Device::flex()).info();
        (info, Shape { name: "tiny", config, batch: 3, input: 5, target })
    }

    #[test]
    fn every_layer_counts_the_tokens_that_it_reads() {
        let (info, shape) = tiny(
            r#"{"model_type": "t5", "d_model": 4, "d_kv": 2, "d_ff": 8, "num_layers": 1, "num_heads": 2, "vocab_size": 10}"#,
            Some(2),
        );
        let attention = 4 * 4 * 4;
        let of_inputs = attention + 2 * 4 * 8 + 2 * 4 * 4;
        let of_targets = attention + 2 * 4 * 4 + 2 * 4 * 8 + 10 * 4;
        assert_eq!(forward(&info, &shape), (2 * 3 * (5 * of_inputs + 2 * of_targets)) as f64);
        assert_eq!(train(&info, &shape), 2.0 * forward(&info, &shape));
        let (info, shape) = tiny(
            r#"{"model_type": "bert", "hidden_size": 4, "num_hidden_layers": 1, "num_attention_heads": 2,
                "intermediate_size": 8, "vocab_size": 10, "max_position_embeddings": 8}"#,
            None,
        );
        let (of_tokens, of_rows) = (attention + 2 * 4 * 8, 4 * 4 + 4 * 2);
        assert_eq!(forward(&info, &shape), (2 * 3 * (5 * of_tokens + of_rows)) as f64);
    }
}
