//! The rows of a product in `by_row` do not depend on each other, to the bit.

use burn::tensor::quantization::{QuantScheme, QuantStore, QuantValue, ScaleDtype};
use burn::tensor::{DType, Device, Tensor};
use ia3_ops::{
    by_row, linear, matmul_quantized, matmul_transposed, with_halves_of_bytes, with_integer_products,
    with_minima,
};

use crate::values::normal;

/// Numbers of rows on both sides of every change of kernel, and beyond the largest.
const ROWS: [usize; 10] = [1, 2, 3, 5, 8, 9, 16, 17, 64, 131];

/// Weights of one part and of several, with columns that fill no vector.
const WEIGHTS: [[usize; 2]; 5] = [[16, 16], [96, 40], [300, 1030], [1100, 129], [577, 3001]];

fn random(dims: [usize; 2]) -> Tensor<2> {
    normal(dims, 1.0, &Device::flex())
}

#[track_caller]
fn assert_by_row(name: &str, d_in: usize, product: impl Fn(Tensor<2>) -> Tensor<2>) {
    let x = random([131, d_in]);
    let alone = |row| by_row(|| product(x.clone().narrow(0, row, 1))).into_data();
    for rows in ROWS {
        let all = by_row(|| product(x.clone().narrow(0, 0, rows)));
        for row in [0, rows / 2, rows - 1] {
            let of_all = all.clone().narrow(0, row, 1).into_data();
            assert_eq!(of_all, alone(row), "{name}: row {row} of {rows}");
        }
    }
}

#[test]
fn a_row_of_floats_is_the_row_alone() {
    for [d_in, d_out] in WEIGHTS {
        for dtype in [DType::F32, DType::BF16, DType::F16] {
            let name = format!("{d_in} x {d_out} in {dtype:?}");
            let w = random([d_in, d_out]).cast(dtype);
            assert_by_row(&name, d_in, |x| linear(x, w.clone(), None));
            let w = random([d_out, d_in]).cast(dtype);
            assert_by_row(&name, d_in, |x| matmul_transposed(x, w.clone()));
        }
        let w = random([d_in, d_out + 2]).slice([0..d_in, 1..d_out + 1]);
        assert_by_row("a part of a matrix", d_in, |x| linear(x, w.clone(), None));
    }
}

#[test]
fn a_row_of_integers_is_the_row_alone() {
    for value in [QuantValue::Q8S, QuantValue::Q4S] {
        for [d_in, d_out] in [[64, 8], [96, 300], [512, 1030]] {
            let scheme = QuantScheme::default().with_value(value).with_store(QuantStore::Native);
            let w = random([d_in, d_out]).quantize_dynamic(&scheme.per_block([32, 1], ScaleDtype::F32));
            let fast = with_integer_products(w.clone());
            let minima = random([d_in / 32, d_out]);
            let halves = with_halves_of_bytes(w.clone());
            let summed = with_minima(w.clone(), minima).unwrap();
            let summed_fast = with_integer_products(summed.clone());
            let kinds = [
                ("floats", w),
                ("integers", fast),
                ("floats of halves", halves),
                ("floats with minima", summed),
                ("integers with minima", summed_fast),
            ];
            for (kind, w) in kinds {
                let name = format!("{d_in} x {d_out} in {value:?}, products of {kind}");
                assert_by_row(&name, d_in, |x| matmul_quantized(x, w.clone()));
            }
        }
    }
}

#[test]
fn a_panic_ends_it() {
    let (x, w) = (random([9, 1100]), random([1100, 129]));
    let plain = linear(x.clone(), w.clone(), None).into_data();
    assert!(std::panic::catch_unwind(|| by_row(|| panic!("on purpose"))).is_err());
    assert_eq!(linear(x.clone(), w.clone(), None).into_data(), plain);
    assert_ne!(
        by_row(|| linear(x, w, None)).into_data(),
        plain,
        "the parts of few rows are not those of many"
    );
}
