use burn::nn::{Dropout, Linear};
use burn::tensor::Tensor;
use ia3_core::Ia3Forward;
use ia3_ops::{attention, attention_capped, attention_with};

use crate::cache::KvCache;
use crate::decoder_memory::Cross;
use crate::layers::{dropped, drops};

/// Dot-product attention with an additive bias: `softmax(scale·q·kᵀ + bias)·v`. The softmax is computed in float32. In training,
/// `dropout` is applied to its result.
///
/// If there are fewer heads of keys than of queries, consecutive query heads share a head of keys and values (grouped and
/// multi-query attention).
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
    scale: f64,
    dropout: &Dropout,
) -> Tensor<4> {
    match drops(dropout, &q.device()) {
        true => attention_with(q, k, v, bias, scale, |weights| dropped(dropout, weights)),
        false => attention(q, k, v, bias, scale),
    }
}

/// Appends keys and values to the cache, if there is one, and computes [`attend`] for all of them. The result is
/// `[batch, queries, heads·d_head]`.
pub(crate) fn attend_cached(
    heads: [Tensor<4>; 3],
    bias: Tensor<4>,
    scale: f64,
    dropout: &Dropout,
    cache: Option<&mut KvCache>,
) -> Tensor<3> {
    attend_capped(heads, bias, (scale, None), dropout, cache)
}

/// The same as [`attend_cached`], with scores between `-cap` and `cap` before the bias is added, if there is a `cap`:
/// `softmax(cap·tanh(scale·q·kᵀ / cap) + bias)·v`.
pub(crate) fn attend_capped(
    [q, k, v]: [Tensor<4>; 3],
    bias: Tensor<4>,
    (scale, cap): (f64, Option<f64>),
    dropout: &Dropout,
    cache: Option<&mut KvCache>,
) -> Tensor<3> {
    let attend = |[q, k, v]: [Tensor<4>; 3], bias| match cap {
        None => attend(q, k, v, Some(bias), scale, dropout),
        Some(cap) => attention_capped(q, k, v, Some(bias), [scale, cap], |weights| dropped(dropout, weights)),
    };
    merge_heads(match cache {
        None => attend([q, k, v], bias),
        Some(cache) => match cache.slots() {
            Some(slots) => slots.attend([q, k, v], bias, cap.is_none().then_some(scale), attend),
            None => {
                let [k, v] = cache.append(k, v);
                attend([q, k, v], bias)
            }
        },
    })
}

/// [`attend`] to the output of an encoder. The result is `[batch, queries, heads·d_head]`.
pub(crate) fn attend_across(q: Tensor<4>, cross: Cross, scale: f64, dropout: &Dropout) -> Tensor<3> {
    merge_heads(match cross {
        Cross::Batch([k, v], bias) => attend(q, k.clone(), v.clone(), Some(bias.clone()), scale, dropout),
        Cross::Slots(cache, rows, bias) => {
            let attend = |[q, k, v]: [Tensor<4>; 3], bias| attend(q, k, v, Some(bias), scale, dropout);
            cache.attend_to(q, rows, bias.clone(), Some(scale), attend)
        }
    })
}

/// The attention of a layer to itself: [`attend`] of the queries, keys and values that the three `layers` make of `x` `[batch, seq, d]`,
/// with scores divided by the root of the width of a head. The result is `[batch, seq, heads·d_head]`.
pub(crate) fn attend_within(
    x: Tensor<3>,
    layers: [&Linear; 3],
    heads: usize,
    bias: Option<Tensor<4>>,
    dropout: &Dropout,
) -> Tensor<3> {
    let [q, k, v] = layers.map(|layer| split_heads(layer.ia3_forward(x.clone()), heads));
    let scaling = (q.dims()[3] as f64).powf(-0.5);
    merge_heads(attend(q, k, v, bias, scaling, dropout))
}

/// Reshapes `[batch, seq, heads·d_head]` to `[batch, heads, seq, d_head]`.
pub(crate) fn split_heads(x: Tensor<3>, heads: usize) -> Tensor<4> {
    let [batch, seq, width] = x.dims();
    x.reshape([batch, seq, heads, width / heads]).swap_dims(1, 2)
}

/// Reshapes `[batch, heads, seq, d_head]` to `[batch, seq, heads·d_head]`.
pub(crate) fn merge_heads(x: Tensor<4>) -> Tensor<3> {
    let [batch, heads, seq, d_head] = x.dims();
    x.swap_dims(1, 2).reshape([batch, seq, heads * d_head])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layers::dropout;
    use burn::tensor::{Device, Distribution, Tolerance};

    #[test]
    fn grouped_heads_are_repeated_heads() {
        let device = Device::flex();
        let random = |heads| Tensor::<4>::random([2, heads, 3, 5], Distribution::Normal(0.0, 1.0), &device);
        let (q, k, v) = (random(6), random(2), random(2));
        let repeat = |x: Tensor<4>| x.reshape([2, 2, 1, 3, 5]).expand([2, 2, 3, 3, 5]).reshape([2, 6, 3, 5]);
        let dropout = dropout(0.0);
        let expected = attend(q.clone(), repeat(k.clone()), repeat(v.clone()), None, 1.0, &dropout);
        let got = attend(q, k, v, None, 1.0, &dropout);
        got.into_data().assert_approx_eq::<f32>(&expected.into_data(), Tolerance::absolute(1e-6));
    }
}
