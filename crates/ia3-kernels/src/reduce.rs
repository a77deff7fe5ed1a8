//! Reductions of one row to one number.

/// Partial sums of a reduction: as many as two of the widest vectors hold.
const LANES: usize = 32;

/// The sum of `f` over the elements at each index of slices of one length. The order of summation is the same on every
/// machine: [`LANES`] partial sums, which are added at the end.
#[inline(always)]
pub(crate) fn sum<const N: usize>(slices: [&[f32]; N], f: impl Fn([f32; N]) -> f32) -> f32 {
    let n = slices[0].len();
    let whole = n - n % LANES;
    let mut partial = [0f32; LANES];
    for start in (0..whole).step_by(LANES) {
        let blocks = slices.map(|s| -> &[f32; LANES] { s[start..start + LANES].try_into().expect("whole") });
        for (lane, total) in partial.iter_mut().enumerate() {
            *total += f(blocks.map(|b| b[lane]));
        }
    }
    let rest: f32 = (whole..n).map(|i| f(slices.map(|s| s[i]))).sum();
    partial.iter().sum::<f32>() + rest
}

/// The largest element: NaN if one element is NaN, `-inf` for an empty row.
#[inline(always)]
pub(crate) fn max(row: &[f32]) -> f32 {
    let greater = |a: f32, b: f32| if b > a || b.is_nan() { b } else { a };
    let mut partial = [f32::NEG_INFINITY; LANES];
    let blocks = row.chunks_exact(LANES);
    let rest = blocks.remainder();
    for block in blocks {
        for (most, &x) in partial.iter_mut().zip(block) {
            *most = greater(*most, x);
        }
    }
    partial.iter().chain(rest).copied().fold(f32::NEG_INFINITY, greater)
}
