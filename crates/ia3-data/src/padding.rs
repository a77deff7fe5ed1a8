/// The share of tokens that are padding, if each batch is padded to its longest row: `1 − Σ length / Σ_batch rows · longest`.
///
/// `lengths` are the lengths of the rows, and each batch is a list of positions in `lengths`. The share is 0 if there are no
/// tokens.
///
/// # Panics
///
/// If a batch has a position beyond the end of `lengths`.
///
/// ```
/// let lengths = [3, 9, 4, 10];
/// assert_eq!(ia3_data::padding_share(&lengths, &[vec![0, 1], vec![2, 3]]), 1.0 - 26.0 / 38.0);
/// assert_eq!(ia3_data::padding_share(&lengths, &[vec![0, 2], vec![1, 3]]), 1.0 - 26.0 / 28.0);
/// ```
pub fn padding_share(lengths: &[usize], batches: &[Vec<usize>]) -> f64 {
    let of = |batch: &Vec<usize>| batch.iter().map(|&i| lengths[i]).collect::<Vec<_>>();
    let real: usize = batches.iter().flat_map(of).sum();
    let padded: usize =
        batches.iter().map(|batch| batch.len() * of(batch).into_iter().max().unwrap_or(0)).sum();
    if padded == 0 { 0.0 } else { 1.0 - real as f64 / padded as f64 }
}

#[cfg(test)]
mod tests {
    use super::padding_share;

    #[test]
    fn equal_lengths_and_empty_batches_need_no_padding() {
        assert_eq!(padding_share(&[7; 5], &[vec![0, 1, 2], vec![3, 4]]), 0.0);
        assert_eq!(padding_share(&[], &[]), 0.0);
        assert_eq!(padding_share(&[0, 0], &[vec![0, 1]]), 0.0);
    }
}
