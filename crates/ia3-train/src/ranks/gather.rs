//! What ranks computed of a common list, on each of them.

use super::Communicator;

/// What the parts of a list gave, of which rank `r` of `n` computed the parts `r`, `r + n`, …, on every rank; an error
/// says how many ranks have failed.
///
/// Two messages: how many numbers each part gave, and the numbers. Every sum has one summand that is not 0, so nothing is
/// rounded: the numbers come out as they were computed.
pub(crate) fn gather(
    own: Option<Vec<Vec<f32>>>,
    parts: usize,
    ranks: &dyn Communicator,
) -> Result<Vec<Vec<f32>>, usize> {
    let mine = |part: &usize| part % ranks.size() == ranks.rank();
    let failed = own.is_none();
    let own = own.unwrap_or_default();
    let mut head = vec![0.0; parts + 1];
    head[parts] = f32::from(failed);
    (0..parts).filter(mine).zip(&own).for_each(|(part, numbers)| head[part] = numbers.len() as f32);
    ranks.all_reduce_sum(&mut head);
    if head[parts] > 0.0 {
        return Err(head[parts] as usize);
    }
    let lengths: Vec<usize> = head[..parts].iter().map(|&length| length as usize).collect();
    let mut own = own.into_iter();
    let slot = |(part, &length): (usize, &usize)| match mine(&part) {
        true => own.next().unwrap_or_default(),
        false => vec![0.0; length],
    };
    let mut all: Vec<f32> = lengths.iter().enumerate().flat_map(slot).collect();
    ranks.all_reduce_sum(&mut all);
    let mut rest = all.as_slice();
    let cut = |&length: &usize| {
        let (part, behind) = rest.split_at(length);
        rest = behind;
        part.to_vec()
    };
    Ok(lengths.iter().map(cut).collect())
}
