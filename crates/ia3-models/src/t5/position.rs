/// The bucket of every pair of a query at one of the `positions` and one of the first `keys` keys, in row-major order, as in `_relative_position_bucket` of Hugging Face's T5.
///
/// Half of the buckets stand for one distance each. The other half stand for ranges of distances that grow logarithmically up
/// to `max_distance`. With `bidirectional`, half of all buckets are for keys after the query; otherwise all such keys have
/// bucket 0.
pub(crate) fn buckets(
    positions: &[usize],
    keys: usize,
    bidirectional: bool,
    num_buckets: usize,
    max_distance: usize,
) -> Vec<i32> {
    let of_pair = |query: usize, key: usize| {
        bucket(key as i64 - query as i64, bidirectional, num_buckets, max_distance)
    };
    positions.iter().flat_map(|&query| (0..keys).map(move |key| of_pair(query, key))).collect()
}

fn bucket(relative: i64, bidirectional: bool, num_buckets: usize, max_distance: usize) -> i32 {
    let (first, count, distance) = match bidirectional {
        true => {
            let half = num_buckets / 2;
            (if relative > 0 { half } else { 0 }, half, relative.unsigned_abs() as usize)
        }
        false => (0, num_buckets, (-relative).max(0) as usize),
    };
    (first + within(distance, count, max_distance)) as i32
}

/// The bucket of a distance among `count` buckets. It is computed in float32, as PyTorch does.
fn within(distance: usize, count: usize, max_distance: usize) -> usize {
    let exact = count / 2;
    if distance < exact {
        return distance;
    }
    let octaves = (distance as f32 / exact as f32).ln();
    let span = (max_distance as f64 / exact as f64).ln() as f32;
    let log = exact + (octaves / span * (count - exact) as f32) as usize;
    log.min(count - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Values of `T5Attention._relative_position_bucket` of transformers 5.23.
    #[test]
    fn buckets_are_those_of_transformers() {
        let b = |relative, bidirectional| bucket(relative, bidirectional, 32, 128);
        let distances = [0, 1, 7, 8, 9, 12, 16, 20, 32, 64, 127, 128, 1000];
        let before: Vec<_> = distances.iter().map(|d| b(-d, true)).collect();
        assert_eq!(before, [0, 1, 7, 8, 8, 9, 10, 10, 12, 14, 15, 15, 15]);
        let after: Vec<_> = distances.iter().map(|d| b(*d, true)).collect();
        assert_eq!(after, [0, 17, 23, 24, 24, 25, 26, 26, 28, 30, 31, 31, 31]);
        let causal: Vec<_> = distances.iter().map(|d| b(-d, false)).collect();
        assert_eq!(causal, [0, 1, 7, 8, 9, 12, 16, 17, 21, 26, 31, 31, 31]);
        assert_eq!(b(5, false), 0);
    }

    #[test]
    fn a_step_behind_a_cache_is_the_last_row() {
        let all = buckets(&[0, 1, 2, 3, 4, 5], 6, false, 8, 16);
        assert_eq!(buckets(&[5], 6, false, 8, 16), all[30..]);
    }
}
