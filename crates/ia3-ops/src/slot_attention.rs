use std::sync::Arc;

use burn::tensor::Tensor;

/// Where the keys and values of a row lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SlotRow {
    /// The slot, an index of the first axis of the keys.
    pub slot: usize,
    /// The number of keys of the slot that the row sees: the first ones.
    pub keys: usize,
}

/// [`attention`](crate::attention) of rows with one query each, whose keys and values lie in slots of two buffers and have different
/// numbers: `softmax(scale·q·kᵀ + bias)·v` with the first [`SlotRow::keys`] keys of the row's slot. Each row has the same bits as by
/// itself. There is no gradient.
///
/// It is `None` where there is no kernel: on other backends than `flex`, and in other types than float32. Then call
/// [`attention`](crate::attention) for each row.
///
/// # Shapes
///
/// - `q`: `[rows, heads, 1, d]`; `keys`, `values`: `[slots, kv_heads, capacity, d]`
/// - `bias`: `[rows or 1, heads or 1, 1, n]`, with `n` at least the number of keys of each row
/// - returns `[rows, heads, 1, d]`
///
/// # Panics
///
/// Panics if there are not as many `rows` as queries, or if a slot does not have so many keys.
pub fn slot_attention(
    q: &Tensor<4>,
    [keys, values]: [&Tensor<4>; 2],
    bias: &Tensor<4>,
    scale: f64,
    rows: &Arc<Vec<SlotRow>>,
) -> Option<Tensor<4>> {
    #[cfg(feature = "flex")]
    if fits(q, [keys, values], bias, rows) {
        use crate::flex::FastOps;
        let [q, keys, values, bias] = [q, keys, values, bias].map(|x| x.clone().into_dispatch());
        let rows = rows.clone();
        let out = burn::backend::Dispatch::fast_slot_attention(q, keys, values, bias, scale as f32, rows);
        return Some(Tensor::from_dispatch(out));
    }
    let _ = (q, keys, values, bias, scale, rows);
    None
}

#[cfg(feature = "flex")]
fn fits(q: &Tensor<4>, [keys, values]: [&Tensor<4>; 2], bias: &Tensor<4>, rows: &[SlotRow]) -> bool {
    let [count, heads, queries, d] = q.dims();
    let [slots, kv_heads, capacity, _] = keys.dims();
    assert_eq!(count, rows.len(), "a row for each query");
    let longest = rows.iter().map(|row| row.keys).max().unwrap_or(0);
    let inside = rows.iter().all(|row| row.slot < slots && (1..=capacity).contains(&row.keys));
    assert!(inside, "{rows:?} in {slots} slots of {capacity} keys");
    let shapes =
        queries == 1 && values.dims() == keys.dims() && keys.dims()[3] == d && heads % kv_heads.max(1) == 0;
    let [of_rows, of_heads, one, of_keys] = bias.dims();
    let bias_fits =
        [1, count].contains(&of_rows) && [1, heads].contains(&of_heads) && one == 1 && of_keys >= longest;
    let empty = [count, heads, kv_heads, d].contains(&0);
    let all = [q, keys, values, bias];
    shapes && bias_fits && !empty && all.into_iter().all(|x| crate::on_flex(x) && !x.is_tracked())
}
