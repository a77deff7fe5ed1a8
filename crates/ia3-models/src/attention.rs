use burn::tensor::{DType, Tensor, activation::softmax};

/// Dot-product attention with an additive bias: `softmax(q·kᵀ + bias)·v`, the softmax in float32.
///
/// `on_weights` sees the weights before they meet the values, for dropout.
///
/// # Shapes
///
/// - `q`: `[batch, heads, queries, d_head]`; `k`, `v`: `[batch, heads, keys, d_head]`
/// - `bias`: broadcasts to `[batch, heads, queries, keys]`
pub(crate) fn attend(
    q: Tensor<4>,
    k: Tensor<4>,
    v: Tensor<4>,
    bias: Option<Tensor<4>>,
    on_weights: impl FnOnce(Tensor<4>) -> Tensor<4>,
) -> Tensor<4> {
    let dtype = q.dtype();
    let mut scores = q.matmul(k.swap_dims(2, 3));
    if let Some(bias) = bias {
        scores = scores + bias;
    }
    let weights = match dtype {
        DType::F32 => softmax(scores, 3),
        _ => softmax(scores.cast(DType::F32), 3).cast(dtype),
    };
    on_weights(weights).matmul(v)
}

/// `[batch, seq, heads·d_head]` to `[batch, heads, seq, d_head]`.
pub(crate) fn split_heads(x: Tensor<3>, heads: usize) -> Tensor<4> {
    let [batch, seq, width] = x.dims();
    x.reshape([batch, seq, heads, width / heads]).swap_dims(1, 2)
}

/// `[batch, heads, seq, d_head]` to `[batch, seq, heads·d_head]`.
pub(crate) fn merge_heads(x: Tensor<4>) -> Tensor<3> {
    let [batch, heads, seq, d_head] = x.dims();
    x.swap_dims(1, 2).reshape([batch, seq, heads * d_head])
}
