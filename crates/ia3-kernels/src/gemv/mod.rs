//! A few rows times a large weight, each element of which is read once.

mod strip;

use strip::{Strip, VECTORS};

use crate::parallel::columns;
use crate::threads;
use crate::weight::{Element, Weight};

/// Columns that one task computes at most: whole pages of the rows of the weight, and sums that stay in the cache.
const STRIP: usize = 1024;

/// `x·W`, `[rows, outputs]`, with `x` `[rows, inputs]`. The order of summation does not depend on the number of threads.
///
/// # Panics
///
/// Panics if `x` does not hold as many elements as the shapes say.
pub fn product<T: Element>(x: &[f32], rows: usize, weight: Weight<T>) -> Vec<f32> {
    let [inputs, outputs] = weight.dims();
    assert_eq!(x.len(), rows * inputs, "{rows} rows of {inputs} elements");
    columns([rows, outputs], width(outputs), |first, sums| {
        pulp::Arch::new().dispatch(Strip { x, weight, first, sums, rows });
    })
}

/// Columns per task: the same number for each, in whole vectors.
fn width(n: usize) -> usize {
    let threads = threads::count();
    n.div_ceil(n.div_ceil(threads * STRIP).max(1) * threads).next_multiple_of(VECTORS * 16)
}
