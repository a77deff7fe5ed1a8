//! A few rows times a large weight, each element of which is read once.

mod stream;

use std::ops::Range;

use stream::Stream;

use crate::threads::{self, STREAM};
use crate::weight::{Element, Weight};

/// Columns of a weight whose sums stay in the first cache. Under Miri so few that small inputs need several tasks.
const COLUMNS: usize = if cfg!(miri) { 64 } else { 2048 };

/// Elements of a weight below which one thread reads them faster than two agree on who reads what.
const ALONE: usize = if cfg!(miri) { 0 } else { 64 << 10 };

/// Parts of the rows of a weight at most, each of which has sums of its own. Their number is a power of two, which most numbers of
/// threads divide.
const PARTS: usize = 8;

/// `x·W`, `[rows, outputs]`, with `x` `[rows, inputs]` and a weight without scales.
///
/// The weight is read in parts that depend on nothing but its shape. So the order of summation depends neither on the number of
/// threads nor on the type of the elements.
///
/// # Panics
///
/// Panics if `x` does not hold as many elements as the shapes say, or if the weight has scales.
pub fn product<T: Element>(x: &[f32], rows: usize, weight: Weight<T>) -> Vec<f32> {
    let [inputs, outputs] = weight.dims();
    assert_eq!(x.len(), rows * inputs, "{rows} rows of {inputs} elements");
    assert!(weight.scales().is_none(), "a weight with scales is multiplied by `integer`");
    if rows * inputs * outputs == 0 {
        return vec![0.0; rows * outputs];
    }
    let (width, height) = (strip(outputs), part([inputs, outputs]));
    let mut sums = vec![0.0; inputs.div_ceil(height) * rows * outputs];
    let (mut tasks, mut rest) = (vec![], &mut sums[..]);
    for columns in ranges(outputs, width) {
        for lines in ranges(inputs, height) {
            let (sums, others) = rest.split_at_mut(rows * columns.len());
            tasks.push(Stream { x, weight, lines, columns: columns.clone(), sums, rows });
            rest = others;
        }
    }
    match inputs * outputs < ALONE {
        true => tasks.into_iter().for_each(|task| pulp::Arch::new().dispatch(task)),
        false => threads::for_each(tasks, |task| pulp::Arch::new().dispatch(task)),
    }
    if height >= inputs && (rows == 1 || width >= outputs) {
        return sums;
    }
    let mut out = vec![0.0; rows * outputs];
    let mut parts = &sums[..];
    for columns in ranges(outputs, width) {
        for row in (0..inputs.div_ceil(height)).flat_map(|_| 0..rows) {
            let (part, others) = parts.split_at(columns.len());
            out[row * outputs..][columns.clone()].iter_mut().zip(part).for_each(|(out, sum)| *out += sum);
            parts = others;
        }
    }
    out
}

/// Columns of a task.
fn strip(outputs: usize) -> usize {
    outputs.div_ceil(outputs.div_ceil(COLUMNS)).next_multiple_of(64)
}

/// Rows of a part of a weight `[inputs, outputs]` that has outputs; the sums of all parts are added in order.
pub fn part([inputs, outputs]: [usize; 2]) -> usize {
    let parts = (inputs * strip(outputs)).div_ceil(STREAM).next_power_of_two().min(PARTS);
    inputs.div_ceil(parts).next_multiple_of(8)
}

/// The numbers below `n` in ranges of `size`.
fn ranges(n: usize, size: usize) -> impl Iterator<Item = Range<usize>> {
    (0..n).step_by(size).map(move |from| from..(from + size).min(n))
}
