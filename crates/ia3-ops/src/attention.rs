use burn::tensor::{DType, Tensor};

use crate::softmax_last;

/// Dot-product attention, `softmax(scale·q·kᵀ + bias)·v` (arXiv 1706.03762). The softmax is computed in float32,
/// and float16 altogether, because scores can be larger than any float16; on `flex` bfloat16 is too, because its kernel is float32.
///
/// If there are fewer heads of keys than of queries, consecutive query heads share one (grouped and multi-query
/// attention). On `flex` in float32 the weights are never stored; the backward pass computes them again. The result then
/// lies in memory as `[batch, queries, heads, d]`, so swapping the two axes and folding the heads copies nothing.
///
/// If `bias` needs a gradient, burn's own operations compute the attention, and they store the weights.
///
/// # Shapes
///
/// - `q`: `[batch, heads, queries, d]`; `k`, `v`: `[batch, kv_heads, keys, d]`
/// - `bias`: broadcasts to `[batch, heads, queries, keys]`
/// - returns `[batch, heads, queries, d]`
///
/// # Panics
///
/// Panics if the shapes do not match each other.
pub fn attention(q: Tensor<4>, k: Tensor<4>, v: Tensor<4>, bias: Option<Tensor<4>>, scale: f64) -> Tensor<4> {
    if is_widened(&q) {
        let dtype = q.dtype();
        let [q, k, v] = [q, k, v].map(|x| x.cast(DType::F32));
        return attention(q, k, v, bias.map(|bias| bias.cast(DType::F32)), scale).cast(dtype);
    }
    #[cfg(feature = "flex")]
    if fits(&q, &k, &v, bias.as_ref()) {
        use crate::flex::FastOps;
        let none = || Tensor::zeros([1, 1, 1, k.dims()[2]], &k.device());
        let bias = bias.unwrap_or_else(none);
        let [q, k, v, bias] = [q, k, v, bias].map(Tensor::into_dispatch);
        let out = burn::backend::Dispatch::fast_attention(q, k, v, bias, scale as f32);
        return Tensor::from_dispatch(out);
    }
    attention_with(q, k, v, bias, scale, |weights| weights)
}

/// The same as [`attention`], composed of burn's operations. `on_weights` maps the weights `[batch, heads, queries, keys]` before they are
/// multiplied by the values; a model applies dropout there.
///
/// # Panics
///
/// Panics if the shapes do not match each other.
pub fn attention_with(
    q: Tensor<4>,
    k: Tensor<4>,
    v: Tensor<4>,
    bias: Option<Tensor<4>>,
    scale: f64,
    on_weights: impl FnOnce(Tensor<4>) -> Tensor<4>,
) -> Tensor<4> {
    composed([q, k, v], bias, scale, |scores| scores, on_weights)
}

/// The same as [`attention_with`] with scores between `-cap` and `cap`: `softmax(cap·tanh(scale·q·kᵀ / cap) + bias)·v`
/// (arXiv 2408.00118).
///
/// # Panics
///
/// Panics if the shapes do not match each other.
pub fn attention_capped(
    q: Tensor<4>,
    k: Tensor<4>,
    v: Tensor<4>,
    bias: Option<Tensor<4>>,
    [scale, cap]: [f64; 2],
    on_weights: impl FnOnce(Tensor<4>) -> Tensor<4>,
) -> Tensor<4> {
    composed([q, k, v], bias, scale, |scores| (scores / cap).tanh() * cap, on_weights)
}

fn composed(
    [q, k, v]: [Tensor<4>; 3],
    bias: Option<Tensor<4>>,
    scale: f64,
    on_scores: impl FnOnce(Tensor<4>) -> Tensor<4>,
    on_weights: impl FnOnce(Tensor<4>) -> Tensor<4>,
) -> Tensor<4> {
    if q.dtype() == DType::F16 {
        let wide = [q, k, v].map(|x| x.cast(DType::F32));
        let bias = bias.map(|bias| bias.cast(DType::F32));
        return composed(wide, bias, scale, on_scores, on_weights).cast(DType::F16);
    }
    let dtype = q.dtype();
    let [batch, heads, queries, d] = q.dims();
    let [_, kv_heads, keys, _] = k.dims();
    let rows = heads / kv_heads * queries;
    let q = if scale == 1.0 { q } else { q * scale };
    let scores = q.reshape([batch, kv_heads, rows, d]).matmul(k.swap_dims(2, 3));
    let scores = on_scores(scores.reshape([batch, heads, queries, keys]));
    let scores = match bias {
        Some(bias) => scores + bias,
        None => scores,
    };
    let weights = match dtype {
        DType::F32 => softmax_last(scores),
        _ => softmax_last(scores.cast(DType::F32)).cast(dtype),
    };
    let weights = on_weights(weights).reshape([batch, kv_heads, rows, keys]);
    weights.matmul(v).reshape([batch, heads, queries, d])
}

/// Whether the attention of these queries is computed in float32 and rounded: the scores of float16 may be larger than any float16, and
/// `flex` has a kernel for float32.
fn is_widened(q: &Tensor<4>) -> bool {
    #[cfg(feature = "flex")]
    if q.dtype() == DType::BF16 && crate::is_flex(&q.device()) {
        return true;
    }
    q.dtype() == DType::F16
}

/// Whether the kernel can compute the attention.
#[cfg(feature = "flex")]
fn fits(q: &Tensor<4>, k: &Tensor<4>, v: &Tensor<4>, bias: Option<&Tensor<4>>) -> bool {
    let [batch, heads, queries, d] = q.dims();
    let [_, kv_heads, keys, _] = k.dims();
    let of_keys = [batch, kv_heads, keys, d];
    let shapes = k.dims() == of_keys && v.dims() == of_keys && heads % kv_heads.max(1) == 0;
    let empty = [batch, kv_heads, heads, queries, keys, d].contains(&0);
    let fast = [q, k, v].into_iter().chain(bias).all(crate::on_flex);
    let bias_fits = bias.is_none_or(|bias| {
        let repeats =
            bias.dims().into_iter().zip([batch, heads, queries]).all(|(dim, of)| dim == of || dim == 1);
        repeats && bias.dims()[3] == keys && !bias.is_tracked()
    });
    shapes && !empty && fast && bias_fits
}
