//! Floating-point operations of the matrix products that have to be computed.

use ia3::{ModelInfo, ModuleKind};

/// Sizes of a batch.
#[derive(Clone, Copy)]
pub(crate) struct Batch {
    pub(crate) rows: usize,
    pub(crate) input: usize,
    /// Tokens of a target, for an encoder-decoder.
    pub(crate) target: Option<usize>,
}

/// Of a forward with loss: linear layers and the head. Attention's own products are left out (3 to 5 % at 128 tokens).
pub(crate) fn forward(info: &ModelInfo, batch: Batch) -> f64 {
    info.modules.iter().map(|module| layer(&module.path, &module.kind, batch)).sum()
}

/// Of a training step of the vectors: as many again for the gradients of the inputs, none for those of the weights.
pub(crate) fn train(info: &ModelInfo, batch: Batch) -> f64 {
    2.0 * forward(info, batch)
}

fn layer(path: &str, kind: &ModuleKind, batch: Batch) -> f64 {
    let size = match kind {
        ModuleKind::Linear { d_in, d_out, .. } | ModuleKind::Conv1D { d_in, d_out, .. } => d_in * d_out,
        // The embedding is the head where there is no other.
        ModuleKind::Embedding { rows, dim } if is_tied_head(path) => rows * dim,
        _ => 0,
    };
    let of_encoder = path.starts_with("encoder.")
        || path.contains("EncDecAttention.k")
        || path.contains("EncDecAttention.v");
    let tokens = match batch.target {
        Some(target) if !of_encoder => target,
        _ => batch.input,
    };
    2.0 * (size * batch.rows * tokens) as f64
}

fn is_tied_head(path: &str) -> bool {
    ["shared", "transformer.wte", "transformer.word_embeddings"].contains(&path)
}
