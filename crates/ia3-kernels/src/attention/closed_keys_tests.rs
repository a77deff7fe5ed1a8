//! Keys that are left out against keys whose weights underflow to 0.

use super::*;

/// A bias that hides a key by its size alone, so that no key is left out.
const FAINT: f32 = -1e33;

/// The inputs of some heads in memory, with a bias for each query and key.
struct Case {
    dims: [usize; 6],
    data: Vec<f32>,
    bias: Vec<f32>,
}

impl Case {
    /// `bias(batch, query, key)`, where `hidden` stands for a key that is not seen.
    fn new(
        [batch, queries, keys]: [usize; 3],
        hidden: f32,
        sees: &dyn Fn(usize, usize, usize) -> bool,
    ) -> Self {
        let dims = [batch, 4, 2, queries, keys, 8];
        let len = batch * 4 * (2 * queries + 2 * keys) * 8;
        let data = (0..len).map(|i| ((i * 37 % 101) as f32 - 50.0) / 25.0).collect();
        let at = |i: usize| (i / (queries * keys), i / keys % queries, i % keys);
        let bias = (0..batch * queries * keys).map(at);
        Self { dims, data, bias: bias.map(|(b, q, k)| if sees(b, q, k) { 0.0 } else { hidden }).collect() }
    }

    fn heads(&self, part: usize, heads: usize, rows: usize) -> Heads<'_> {
        let (queries, keys) = (self.dims[3], self.dims[4]);
        let offset = [0, queries, queries + keys, queries + 2 * keys][part] * self.dims[0] * 32;
        let strides = [(heads * rows * 8) as isize, (rows * 8) as isize, 8, 1];
        Heads { data: &self.data, offset, strides }
    }

    fn attention(&self) -> Attention<'_> {
        let [batch, heads, kv_heads, queries, keys, d] = self.dims;
        let strides = [(queries * keys) as isize, 0, keys as isize, 1];
        let bias = Heads { data: &self.bias, offset: 0, strides };
        let (q, k, v) =
            (self.heads(0, heads, queries), self.heads(1, kv_heads, keys), self.heads(2, kv_heads, keys));
        Attention { batch, heads, kv_heads, queries, keys, d, q, k, v, bias, scale: 0.4 }
    }

    /// The statistics, the result and the three gradients.
    fn results(&self) -> Vec<Vec<f32>> {
        let (out, stats) = self.attention().forward();
        let g = self.heads(3, self.dims[1], self.dims[3]);
        let gradients = self.attention().gradient(&stats, g, [true; 3]);
        [stats.concat(), out].into_iter().chain(gradients.into_iter().flatten()).collect()
    }
}

/// Results differ by the rounding of sums of at most a few hundred terms.
fn agree(dims: [usize; 3], sees: impl Fn(usize, usize, usize) -> bool) {
    let [left_out, faint] = [f32::MIN / 2.0, FAINT].map(|hidden| Case::new(dims, hidden, &sees).results());
    for (got, expected) in left_out.iter().zip(&faint) {
        let seen = |x: &&f32| **x > FAINT;
        let most = expected.iter().filter(seen).fold(1.0f32, |most, x| most.max(x.abs()));
        let differences =
            got.iter().zip(expected).filter(|(_, x)| seen(x)).map(|(a, b)| (a - b).abs() / most);
        let worst = differences.fold(0.0, f32::max);
        assert!(worst < 2e-6, "{dims:?}: off by {worst:e}");
    }
}

#[test]
fn causal_masks_over_odd_lengths() {
    for length in [1, 63, 64, 65, 130, 257] {
        agree([2, length, length], |_, query, key| key <= query);
    }
}

#[test]
fn windows_cached_prefixes_and_padding() {
    agree([1, 200, 200], |_, query, key| key <= query && key + 70 > query);
    agree([1, 90, 261], |_, query, key| key <= query + 171);
    agree([1, 90, 261], |_, query, key| key <= query + 171 && key + 20 > query + 171);
    agree([2, 150, 150], |batch, query, key| key <= query && (batch == 0 || key >= 70 || query < 70));
    agree([2, 150, 150], |batch, _, key| batch == 0 || key < 3);
    agree([1, 1, 300], |_, _, key| key > 200);
}

#[test]
fn a_query_without_keys_weighs_all_of_them_alike() {
    // The padding on the left of a causal batch: the first 80 queries see nothing.
    agree([1, 150, 150], |_, query, key| key <= query && key >= 80);
}

#[test]
fn blocks_leave_out_the_keys_that_no_query_sees() {
    let case = Case::new([1, 300, 300], f32::MIN / 2.0, &|_, query, key| key <= query && key + 100 > query);
    let attention = case.attention();
    let inputs = attention.inputs();
    let visible: Vec<_> = inputs.blocks().map(|queries| inputs.visible([0, 0], queries)).collect();
    assert_eq!(visible, [0..64, 0..128, 0..192, 64..256, 128..300]);
}
