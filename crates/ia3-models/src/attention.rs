use burn::tensor::{DType, Tensor, activation::softmax};

/// Dot-product attention with an additive bias: `softmax(q·kᵀ + bias)·v`, the softmax in float32.
///
/// `on_weights` sees the weights before they meet the values, for dropout. Where there are fewer heads of keys than
/// of queries, consecutive query heads share one (grouped and multi-query attention).
///
/// # Shapes
///
/// - `q`: `[batch, heads, queries, d_head]`; `k`, `v`: `[batch, kv_heads, keys, d_head]`
/// - `bias`: broadcasts to `[batch, heads, queries, keys]`
pub(crate) fn attend(
    q: Tensor<4>,
    k: Tensor<4>,
    v: Tensor<4>,
    bias: Option<Tensor<4>>,
    on_weights: impl FnOnce(Tensor<4>) -> Tensor<4>,
) -> Tensor<4> {
    let dtype = q.dtype();
    let [batch, heads, queries, d_head] = q.dims();
    let [_, kv_heads, keys, _] = k.dims();
    let rows = heads / kv_heads * queries;
    let scores = q.reshape([batch, kv_heads, rows, d_head]).matmul(k.swap_dims(2, 3));
    let scores = scores.reshape([batch, heads, queries, keys]);
    let scores = match bias {
        Some(bias) => scores + bias,
        None => scores,
    };
    let weights = match dtype {
        DType::F32 => softmax(scores, 3),
        _ => softmax(scores.cast(DType::F32), 3).cast(dtype),
    };
    let weights = on_weights(weights).reshape([batch, kv_heads, rows, keys]);
    weights.matmul(v).reshape([batch, heads, queries, d_head])
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

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::{Device, Distribution, Tolerance};

    #[test]
    fn grouped_heads_are_repeated_heads() {
        let device = Device::flex();
        let random = |heads| Tensor::<4>::random([2, heads, 3, 5], Distribution::Normal(0.0, 1.0), &device);
        let (q, k, v) = (random(6), random(2), random(2));
        let repeat = |x: Tensor<4>| x.reshape([2, 2, 1, 3, 5]).expand([2, 2, 3, 3, 5]).reshape([2, 6, 3, 5]);
        let expected = attend(q.clone(), repeat(k.clone()), repeat(v.clone()), None, |w| w);
        let got = attend(q, k, v, None, |w| w);
        got.into_data().assert_approx_eq::<f32>(&expected.into_data(), Tolerance::absolute(1e-6));
    }
}
