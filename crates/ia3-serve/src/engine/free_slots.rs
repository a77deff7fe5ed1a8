//! The slots that no request uses, and what they still hold.

/// A slot and the tokens whose keys and values it holds.
#[derive(Clone, Copy, Debug)]
pub(super) struct Held<'a> {
    pub(super) slot: usize,
    pub(super) tokens: &'a [i64],
    /// The adapter under which they were computed.
    pub(super) adapter: Option<u64>,
}

/// A slot for a request, and the first tokens of its prompt that are in the cache already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Taken {
    pub(super) slot: usize,
    /// The slot that holds these tokens: the same one, or another whose tokens have to be copied.
    pub(super) from: usize,
    pub(super) len: usize,
}

/// The free slots: empty ones, then those with tokens, which a request with the same beginning can use again, in the order in which
/// they became free.
#[derive(Debug)]
pub(super) struct FreeSlots(Vec<Free>);

#[derive(Debug)]
struct Free {
    slot: usize,
    tokens: Vec<i64>,
    adapter: Option<u64>,
}

impl FreeSlots {
    pub(super) fn new(slots: usize) -> Self {
        let empty = |slot| Free { slot, tokens: vec![], adapter: None };
        Self((0..slots).map(empty).collect())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Gives a slot back with the tokens that it holds.
    pub(super) fn give(&mut self, slot: usize, tokens: Vec<i64>, adapter: Option<u64>) {
        let place = if tokens.is_empty() { 0 } else { self.0.len() };
        self.0.insert(place, Free { slot, tokens, adapter });
    }

    /// A slot for a prompt, with the longest beginning of it that this or another slot holds under the same adapter. The last token
    /// of a prompt is always read, because its logits are needed. `None` if no slot is free.
    pub(super) fn take<'a>(
        &mut self,
        prompt: &[i64],
        adapter: Option<u64>,
        running: impl Iterator<Item = Held<'a>>,
    ) -> Option<Taken> {
        let in_common = |held: &Held| if held.adapter == adapter { common(prompt, held.tokens) } else { 0 };
        let of_free = self.0.iter().map(|free| in_common(&free.held()));
        let (index, of_free) = of_free.enumerate().max_by_key(|(_, len)| *len)?;
        let running = running.map(|held| (held.slot, in_common(&held))).max_by_key(|(_, len)| *len);
        let (from, of_running) = running.unwrap_or_default();
        Some(if of_free > 0 && of_free >= of_running {
            let slot = self.0.remove(index).slot;
            Taken { slot, from: slot, len: of_free }
        } else {
            let slot = self.0.remove(0).slot;
            Taken { slot, from: if of_running == 0 { slot } else { from }, len: of_running }
        })
    }
}

impl Free {
    fn held(&self) -> Held<'_> {
        Held { slot: self.slot, tokens: &self.tokens, adapter: self.adapter }
    }
}

/// The number of tokens with which both begin, of the prompt at most all but its last.
fn common(prompt: &[i64], held: &[i64]) -> usize {
    let most = prompt.len().saturating_sub(1);
    prompt[..most].iter().zip(held).take_while(|(a, b)| a == b).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn take(free: &mut FreeSlots, prompt: &[i64], adapter: Option<u64>) -> Option<Taken> {
        free.take(prompt, adapter, std::iter::empty())
    }

    #[test]
    fn the_longest_beginning_under_the_same_adapter_is_used_again() {
        let mut free = FreeSlots::new(1);
        free.give(1, vec![1, 2, 3, 4], None);
        free.give(2, vec![1, 2, 9], None);
        free.give(3, vec![1, 2, 3, 4, 5], Some(7));
        assert_eq!(take(&mut free, &[1, 2, 3, 4], None), Some(Taken { slot: 1, from: 1, len: 3 }));
        assert_eq!(take(&mut free, &[1, 2, 3, 4], Some(8)), Some(Taken { slot: 0, from: 0, len: 0 }));
        assert_eq!(take(&mut free, &[1, 2, 3, 4, 5, 6], Some(7)), Some(Taken { slot: 3, from: 3, len: 5 }));
        assert_eq!(take(&mut free, &[5], None), Some(Taken { slot: 2, from: 2, len: 0 }));
        assert_eq!(take(&mut free, &[5], None), None);
    }

    #[test]
    fn the_beginning_of_a_running_request_is_copied() {
        let mut free = FreeSlots::new(1);
        free.give(1, vec![1, 2], None);
        let running = [Held { slot: 5, tokens: &[1, 2, 3, 4], adapter: None }];
        let taken = free.take(&[1, 2, 3, 9], None, running.into_iter());
        assert_eq!(taken, Some(Taken { slot: 0, from: 5, len: 3 }), "an empty slot takes the copy");
        let taken = free.take(&[1, 2, 9], None, running.into_iter());
        assert_eq!(taken, Some(Taken { slot: 1, from: 1, len: 2 }), "no copy where it is as long");
    }
}
