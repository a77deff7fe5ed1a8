use burn::tensor::Tensor;

/// Keys and values of the tokens so far, in buffers allocated once for the whole generation.
///
/// A buffer is `[batch, heads, capacity, d_head]` and is written in place, as nobody else holds it
/// between two steps.
#[derive(Debug)]
pub(crate) struct KvCache {
    buffers: Option<[Tensor<4>; 2]>,
    len: usize,
    capacity: usize,
}

impl KvCache {
    pub(crate) fn new(capacity: usize) -> Self {
        Self { buffers: None, len: 0, capacity }
    }

    /// How many tokens it holds.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// Appends `k` and `v` (`[batch, heads, new, d_head]`) and returns all keys and values so far.
    ///
    /// # Panics
    ///
    /// Panics beyond the capacity.
    pub(crate) fn append(&mut self, k: Tensor<4>, v: Tensor<4>) -> [Tensor<4>; 2] {
        let [batch, heads, new, d_head] = k.dims();
        let (start, end) = (self.len, self.len + new);
        assert!(end <= self.capacity, "the cache holds {} tokens, not {end}", self.capacity);
        let fresh = || {
            let shape = [batch, heads, self.capacity, d_head];
            [(); 2].map(|()| Tensor::zeros(shape, (&k.device(), k.dtype())))
        };
        let [keys, values] = self.buffers.take().unwrap_or_else(fresh);
        let slot = [0..batch, 0..heads, start..end, 0..d_head];
        let buffers = [keys.slice_assign(slot.clone(), k), values.slice_assign(slot, v)];
        self.len = end;
        let filled = buffers.clone().map(|b| b.slice([0..batch, 0..heads, 0..end, 0..d_head]));
        self.buffers = Some(buffers);
        filled
    }
}
