//! A few rows times a large weight, each element of which is read once.

mod stream;

use stream::Stream;

use crate::parts::{Division, Part};
use crate::threads::STREAM;
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
    let division = Division { inputs, outputs, height: part([inputs, outputs]), width: strip(outputs) };
    division.product(rows, inputs * outputs < ALONE, |Part { lines, columns, sums }| {
        pulp::Arch::new().dispatch(Stream { x, weight, lines, columns, sums, rows });
    })
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
