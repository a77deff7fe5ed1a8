//! The results of work that ranks share, on each of them.

use super::{Communicator, Message};
use crate::error::TrainError;

/// The results of `parts` parts of work, in order, on every rank. Rank `r` of `n` has computed the parts `r`, `r + n`, …
/// and passes their results, or `None` if it failed.
///
/// The inner error is the number of ranks that failed. The outer error is [`TrainError::RankMessage`].
pub(crate) fn gather<T: Message>(
    own: Option<Vec<T>>,
    parts: usize,
    ranks: &dyn Communicator,
) -> Result<Result<Vec<T>, usize>, TrainError> {
    let mut by_rank = vec![];
    for (rank, bytes) in ranks.all_gather(&own.to_bytes()).iter().enumerate() {
        let expected = parts.saturating_sub(rank).div_ceil(ranks.size());
        let results = Option::<Vec<T>>::from_bytes(bytes);
        let results = results.filter(|own| own.as_ref().is_none_or(|own| own.len() == expected));
        by_rank.push(results.ok_or(TrainError::RankMessage { rank })?.map(Vec::into_iter));
    }
    let failed = by_rank.iter().filter(|results| results.is_none()).count();
    if failed > 0 {
        return Ok(Err(failed));
    }
    let mut by_rank: Vec<_> = by_rank.into_iter().flatten().collect();
    let size = by_rank.len();
    Ok(Ok((0..parts).filter_map(|part| by_rank[part % size].next()).collect()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ranks::threads::{Thread, threads};

    /// What each rank gets if rank `r` computes `part` of the parts `r`, `r + n`, …
    fn on_each(
        size: usize,
        parts: usize,
        part: impl Fn(usize) -> Vec<i64> + Sync,
        fails: impl Fn(usize) -> bool + Sync,
    ) -> Vec<Result<Vec<Vec<i64>>, usize>> {
        let (part, fails) = (&part, &fails);
        let work = |rank: Thread| {
            let own = (rank.rank()..parts).step_by(size).map(part).collect();
            gather((!fails(rank.rank())).then_some(own), parts, &rank).unwrap()
        };
        std::thread::scope(|scope| {
            let run = |rank| scope.spawn(move || work(rank));
            let running: Vec<_> = threads(size).into_iter().map(run).collect();
            running.into_iter().map(|thread| thread.join().unwrap()).collect()
        })
    }

    #[test]
    fn ids_of_any_size_and_lists_of_any_length_arrive_unchanged() {
        let ids = [(1 << 24) + 1, -(1 << 24) - 1, (1 << 53) + 1, i64::MAX, i64::MIN, 0, 3];
        let part = |part: usize| ids.into_iter().cycle().skip(part).take(part % 4 * 3).collect::<Vec<i64>>();
        for size in 1..=4 {
            for parts in [0, 1, 3, 4, 11] {
                let expected: Vec<Vec<i64>> = (0..parts).map(part).collect();
                for got in on_each(size, parts, part, |_| false) {
                    assert_eq!(got.as_ref(), Ok(&expected), "{size} ranks, {parts} parts");
                }
            }
        }
    }

    #[test]
    fn every_rank_learns_how_many_failed() {
        assert!(on_each(3, 5, |_| vec![1], |rank| rank > 0).into_iter().all(|got| got == Err(2)));
    }

    #[test]
    fn a_message_with_another_number_of_results_is_refused() {
        let error = gather(Some(vec![1i64]), 2, &crate::ranks::Alone).unwrap_err();
        assert!(matches!(error, TrainError::RankMessage { rank: 0 }), "{error}");
    }
}
