use std::ops::Range;

use burn::tensor::Tensor;
use ia3_core::ModelInfo;

/// The order of heads in the output of one projection to queries, keys and values.
///
/// The output is groups of equal size. A group holds some heads of queries, then heads of keys, then as many heads of values.
/// One group is `[q | k | v]` (GPT-2, Phi-3), one group for every head of keys is interleaved (Falcon, GPT-NeoX, Bloom).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FusedHeads {
    /// The number of groups.
    pub(crate) groups: usize,
    /// The heads of queries of a group.
    pub(crate) queries: usize,
    /// The heads of keys of a group, and of values.
    pub(crate) keys: usize,
    /// The width of a head.
    pub(crate) d_head: usize,
}

impl FusedHeads {
    /// One group: all queries, then all keys, then all values.
    pub(crate) fn in_order(queries: usize, keys: usize, d_head: usize) -> Self {
        Self { groups: 1, queries, keys, d_head }
    }

    /// A query, a key and a value of each head in turn.
    pub(crate) fn by_head(heads: usize, d_head: usize) -> Self {
        Self { groups: heads, queries: 1, keys: 1, d_head }
    }

    fn of_group(&self) -> usize {
        self.queries + 2 * self.keys
    }

    /// The width of the output.
    pub(crate) fn width(&self) -> usize {
        self.groups * self.of_group() * self.d_head
    }

    /// The heads of keys in all groups.
    pub(crate) fn kv_heads(&self) -> usize {
        self.groups * self.keys
    }

    /// Splits the output `[batch, seq, width]` into queries `[batch, heads, seq, d_head]`, and keys and values
    /// `[batch, kv_heads, seq, d_head]`.
    pub(crate) fn split(&self, fused: Tensor<3>) -> [Tensor<4>; 3] {
        let [batch, seq, _] = fused.dims();
        let fused = fused.reshape([batch, seq, self.groups, self.of_group(), self.d_head]);
        let parts = [(0, self.queries), (self.queries, self.keys), (self.queries + self.keys, self.keys)];
        parts.map(|(start, count)| {
            let part = fused.clone().narrow(3, start, count);
            part.reshape([batch, seq, self.groups * count, self.d_head]).swap_dims(1, 2)
        })
    }

    /// The outputs that are queries.
    pub(crate) fn query_outputs(&self) -> Vec<Range<usize>> {
        let start = |group: usize| group * self.of_group() * self.d_head;
        (0..self.groups).map(|group| start(group)..start(group) + self.queries * self.d_head).collect()
    }

    /// Records for every module whose path ends with `name` which of its outputs are queries.
    pub(crate) fn record(&self, mut info: ModelInfo, name: &str) -> ModelInfo {
        let ends = |path: &str| path.strip_suffix(name).is_some_and(|start| start.ends_with('.'));
        for module in info.modules.iter_mut().filter(|m| ends(&m.path)) {
            module.queries = self.query_outputs();
        }
        info
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::Device;

    #[test]
    fn heads_go_where_the_layout_says() {
        let fused = Tensor::<1>::from_floats([0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0], &Device::flex());
        let first = |heads: FusedHeads| {
            assert_eq!(heads.width(), 8);
            let parts = heads.split(fused.clone().reshape([1, 1, 8]));
            parts.map(|part| part.into_data().iter::<f32>().collect::<Vec<_>>())
        };
        let grouped = FusedHeads { groups: 2, queries: 2, keys: 1, d_head: 1 };
        assert_eq!(first(grouped), [vec![0.0, 1.0, 4.0, 5.0], vec![2.0, 6.0], vec![3.0, 7.0]]);
        assert_eq!(grouped.query_outputs(), [0..2, 4..6]);
        let in_order = FusedHeads::in_order(2, 1, 2);
        assert_eq!(first(in_order), [vec![0.0, 1.0, 2.0, 3.0], vec![4.0, 5.0], vec![6.0, 7.0]]);
        assert_eq!((in_order.query_outputs(), in_order.kv_heads()), (vec![0..4; 1], 1));
        assert_eq!(FusedHeads::by_head(2, 2).query_outputs(), [0..2, 6..8]);
    }
}
