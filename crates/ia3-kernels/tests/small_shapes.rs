//! Every kernel on small shapes, against plain loops in float64, and on shapes without elements.
//!
//! Miri runs this file (see `.ci/miri`), so it draws no random numbers and stays small.

use ia3_kernels::activation::{self, Activation};
use ia3_kernels::attention::Attention;
use ia3_kernels::bfloat16::{self, Matrix, Parts};
use ia3_kernels::integer::{self, Nibbles};
use ia3_kernels::norm::Norm;
use ia3_kernels::packed_gemm::{self, Pack, Transposed};
use ia3_kernels::quantise::quantise;
use ia3_kernels::scale::Factors;
use ia3_kernels::scale_rows;
use ia3_kernels::{Element, Heads, MatRef, Scales, Weight};
use ia3_kernels::{gemv, matmul, nll, rows, small_gemm, softmax};

/// Float32 sums of a few dozen terms of about 1.
const TOLERANCE: f64 = 1e-5;

/// `n` numbers between −1 and 1 that follow no pattern of the kernels.
fn values(n: usize, seed: usize) -> Vec<f32> {
    (0..n).map(|i| (((i + 1) * (2 * seed + 7919) * 31) % 211) as f32 / 105.5 - 1.0).collect()
}

#[track_caller]
fn assert_close(got: &[f32], expected: &[f64]) {
    assert_eq!(got.len(), expected.len());
    for (i, (got, expected)) in got.iter().zip(expected).enumerate() {
        let off = (f64::from(*got) - expected).abs();
        assert!(off < TOLERANCE, "element {i}: {got} instead of {expected}");
    }
}

/// `x·w`, given both as functions of row and column.
fn plain_product(
    [m, k, n]: [usize; 3],
    x: impl Fn(usize, usize) -> f64,
    w: impl Fn(usize, usize) -> f64,
) -> Vec<f64> {
    (0..m * n).map(|at| (0..k).map(|i| x(at / n, i) * w(i, at % n)).sum()).collect()
}

const SHAPES: [[usize; 3]; 6] = [[1, 1, 1], [1, 3, 70], [2, 9, 5], [5, 4, 67], [4, 8, 8], [9, 2, 3]];

/// Of products with weights in half precision: several parts of rows and columns for each number of rows of `x`.
const SHAPES_OF_HALVES: [[usize; 3]; 5] = [[1, 21, 70], [2, 9, 5], [3, 17, 33], [7, 19, 66], [9, 2, 3]];

const EMPTY: [[usize; 3]; 4] = [[0, 3, 2], [2, 0, 3], [2, 3, 0], [0, 0, 0]];

#[test]
fn strided_products_are_those_of_plain_loops() {
    for [m, k, n] in SHAPES {
        let (x, w) = (values(m * k, 1), values(k * n, 2));
        let (at_x, at_w) = (|i, j| f64::from(x[i * k + j]), |i, j| f64::from(w[i * n + j]));
        let expected = plain_product([m, k, n], at_x, at_w);
        let x_ref = MatRef::row_major(&x, [m, k]);
        assert_close(&matmul::product(x_ref, MatRef::row_major(&w, [k, n])), &expected);
        let turned: Vec<f32> = (0..n * k).map(|at| w[at % k * n + at / k]).collect();
        assert_close(&matmul::product(x_ref, MatRef::row_major(&turned, [n, k]).transposed()), &expected);
        // From the last element backwards.
        let backwards: Vec<f32> = w.iter().rev().copied().collect();
        let view = MatRef::new(&backwards, k * n - 1, [k, n], [-(n as isize), -1]);
        assert_close(&matmul::product(x_ref, view), &expected);
    }
}

#[test]
#[should_panic(expected = "does not lie inside 5 elements")]
fn a_view_beyond_its_memory_is_refused() {
    MatRef::new(&[0.0; 5], 0, [2, 3], [3, 1]);
}

#[test]
#[should_panic(expected = "a product [2, 2] of [2, 3] and [2, 2]")]
fn matrices_that_do_not_fit_are_refused() {
    let x = [0.0; 6];
    matmul::product(MatRef::row_major(&x, [2, 3]), MatRef::row_major(&x, [2, 2]));
}

/// A few rows, packed and packed transposed. With a block of inputs that share a scale, or without scales.
fn check_weight<T: Element>([m, k, n]: [usize; 3], data: &[T], block: Option<usize>) {
    let scales = values(k * n, 5);
    let weight = |dims: [usize; 2]| {
        let scales = block.map(|block| Scales { values: &scales[..dims[0] / block * dims[1]], block });
        Weight::new(data, dims, scales)
    };
    let element = |dims: [usize; 2], i: usize, j: usize| {
        let scale = block.map_or(1.0, |block| f64::from(scales[i / block * dims[1] + j]));
        f64::from(data[i * dims[1] + j].float()) * scale
    };
    let x = values(m * k, 3);
    let at_x = |i, j| f64::from(x[i * k + j]);
    let expected = plain_product([m, k, n], at_x, |i, j| element([k, n], i, j));
    if block.is_none() {
        assert_close(&gemv::product(&x, m, weight([k, n])), &expected);
    }
    assert_close(&packed_gemm::product(&x, [m, k, n], &weight([k, n])), &expected);
    if block.is_none_or(|block| n.is_multiple_of(block)) {
        let expected = plain_product([m, k, n], at_x, |i, j| element([n, k], j, i));
        let transposed = Transposed(weight([n, k]));
        assert_eq!(transposed.dims(), [k, n]);
        assert_close(&packed_gemm::product(&x, [m, k, n], &transposed), &expected);
    }
}

#[test]
fn products_with_weights_are_those_of_plain_loops() {
    for [m, k, n] in SHAPES {
        check_weight([m, k, n], &values(k * n, 4), None);
        let bytes: Vec<i8> = (0..k * n).map(|i| (i * 37 % 255) as u8 as i8 / 64).collect();
        for block in (1..=k).filter(|block| k.is_multiple_of(*block)) {
            check_weight([m, k, n], &bytes, Some(block));
        }
    }
}

/// The product is that of the same values in float32, to the bit.
fn check_halves<T: Element>([m, k, n]: [usize; 3], narrow: impl Fn(f32) -> T) {
    let (x, w) = (values(m * k, 1), values(k * n, 2));
    let half: Vec<T> = w.iter().map(|w| narrow(*w)).collect();
    let wide: Vec<f32> = half.iter().map(|w| w.float()).collect();
    check_weight([m, k, n], &half, None);
    let dims = [m, k, n];
    assert_eq!(
        gemv::product(&x, m, Weight::new(&half, [k, n], None)),
        gemv::product(&x, m, Weight::new(&wide, [k, n], None))
    );
    assert_eq!(small_gemm::product(&x, &half, dims), small_gemm::product(&x, &wide, dims));
    assert_eq!(
        packed_gemm::product(&x, dims, &Weight::new(&half, [k, n], None)),
        packed_gemm::product(&x, dims, &Weight::new(&wide, [k, n], None))
    );
    assert_eq!(
        packed_gemm::product(&x, dims, &Transposed(Weight::new(&half, [n, k], None))),
        packed_gemm::product(&x, dims, &Transposed(Weight::new(&wide, [n, k], None)))
    );
}

#[test]
fn products_with_weights_in_half_precision_are_those_of_float32() {
    // The others take Miri minutes.
    let shapes = if cfg!(miri) { &SHAPES_OF_HALVES[..3] } else { &SHAPES_OF_HALVES[..] };
    for &dims in shapes {
        check_halves(dims, half::bf16::from_f32);
        check_halves(dims, half::f16::from_f32);
    }
}

#[test]
fn products_with_weights_in_bfloat16_by_tiles_are_those_of_plain_loops() {
    for [m, k, n] in [[2, 34, 3], [5, 3, 33]] {
        let (x, w) = (values(m * k, 1), values(k * n, 2));
        let w: Vec<half::bf16> = w.into_iter().map(half::bf16::from_f32).collect();
        let turned: Vec<half::bf16> = (0..n * k).map(|at| w[at % k * n + at / k]).collect();
        let at_w = |i: usize, j: usize| w[i * n + j].to_f64();
        let expected = plain_product([m, k, n], |i, j| f64::from(x[i * k + j]), at_w);
        let columns = bfloat16::product(&x, [m, k, n], Matrix::Columns(&turned), Parts::Three);
        assert_close(&columns, &expected);
        assert_eq!(bfloat16::product(&x, [m, k, n], Matrix::Rows(&w), Parts::Three), columns);
        let halves: Vec<f32> = x.iter().map(|x| half::bf16::from_f32(*x).to_f32()).collect();
        let expected = plain_product([m, k, n], |i, j| f64::from(halves[i * k + j]), at_w);
        assert_close(&bfloat16::product(&halves, [m, k, n], Matrix::Rows(&w), Parts::One), &expected);
    }
}

/// Weights of whole numbers from −3 to 3 that are multiplied in float32 and in integers, with rows of whole numbers too whose
/// largest is 127: those are quantised without an error.
#[test]
fn products_of_integers_are_those_of_plain_loops() {
    for ([m, k, n], block) in [([1, 4, 70], 4), ([2, 9, 5], 3), ([5, 6, 3], 3), ([1, 2, 1], 1)] {
        let bytes: Vec<i8> = (0..k * n).map(|i| (i * 37 % 255) as u8 as i8 / 32).collect();
        let scales: Vec<f32> = values(k / block * n, 5).iter().map(|x| x / 127.0).collect();
        let x: Vec<f32> =
            (0..m * k).map(|i| if i % block == 0 { 127.0 } else { (i * 31 % 200) as f32 - 100.0 }).collect();
        let at_w = |i: usize, j: usize| f64::from(bytes[i * n + j]) * f64::from(scales[i / block * n + j]);
        let expected = plain_product([m, k, n], |i, j| f64::from(x[i * k + j]), at_w);
        let scales = Scales { values: &scales, block };
        let weight = Weight::new(&bytes[..], [k, n], Some(scales));
        let packed = Nibbles::pack(&bytes, [k, n], block);
        let nibbles = Nibbles::new(&packed, [k, n], scales);
        assert_eq!(nibbles.unpack(), bytes);
        assert_close(&integer::product_exact(&x, m, weight), &expected);
        assert_close(&integer::product_exact_nibbles(&x, m, nibbles), &expected);
        assert_close(&integer::product(&x, m, weight), &expected);
        assert_close(&integer::product_nibbles(&x, m, nibbles), &expected);
    }
}

#[test]
fn a_weight_is_quantised_within_half_a_step() {
    for ([k, n], block) in [([4, 70], 4), ([18, 3], 9), ([0, 3], 2), ([2, 0], 2)] {
        let w = values(k * n, 1);
        let made = quantise(MatRef::row_major(&w, [k, n]), block.min(k.max(1)), 7);
        assert_eq!([made.values.len(), made.scales.len()], [k * n, k / block * n]);
        for (i, w) in w.iter().enumerate() {
            let scale = made.scales[i / n / block * n + i % n];
            assert!((w - f32::from(made.values[i]) * scale).abs() <= 0.501 * scale);
        }
    }
}

/// The second panel of a product is added to the first one.
#[test]
fn products_deeper_than_a_panel_are_those_of_plain_loops() {
    check_weight([2, 515, 3], &values(515 * 3, 4), None);
}

#[test]
fn products_with_rows_are_those_of_plain_loops() {
    for [m, k, n] in SHAPES {
        let (x, w) = (values(m * k, 1), values(n * k, 2));
        let (at_x, at_w) = (|i, j| f64::from(x[i * k + j]), |i, j| f64::from(w[j * k + i]));
        assert_close(&small_gemm::product(&x, &w, [m, k, n]), &plain_product([m, k, n], at_x, at_w));
    }
}

#[test]
fn products_without_elements_are_zero() {
    for [m, k, n] in EMPTY {
        let (x, w, bytes) = (vec![1.0; m * k], vec![1.0; k * n], vec![1u8; k * n]);
        let integers: Vec<i8> = bytes.iter().map(|x| x.cast_signed()).collect();
        let zero = vec![0.0; m * n];
        let product = matmul::product(MatRef::row_major(&x, [m, k]), MatRef::row_major(&w, [k, n]));
        assert_eq!(product, zero);
        assert_eq!(small_gemm::product(&x, &w, [m, k, n]), zero);
        let weight = Weight::new(&w, [k, n], None);
        assert_eq!(gemv::product(&x, m, weight), zero);
        assert_eq!(packed_gemm::product(&x, [m, k, n], &weight), zero);
        assert_eq!(packed_gemm::product(&x, [m, k, n], &Transposed(Weight::new(&w, [n, k], None))), zero);
        let halves = vec![half::bf16::ONE; k * n];
        assert_eq!(bfloat16::product(&x, [m, k, n], Matrix::Rows(&halves), Parts::Three), zero);
        let scales = vec![1.0; k * n];
        let quantised = Weight::<i8>::new(&integers, [k, n], Some(Scales { values: &scales, block: 1 }));
        assert_eq!(packed_gemm::product(&x, [m, k, n], &quantised), zero);
        assert_eq!(integer::product_exact(&x, m, quantised), zero);
        assert_eq!(integer::product(&x, m, quantised), zero);
        let nibbles = Nibbles::new(&bytes, [k, n], Scales { values: &scales, block: 1 });
        assert_eq!(integer::product_nibbles(&x, m, nibbles), zero);
    }
}

/// Sizes of an attention.
#[derive(Clone, Copy, Debug)]
struct Sizes {
    batch: usize,
    heads: usize,
    kv_heads: usize,
    queries: usize,
    keys: usize,
    d: usize,
}

impl Sizes {
    fn of_queries(self) -> usize {
        self.batch * self.queries * self.heads * self.d
    }

    fn of_keys(self) -> usize {
        self.batch * self.keys * self.kv_heads * self.d
    }
}

/// Memory `[batch, rows, heads, d]` as `[batch, heads, rows, d]`.
fn by_head(data: &[f32], rows: usize, heads: usize, d: usize) -> Heads<'_> {
    Heads { data, offset: 0, strides: [rows * heads * d, d, heads * d, 1].map(|stride| stride as isize) }
}

/// Queries, keys, values, bias `[heads, queries, keys]` and the gradient of the result.
struct Tensors([Vec<f32>; 5]);

impl Tensors {
    fn new(s: Sizes) -> Self {
        let sizes = [s.of_queries(), s.of_keys(), s.of_keys(), s.heads * s.queries * s.keys, s.of_queries()];
        let mut seed = 0;
        Self(sizes.map(|size| {
            seed += 1;
            values(size, seed)
        }))
    }

    fn attention(&self, s: Sizes) -> Attention<'_> {
        let Sizes { batch, heads, kv_heads, queries, keys, d } = s;
        let [q, k, v, bias, _] = &self.0;
        let strides = [0, (queries * keys) as isize, keys as isize, 1];
        let bias = Heads { data: bias, offset: 0, strides };
        let q = by_head(q, queries, heads, d);
        let [k, v] = [k, v].map(|x| by_head(x, keys, kv_heads, d));
        Attention { batch, heads, kv_heads, queries, keys, d, q, k, v, bias, scale: 0.7 }
    }

    fn result_gradient(&self, s: Sizes) -> Heads<'_> {
        by_head(&self.0[4], s.queries, s.heads, s.d)
    }

    /// The result and the gradients of queries, keys and values in float64.
    fn plain(&self, s: Sizes) -> [Vec<f64>; 4] {
        let [q, k, v, bias, g] =
            self.0.each_ref().map(|x| -> Vec<f64> { x.iter().map(|x| f64::from(*x)).collect() });
        let sizes = [s.of_queries(), s.of_queries(), s.of_keys(), s.of_keys()];
        let [mut out, mut dq, mut dk, mut dv] = sizes.map(|size| vec![0.0; size]);
        for (b, h, i) in (0..s.batch * s.heads * s.queries)
            .map(|at| (at / s.queries / s.heads, at / s.queries % s.heads, at % s.queries))
        {
            let at_q = ((b * s.queries + i) * s.heads + h) * s.d;
            let kv_head = h / (s.heads / s.kv_heads);
            let at_k = |j: usize| ((b * s.keys + j) * s.kv_heads + kv_head) * s.d;
            let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
            let score = |j| {
                0.7 * dot(&q[at_q..][..s.d], &k[at_k(j)..][..s.d]) + bias[(h * s.queries + i) * s.keys + j]
            };
            let e: Vec<f64> = (0..s.keys).map(|j| f64::exp(score(j))).collect();
            let total: f64 = e.iter().sum();
            let w: Vec<f64> = e.iter().map(|e| e / total).collect();
            let dw: Vec<f64> = (0..s.keys).map(|j| dot(&g[at_q..][..s.d], &v[at_k(j)..][..s.d])).collect();
            let level = dot(&w, &dw);
            for j in 0..s.keys {
                let ds = w[j] * (dw[j] - level) * 0.7;
                for c in 0..s.d {
                    out[at_q + c] += w[j] * v[at_k(j) + c];
                    dq[at_q + c] += ds * k[at_k(j) + c];
                    dk[at_k(j) + c] += ds * q[at_q + c];
                    dv[at_k(j) + c] += w[j] * g[at_q + c];
                }
            }
        }
        [out, dq, dk, dv]
    }
}

fn check_attention(s: Sizes) {
    let tensors = Tensors::new(s);
    let attention = tensors.attention(s);
    let [expected, gradients @ ..] = tensors.plain(s);
    let (out, stats) = attention.forward();
    assert_close(&out, &expected);
    for wanted in [[true; 3], [true, false, false], [false, true, false], [false, false, true]] {
        let got = attention.gradient(&stats, tensors.result_gradient(s), wanted);
        for ((got, expected), wanted) in got.iter().zip(&gradients).zip(wanted) {
            assert_eq!(got.is_some(), wanted);
            got.iter().for_each(|got| assert_close(got, expected));
        }
    }
}

#[test]
fn attention_and_its_gradients_are_those_of_plain_loops() {
    let one = Sizes { batch: 1, heads: 1, kv_heads: 1, queries: 2, keys: 3, d: 2 };
    check_attention(one);
    check_attention(Sizes { batch: 2, heads: 2, kv_heads: 2, ..one });
    // Heads of queries that share one of keys, with several queries each and with one.
    check_attention(Sizes { batch: 2, heads: 4, kv_heads: 2, ..one });
    check_attention(Sizes { batch: 2, heads: 4, kv_heads: 2, queries: 1, ..one });
}

#[test]
fn attention_without_elements_is_zero() {
    let s = Sizes { batch: 2, heads: 4, kv_heads: 2, queries: 3, keys: 2, d: 2 };
    for s in [
        Sizes { batch: 0, ..s },
        Sizes { heads: 0, ..s },
        Sizes { heads: 0, kv_heads: 0, ..s },
        Sizes { queries: 0, ..s },
        Sizes { keys: 0, ..s },
        Sizes { d: 0, ..s },
    ] {
        let tensors = Tensors::new(s);
        let (out, stats) = tensors.attention(s).forward();
        assert_eq!((out, stats.len()), (vec![0.0; s.of_queries()], s.batch * s.heads * s.queries), "{s:?}");
        let got = tensors.attention(s).gradient(&stats, tensors.result_gradient(s), [true; 3]);
        let sizes = [s.of_queries(), s.of_keys(), s.of_keys()];
        assert_eq!(got, sizes.map(|size| Some(vec![0.0; size])), "{s:?}");
    }
}

#[test]
#[should_panic(expected = "does not lie inside")]
fn attention_over_keys_that_are_not_there_is_refused() {
    let s = Sizes { batch: 1, heads: 1, kv_heads: 1, queries: 2, keys: 3, d: 2 };
    let tensors = Tensors::new(s);
    Attention { keys: 4, ..tensors.attention(s) }.forward();
}

#[test]
#[should_panic(expected = "3 heads of queries for 2 of keys")]
fn heads_that_cannot_be_shared_are_refused() {
    let s = Sizes { batch: 1, heads: 4, kv_heads: 2, queries: 2, keys: 3, d: 2 };
    let tensors = Tensors::new(s);
    Attention { heads: 3, ..tensors.attention(s) }.forward();
}

/// `[rows, width]`, of which the last has elements for several tasks under Miri.
const ROWS: [[usize; 2]; 4] = [[1, 1], [2, 3], [1, 37], [5, 7]];

/// Each row of `width` elements of some slices through `f`.
fn by_row<const N: usize>(width: usize, x: [&[f32]; N], f: impl Fn([Vec<f64>; N]) -> Vec<f64>) -> Vec<f64> {
    let row = |at: usize| x.map(|x| x[at..at + width].iter().map(|x| f64::from(*x)).collect());
    (0..x[0].len()).step_by(width).flat_map(|at| f(row(at))).collect()
}

fn plain_softmax(x: &[f64]) -> Vec<f64> {
    let total: f64 = x.iter().map(|x| x.exp()).sum();
    x.iter().map(|x| x.exp() / total).collect()
}

#[test]
fn softmax_and_its_gradient_are_those_of_plain_loops() {
    for [rows, width] in ROWS {
        let (mut y, mut g) = (values(rows * width, 1), values(rows * width, 2));
        let expected = by_row(width, [&y], |[x]| plain_softmax(&x));
        softmax::rows(&mut y, width);
        assert_close(&y, &expected);
        let expected = by_row(width, [&y, &g], |[y, g]| {
            let dot: f64 = y.iter().zip(&g).map(|(y, g)| y * g).sum();
            y.iter().zip(&g).map(|(y, g)| y * (g - dot)).collect()
        });
        softmax::gradient(&mut g, &y, width);
        assert_close(&g, &expected);
    }
}

#[test]
fn losses_and_their_gradient_are_those_of_plain_loops() {
    for [rows, width] in ROWS {
        let x = values(rows * width, 1);
        let targets: Vec<i64> =
            (0..rows).map(|i| if i == 1 { -100 } else { (i * 3 % width) as i64 }).collect();
        let (losses, stats) = nll::losses(&x, width, &targets);
        let row = |i: usize| {
            plain_softmax(&x[i * width..][..width].iter().map(|x| f64::from(*x)).collect::<Vec<_>>())
        };
        let loss = |i: usize| usize::try_from(targets[i]).map_or(0.0, |t| -row(i)[t].ln());
        assert_close(&losses, &(0..rows).map(loss).collect::<Vec<_>>());
        let (mut dx, g) = (x.clone(), values(rows, 2));
        nll::gradient(&mut dx, width, &targets, &stats, &g);
        let gradient = |i: usize| -> Vec<f64> {
            let Ok(target) = usize::try_from(targets[i]) else { return vec![0.0; width] };
            let one = |j| if j == target { 1.0 } else { 0.0 };
            row(i).iter().enumerate().map(|(j, p)| (p - one(j)) * f64::from(g[i])).collect()
        };
        assert_close(&dx, &(0..rows).flat_map(gradient).collect::<Vec<_>>());
    }
}

#[test]
fn norms_and_their_gradients_are_those_of_plain_loops() {
    let epsilon = 0.01;
    for ([rows, width], centred) in ROWS.into_iter().flat_map(|dims| [(dims, false), (dims, true)]) {
        let (x, g) = (values(rows * width, 1), values(rows * width, 2));
        let (gamma, beta) = (values(width, 3), values(width, 4));
        let norm = Norm { centred, epsilon };
        let mean = |x: &[f64]| x.iter().sum::<f64>() / width as f64;
        // The normalised row and the inverse of the root.
        let normal = |x: &[f64]| -> (Vec<f64>, f64) {
            let level = if centred { mean(x) } else { 0.0 };
            let square = x.iter().map(|x| (x - level).powi(2)).sum::<f64>() / width as f64;
            let inverse = 1.0 / (square + f64::from(epsilon)).sqrt();
            (x.iter().map(|x| (x - level) * inverse).collect(), inverse)
        };
        let affine = |x: &[f64], with: f64| -> Vec<f64> {
            (0..width).map(|i| x[i] * f64::from(gamma[i]) + with * f64::from(beta[i])).collect()
        };
        let expected = |with| by_row(width, [&x], |[x]| affine(&normal(&x).0, with));
        assert_close(&norm.apply(&x, &gamma, None), &expected(0.0));
        assert_close(&norm.apply(&x, &gamma, Some(&beta)), &expected(1.0));
        let of_x = by_row(width, [&x, &g], |[x, g]| {
            let ((normal, inverse), a) = (normal(&x), affine(&g, 0.0));
            let level = if centred { mean(&a) } else { 0.0 };
            let along = mean(&a.iter().zip(&normal).map(|(a, n)| a * n).collect::<Vec<_>>());
            a.iter().zip(&normal).map(|(a, n)| (a - level - n * along) * inverse).collect()
        });
        assert_close(&norm.gradient(&x, &gamma, &g), &of_x);
        let terms =
            by_row(width, [&x, &g], |[x, g]| normal(&x).0.iter().zip(&g).map(|(n, g)| n * g).collect());
        let of_gamma: Vec<f64> = (0..width).map(|i| terms.iter().skip(i).step_by(width).sum()).collect();
        assert_close(&norm.gradient_of_gamma(&x, width, &g), &of_gamma);
    }
}

#[test]
fn scaled_rows_and_their_gradient_are_those_of_plain_loops() {
    for ([rows, width], vectors) in ROWS.into_iter().flat_map(|dims| [(dims, 1), (dims, dims[0])]) {
        let (x, g, l) = (values(rows * width, 1), values(rows * width, 2), values(vectors * width, 3));
        let factors = Factors::new(&l, width, rows / vectors);
        let of = |at: usize| at / width / (rows / vectors) * width + at % width;
        let expected: Vec<f64> = (0..x.len()).map(|at| f64::from(x[at]) * f64::from(l[of(at)])).collect();
        assert_close(&factors.times(&x), &expected);
        let mut y = x.clone();
        factors.scale(&mut y);
        assert_close(&y, &expected);
        let mut gradient = vec![0.0; l.len()];
        (0..x.len()).for_each(|at| gradient[of(at)] += f64::from(x[at]) * f64::from(g[at]));
        assert_close(&factors.gradient(&x, &g), &gradient);
    }
}

#[test]
fn rows_times_their_numbers_are_those_of_plain_loops() {
    for [rows, width] in ROWS {
        let (mut x, l) = (values(rows * width, 1), values(rows, 3));
        let expected: Vec<f64> = (0..x.len()).map(|at| f64::from(x[at]) * f64::from(l[at / width])).collect();
        assert_close(&scale_rows::times(&x, &l), &expected);
        scale_rows::scale(&mut x, &l);
        assert_close(&x, &expected);
    }
}

#[test]
fn activations_and_their_gradients_have_the_values_of_a_table() {
    // `x`, then gelu, its tanh approximation, silu and relu, each with its derivative, in float64.
    let table = [
        [-1.0, -0.158655254, -0.083315471, -0.158808009, -0.082964084, -0.268941421, 0.072329488, 0.0, 0.0],
        [0.5, 0.345731231, 0.867495125, 0.345714010, 0.867369904, 0.311229666, 0.739961187, 0.5, 1.0],
        [2.0, 1.954499736, 1.085231801, 1.954597694, 1.086099257, 1.761594156, 1.090784249, 2.0, 1.0],
    ];
    let ops = [Activation::Gelu, Activation::GeluTanh, Activation::Silu, Activation::Relu];
    let columns = |column: usize, n: usize| -> Vec<f64> { (0..n).map(|i| table[i % 3][column]).collect() };
    for (op, column) in ops.into_iter().zip([1, 3, 5, 7]) {
        // The second one has elements for several tasks under Miri.
        for n in [3, 20] {
            let x: Vec<f32> = columns(0, n).iter().map(|x| *x as f32).collect();
            assert_close(&activation::map(op, &x), &columns(column, n));
            assert_close(&activation::gradient(op, &x, &vec![1.0; n]), &columns(column + 1, n));
            let mut y = x;
            activation::in_place(op, &mut y);
            assert_close(&y, &columns(column, n));
        }
    }
}

#[test]
fn a_vector_is_added_to_rows_and_rows_are_summed() {
    for [rows, width] in ROWS {
        let (mut y, b) = (values(rows * width, 1), values(width, 2));
        let total: Vec<f64> =
            (0..width).map(|i| y.iter().skip(i).step_by(width).map(|y| f64::from(*y)).sum()).collect();
        assert_close(&rows::sum(&y, width), &total);
        let expected: Vec<f64> = (0..y.len()).map(|i| f64::from(y[i]) + f64::from(b[i % width])).collect();
        rows::add(&mut y, &b);
        assert_close(&y, &expected);
    }
}

#[test]
fn rows_without_elements_and_no_rows_are_allowed() {
    for width in [0, 3] {
        let (none, vector) = (Vec::<f32>::new(), vec![1.0; width]);
        softmax::rows(&mut [], width);
        softmax::gradient(&mut [], &[], width);
        assert_eq!(nll::losses(&[], width, &[]), (vec![], vec![]));
        nll::gradient(&mut [], width, &[], &[], &[]);
        let norm = Norm { centred: true, epsilon: 1e-5 };
        assert_eq!(norm.apply(&[], &vector, Some(&vector)), none);
        assert_eq!(norm.gradient(&[], &vector, &[]), none);
        assert_eq!(norm.gradient_of_gamma(&[], width, &[]), vec![0.0; width]);
        let factors = Factors::new(&vector, width, 0);
        assert_eq!(factors.times(&[]), none);
        factors.scale(&mut []);
        assert_eq!(factors.gradient(&[], &[]), vec![0.0; width]);
        rows::add(&mut [], &vector);
        assert_eq!(rows::sum(&[], width), vec![0.0; width]);
    }
    // Rows without classes have no loss if they have no target.
    assert_eq!(nll::losses(&[], 0, &[-1, -1]).0, [0.0, 0.0]);
    nll::gradient(&mut [], 0, &[-1], &[[0.0, 1.0]], &[1.0]);
    assert!(activation::map(Activation::Gelu, &[]).is_empty());
    assert!(activation::gradient(Activation::Gelu, &[], &[]).is_empty());
    activation::in_place(Activation::Gelu, &mut []);
}

#[test]
#[should_panic(expected = "7 elements are no rows of 3")]
fn elements_that_are_no_rows_are_refused() {
    softmax::rows(&mut [0.0; 7], 3);
}
