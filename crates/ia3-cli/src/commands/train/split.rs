//! Holds out a share of the rows.

use anyhow::ensure;

/// The places of the rows to train on and of those to evaluate on, of `rows` rows, each in their order. At least one row is on
/// either side.
///
/// # Errors
///
/// `share` is not between 0 and 1, or there are fewer than two rows.
pub(super) fn by_share(rows: usize, share: f64, seed: u64) -> anyhow::Result<(Vec<usize>, Vec<usize>)> {
    ensure!(share > 0.0 && share < 1.0, "--eval-split is {share}, expected a share between 0 and 1");
    ensure!(rows > 1, "--eval-split needs at least 2 rows, and the data have {}", rows);
    let held_out = ((share * rows as f64).round() as usize).clamp(1, rows - 1);
    let mut order: Vec<usize> = (0..rows).collect();
    order.sort_by_key(|&row| (mixed(seed ^ mixed(row as u64)), row));
    let mut trained = order.split_off(held_out);
    trained.sort_unstable();
    order.sort_unstable();
    Ok((trained, order))
}

/// A number that looks random: the finaliser of splitmix64.
fn mixed(number: u64) -> u64 {
    let mut number = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_is_on_one_side_and_the_seed_decides_which() {
        let split = |seed| by_share(50, 0.1, seed).unwrap();
        let (trained, held_out) = split(42);
        assert_eq!((trained.len(), held_out.len()), (45, 5));
        let mut all = [trained.clone(), held_out.clone()].concat();
        all.sort_unstable();
        assert_eq!(all, (0..50).collect::<Vec<_>>());
        assert!(trained.is_sorted() && held_out.is_sorted());
        assert_eq!(split(42), (trained, held_out.clone()));
        assert_ne!(split(43).1, held_out);
        assert_eq!(by_share(2, 0.01, 0).unwrap().1.len(), 1);
    }

    #[test]
    fn shares_that_hold_out_nothing_or_all_are_refused() {
        for share in [0.0, 1.0, -0.1, f64::NAN] {
            assert!(by_share(2, share, 0).unwrap_err().to_string().contains("between 0 and 1"));
        }
        assert!(by_share(1, 0.5, 0).unwrap_err().to_string().contains("at least 2 rows"));
    }
}
