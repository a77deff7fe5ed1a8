//! Attention masks as additive biases. The bias is 0 for a key that a query sees, and a large negative number for a key that it
//! does not see.
//!
//! The number is finite, so that a query that sees no key gets equal weights instead of NaN.

use burn::tensor::{Bool, DType, Device, Int, Tensor};

/// Half of the most negative float32, so that adding a position bias or another mask cannot overflow.
const BLOCKED: f32 = f32::MIN / 2.0;

/// The dtype of the mask for states of `dtype`. The scores of float16 states are float32, and can be larger than any float16.
fn dtype_for(dtype: DType) -> DType {
    if dtype == DType::F16 { DType::F32 } else { dtype }
}

/// Converts an `attention_mask` `[batch, keys]`, which is 1 for a real token, to a bias `[batch, 1, 1, keys]`.
pub(crate) fn padding(attention_mask: Tensor<2, Int>, dtype: DType) -> Tensor<4> {
    let [batch, keys] = attention_mask.dims();
    additive(attention_mask.equal_scalar(0).reshape([batch, 1, 1, keys]), dtype)
}

/// The bias `[1, 1, queries, keys]` of causal attention. Query `i` is at position `past + i`. It sees no later key, and with a
/// `window` only the last `window` keys including its own.
pub(crate) fn causal(
    queries: usize,
    past: usize,
    window: Option<usize>,
    device: &Device,
    dtype: DType,
) -> Tensor<4> {
    let keys = past + queries;
    let position = Tensor::<1, Int>::arange(0..keys as i64, device);
    let query = position.clone().slice_dim(0, past..keys).reshape([queries, 1]).expand([queries, keys]);
    let key = position.reshape([1, keys]).expand([queries, keys]);
    let later = key.clone().greater(query.clone());
    let blocked = match window.filter(|&window| window < keys) {
        Some(window) => later.bool_or(key.lower_equal(query - window as i64)),
        None => later,
    };
    additive(blocked.reshape([1, 1, queries, keys]), dtype)
}

/// The bias of an encoder for states `x` `[batch, seq, d]`, `[batch or 1, 1, queries or 1, keys]`: a token sees only real tokens
/// and, with `causal_too`, only itself and the tokens before it. It is `None` if every token sees every other.
pub(crate) fn of_encoder(
    attention_mask: Option<&Tensor<2, Int>>,
    causal_too: bool,
    x: &Tensor<3>,
) -> Option<Tensor<4>> {
    let padding = attention_mask.cloned().map(|mask| padding(mask, x.dtype()));
    let causal = causal_too.then(|| causal(x.dims()[1], 0, None, &x.device(), x.dtype()));
    match (padding, causal) {
        (Some(padding), Some(causal)) => Some(padding + causal),
        (padding, causal) => padding.or(causal),
    }
}

/// The bias `[batch, 1, seq, seq]` of DeBERTa: only real tokens see, and are seen. Padding sees all tokens alike.
pub(crate) fn of_pairs(attention_mask: &Tensor<2, Int>, dtype: DType) -> Tensor<4> {
    let [batch, seq] = attention_mask.dims();
    let real = |shape: [usize; 4]| attention_mask.clone().not_equal_scalar(0).int().reshape(shape);
    let pairs = real([batch, 1, seq, 1]) * real([batch, 1, 1, seq]);
    additive(pairs.equal_scalar(0), dtype)
}

/// The bias `[1, 1, seq, seq]` of a window on both sides: a token sees only tokens that are at most `reach` away from it.
pub(crate) fn around(seq: usize, reach: usize, device: &Device, dtype: DType) -> Tensor<4> {
    let position = Tensor::<1, Int>::arange(0..seq as i64, device);
    let apart = position.clone().reshape([seq, 1]) - position.reshape([1, seq]);
    additive(apart.abs().greater_elem(reach as i64).reshape([1, 1, seq, seq]), dtype)
}

/// The bias `[batch or 1, 1, 1, keys]` of batch entries of one token each, at `positions` `[batch, 1]`: it hides keys before the last
/// `window` ones. Later keys are not hidden; they are not there.
pub(crate) fn window_before(
    positions: &Tensor<2, Int>,
    keys: usize,
    window: Option<usize>,
    dtype: DType,
) -> Tensor<4> {
    let ([batch, _], device) = (positions.dims(), positions.device());
    let Some(window) = window.filter(|&window| window < keys) else { return open(keys, &device, dtype) };
    let key = Tensor::<1, Int>::arange(0..keys as i64, &device).reshape([1, keys]).expand([batch, keys]);
    let first = positions.clone().expand([batch, keys]) - window as i64;
    additive(key.lower_equal(first).reshape([batch, 1, 1, keys]), dtype)
}

/// The bias `[1, 1, 1, keys]` that hides no key.
pub(crate) fn open(keys: usize, device: &Device, dtype: DType) -> Tensor<4> {
    Tensor::zeros([1, 1, 1, keys], (device, dtype_for(dtype)))
}

fn additive(blocked_at: Tensor<4, Bool>, dtype: DType) -> Tensor<4> {
    let zeros = Tensor::zeros(blocked_at.shape(), (&blocked_at.device(), dtype_for(dtype)));
    zeros.mask_fill(blocked_at, BLOCKED)
}

/// Selects from states `[batch, seq, d]` the state of the last real token of each row, `[batch, 1, d]`. In a row that is only
/// padding, it selects the last token.
pub(crate) fn last_real(x: Tensor<3>, mask: Option<&Tensor<2, Int>>) -> Tensor<3> {
    let [batch, seq, d] = x.dims();
    let Some(mask) = mask else { return x.narrow(1, seq - 1, 1) };
    let position = Tensor::<1, Int>::arange(1..seq as i64 + 1, &mask.device()).unsqueeze::<2>();
    let last = (mask.clone().not_equal_scalar(0).int() * position).max_dim(1);
    let last = last.clone().mask_fill(last.equal_scalar(0), seq as i64) - 1;
    x.gather(1, last.reshape([batch, 1, 1]).expand([batch, 1, d]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::activation::softmax;

    #[test]
    fn later_keys_are_blocked_also_behind_a_cache() {
        let device = Device::flex();
        let open = |mask: Tensor<4>| mask.equal_scalar(0.0).int().into_data().convert::<i64>();
        let full = open(causal(3, 0, None, &device, DType::F32));
        assert_eq!(full.as_slice::<i64>().unwrap(), [1, 0, 0, 1, 1, 0, 1, 1, 1]);
        let step = open(causal(1, 2, None, &device, DType::F32));
        assert_eq!(step.as_slice::<i64>().unwrap(), [1, 1, 1]);
        let window = open(causal(2, 2, Some(2), &device, DType::F32));
        assert_eq!(window.as_slice::<i64>().unwrap(), [0, 1, 1, 0, 0, 0, 1, 1]);
    }

    #[test]
    fn a_window_reaches_to_both_sides() {
        let device = Device::flex();
        let open = around(4, 1, &device, DType::F32).equal_scalar(0.0).int().into_data().convert::<i64>();
        assert_eq!(open.as_slice::<i64>().unwrap(), [1, 1, 0, 0, 1, 1, 1, 0, 0, 1, 1, 1, 0, 0, 1, 1]);
    }

    #[test]
    fn a_row_that_sees_nothing_is_even_and_finite() {
        let device = Device::flex();
        let nothing = Tensor::<2, Int>::zeros([1, 4], &device);
        let mask = padding(nothing, DType::F32) + causal(4, 0, None, &device, DType::F32);
        let weights = softmax(mask, 3).into_data().convert::<f32>();
        assert!(weights.iter::<f32>().all(|w| w.is_finite()), "{weights}");
    }
}
