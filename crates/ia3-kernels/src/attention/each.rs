//! Attention of rows that have different numbers of keys.

use super::Attention;
use crate::threads::for_each_of;

/// The results of several calls of [`forward`](Attention::forward), one after the other, on all threads. Each has the bits that it has
/// alone.
///
/// # Panics
///
/// Panics as [`forward`](Attention::forward) does.
pub fn forward_each(all: &[Attention<'_>]) -> Vec<f32> {
    let len = |one: &Attention| one.batch * one.heads * one.queries * one.d;
    let mut out = vec![0.0; all.iter().map(len).sum()];
    let mut rest = out.as_mut_slice();
    let mut tasks = Vec::with_capacity(all.len());
    for one in all {
        let (own, after) = std::mem::take(&mut rest).split_at_mut(len(one));
        tasks.push((one, own));
        rest = after;
    }
    let work = all.iter().map(|one| len(one) * one.keys).sum();
    for_each_of(tasks, work, |(one, out)| out.copy_from_slice(&one.forward().0));
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::heads::Heads;

    #[test]
    fn each_has_the_bits_that_it_has_alone() {
        let data: Vec<f32> = (0..5000).map(|i| ((i * 37 % 101) as f32 - 50.0) / 25.0).collect();
        let heads = |offset, strides| Heads { data: &data, offset, strides };
        let one = |i: usize| {
            let keys = 1 + i * 5;
            let of_keys = |offset| heads(offset + i * 7, [0, 8 * keys as isize, 8, 1]);
            Attention {
                batch: 1,
                heads: 4,
                kv_heads: 2,
                queries: 1,
                keys,
                d: 8,
                q: heads(i * 32, [0, 8, 0, 1]),
                k: of_keys(100),
                v: of_keys(1100),
                bias: heads(3000, [0, 0, 0, 1]),
                scale: 0.5,
            }
        };
        let all: Vec<Attention> = (0..9).map(one).collect();
        let expected: Vec<f32> = all.iter().flat_map(|one| one.forward().0).collect();
        assert_eq!(forward_each(&all), expected);
        assert!(forward_each(&[]).is_empty());
    }
}
