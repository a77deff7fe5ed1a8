use burn::tensor::{Int, Tensor};

use crate::slot_cache::SlotCache;

/// The number of tokens that a cache allocates at first. Longer generations double the allocation when it is full.
const FIRST: usize = 1024;

/// The keys and values of the tokens so far, in buffers that are allocated in advance.
///
/// A buffer is `[batch, heads, capacity, d_head]`. It is written in place, because nothing else refers to it between two
/// steps.
#[derive(Debug)]
pub(crate) struct KvCache {
    buffers: Option<[Tensor<4>; 2]>,
    len: usize,
    expected: usize,
    /// The cache of sequences of different lengths, in its place.
    slots: Option<SlotCache>,
}

impl KvCache {
    /// An empty cache for `expected` tokens.
    pub(crate) fn new(expected: usize) -> Self {
        Self { buffers: None, len: 0, expected, slots: None }
    }

    /// The cache of a block for sequences in slots.
    pub(crate) fn of_slots(slots: SlotCache) -> Self {
        Self { slots: Some(slots), ..Self::new(0) }
    }

    /// The cache of slots, if it is one.
    pub(crate) fn slots(&mut self) -> Option<&mut SlotCache> {
        self.slots.as_mut()
    }

    /// The number of tokens in the cache.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// Appends `k` and `v`, each `[batch, heads, new, d_head]`, and returns all keys and values so far.
    pub(crate) fn append(&mut self, k: Tensor<4>, v: Tensor<4>) -> [Tensor<4>; 2] {
        let [batch, heads, new, d_head] = k.dims();
        let (start, end) = (self.len, self.len + new);
        let slot = |range| [0..batch, 0..heads, range, 0..d_head];
        let [keys, values] = self.room(end, &k);
        let buffers = [keys.slice_assign(slot(start..end), k), values.slice_assign(slot(start..end), v)];
        self.len = end;
        let filled = buffers.clone().map(|buffer| buffer.slice(slot(0..end)));
        self.buffers = Some(buffers);
        filled
    }

    /// Forgets all tokens but the first `len`.
    pub(crate) fn truncate(&mut self, len: usize) {
        self.len = self.len.min(len);
    }

    /// Makes row `i` of the cache what row `rows[i]` was.
    pub(crate) fn select(&mut self, rows: &Tensor<1, Int>) {
        self.buffers =
            self.buffers.take().map(|buffers| buffers.map(|buffer| buffer.select(0, rows.clone())));
    }

    /// Takes the buffers out of the cache. They have room for at least `needed` tokens.
    fn room(&mut self, needed: usize, like: &Tensor<4>) -> [Tensor<4>; 2] {
        let [batch, heads, _, d_head] = like.dims();
        let zeros = |tokens| Tensor::zeros([batch, heads, tokens, d_head], (&like.device(), like.dtype()));
        match self.buffers.take() {
            None => [(); 2].map(|()| zeros(self.expected.min(FIRST).max(needed))),
            Some(buffers) if buffers[0].dims()[2] >= needed => buffers,
            Some(buffers) => {
                let more = buffers[0].dims()[2].max(needed);
                buffers.map(|buffer| Tensor::cat(vec![buffer, zeros(more)], 2))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::Device;

    #[test]
    fn everything_appended_comes_back_also_beyond_what_was_expected() {
        let device = Device::flex();
        let mut cache = KvCache::new(2);
        for step in 0..5 {
            let token = |sign: f32| Tensor::<4>::full([1, 2, 1, 3], sign * step as f32, &device);
            let [keys, values] = cache.append(token(1.0), token(-1.0));
            assert_eq!(keys.dims(), [1, 2, step + 1, 3]);
            let all = |t: Tensor<4>| -> Vec<f32> {
                t.slice([0..1, 1..2, 0..step + 1, 2..3]).into_data().iter().collect()
            };
            let expected: Vec<f32> = (0..=step).map(|s| s as f32).collect();
            assert_eq!(all(keys), expected);
            assert_eq!(all(values), expected.iter().map(|v| -v).collect::<Vec<_>>());
        }
        assert_eq!(cache.len(), 5);
        cache.truncate(7);
        cache.truncate(3);
        let new = || Tensor::<4>::full([1, 2, 1, 3], 9.0, &device);
        let [keys, _] = cache.append(new(), new());
        let keys: Vec<f32> = keys.slice([0..1, 1..2, 0..4, 2..3]).into_data().iter().collect();
        assert_eq!(keys, [0.0, 1.0, 2.0, 9.0]);
    }
}
