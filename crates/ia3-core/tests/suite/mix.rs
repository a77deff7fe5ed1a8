//! Mixes: numbers of PyTorch and PEFT, the algebra, and what has no mix.

use burn::tensor::{Device, Tensor};
use ia3_core::{Adapter, Ia3Config, Ia3Vector, MixMethod, Placement, mix};
use proptest::prelude::*;

const METHODS: [MixMethod; 4] =
    [MixMethod::Linear, MixMethod::Identity, MixMethod::Geometric, MixMethod::Ties { density: 1.0 }];

fn adapter(l: &[f32]) -> Adapter {
    let vector = Ia3Vector::new(Tensor::from_floats(l, &Device::flex()), Placement::Output);
    Adapter { config: Ia3Config::new(), vectors: [("k".into(), vector)].into(), saved: Default::default() }
}

/// The mixed vector of adapters that all scale one layer.
fn mixed(rows: &[(&[f32], f32)], method: MixMethod) -> Vec<f32> {
    let adapters: Vec<(Adapter, f32)> = rows.iter().map(|(l, w)| (adapter(l), *w)).collect();
    let pairs: Vec<(&Adapter, f32)> = adapters.iter().map(|(a, w)| (a, *w)).collect();
    mix(&pairs, method).unwrap().vectors["k"].values().into_data().iter().collect()
}

fn assert_close(got: &[f32], expected: &[f32], name: &str) {
    assert_eq!(got.len(), expected.len());
    for (g, e) in got.iter().zip(expected) {
        assert!((g - e).abs() <= 2e-6, "{name}: {got:?} instead of {expected:?}");
    }
}

const A: [f32; 8] = [1.0, 1.421875, -0.5, 0.40625, 0.6875, 1.21875, 0.984375, 1.640625];
const B: [f32; 8] = [0.921875, 1.21875, 0.765625, 0.84375, 0.234375, -0.25, 0.671875, 1.03125];
const C: [f32; 8] = [1.3125, 1.484375, 0.453125, 0.65625, 1.296875, 1.671875, 0.828125, 1.59375];
const WEIGHTS: [f32; 3] = [0.5, 1.5, 1.0];

fn three() -> [(&'static [f32], f32); 3] {
    [(&A, WEIGHTS[0]), (&B, WEIGHTS[1]), (&C, WEIGHTS[2])]
}

/// `1 + peft.utils.merge_utils.ties([a - 1, b - 1, c - 1], weights, density)`, PEFT 0.21.2.
#[test]
fn ties_is_pefts_on_the_distance_from_one() {
    #[rustfmt::skip]
    let table: [(f64, [f32; 8]); 4] = [
        (0.3, [1.0, 1.0, 0.25, 1.0, -0.1484375, -0.875, 1.0, 1.457_031_3]),
        (0.5, [1.0, 1.347_656_3, 0.450_520_8, 0.703_125, -0.148_437_5, -0.875, 0.507_812_5, 1.457_031_3]),
        (0.7, [1.0, 1.341_145_9, 0.450_520_8, 0.679_687_5, 0.347_656_25, -0.875, 0.507_812_5, 1.457_031_3]),
        (1.0, [1.3125, 1.341_145_9, 0.450_520_8, 0.708_333_4, 0.347_656_25, -0.875, 0.776_041_7, 1.320_312_5]),
    ];
    for (density, expected) in table {
        assert_close(&mixed(&three(), MixMethod::Ties { density }), &expected, &format!("density {density}"));
    }
}

/// The formulas in PyTorch.
#[test]
fn the_other_methods_are_their_formulas() {
    let linear = [3.1953125, 4.0234375, 1.3515625, 2.125, 1.9921875, 1.90625, 2.328125, 3.9609375];
    assert_eq!(mixed(&three(), MixMethod::Linear), linear);
    let identity = [1.1953125, 2.0234375, -0.6484375, 0.125, -0.0078125, -0.09375, 0.328125, 1.9609375];
    assert_eq!(mixed(&three(), MixMethod::Identity), identity);
    let negative = [0.8828125, 1.1171875, 1.3984375, 1.0625, 0.0078125, -0.984375, 0.515625, 0.7265625];
    assert_eq!(mixed(&[(&A, -0.5), (&B, 1.5)], MixMethod::Linear), negative);
    let product = [
        1.209_961,
        2.572_288_5,
        -0.173_461_91,
        0.224_945_07,
        0.208_969_12,
        -0.509_399_4,
        0.547_702_8,
        2.696_457,
    ];
    assert_close(&mixed(&[(&A, 1.0), (&B, 1.0), (&C, 1.0)], MixMethod::Product), &product, "product");
    let (a, b) = (A.map(f32::abs), B.map(f32::abs));
    let geometric = [
        1.161_735_8,
        2.381_476_4,
        0.214_648_17,
        0.324_180_36,
        0.122_011_684,
        0.230_712_48,
        0.452_489_9,
        2.137_818_3,
    ];
    assert_close(&mixed(&[(&a, 0.5), (&b, 1.5), (&C, 1.0)], MixMethod::Geometric), &geometric, "geometric");
}

#[test]
fn an_absent_vector_is_the_identity_in_every_method() {
    let (a, nothing) = (adapter(&[2.0, 0.5]), Adapter { vectors: Default::default(), ..adapter(&[]) });
    let values = |method, w: f32| -> Vec<f32> {
        let mixed = mix(&[(&a, 1.0), (&nothing, w)], method).unwrap();
        mixed.vectors["k"].values().into_data().iter().collect()
    };
    for method in [MixMethod::Product, MixMethod::Identity, MixMethod::Geometric, METHODS[3]] {
        assert_eq!(values(method, 1.0), [2.0, 0.5], "{method:?}");
    }
    assert_eq!(values(MixMethod::Linear, 0.25), [2.25, 0.75]);
    assert_eq!(values(MixMethod::Identity, 0.25), [2.0, 0.5]);
}

#[test]
fn what_has_no_mix_is_refused() {
    let message = |rows: &[(&[f32], f32)], method| {
        let adapters: Vec<(Adapter, f32)> = rows.iter().map(|(l, w)| (adapter(l), *w)).collect();
        let pairs: Vec<(&Adapter, f32)> = adapters.iter().map(|(a, w)| (a, *w)).collect();
        mix(&pairs, method).unwrap_err().to_string()
    };
    let one: &[f32] = &[1.0, -2.0];
    assert_eq!(
        message(&[(&[1.0, 2.0], 0.5), (one, 0.5)], MixMethod::Geometric),
        "the vector of `k` in adapter 2 holds -2, which cannot be raised to the power 0.5; use another method or another weight"
    );
    assert_eq!(
        message(&[(&[0.0], -1.0)], MixMethod::Geometric),
        "the vector of `k` in adapter 1 holds 0, which cannot be raised to the power -1; use another method or another weight"
    );
    assert_eq!(
        message(&[(one, 1.0), (one, 0.5)], MixMethod::Product),
        "the weight of adapter 2 is 0.5, but a product has no weights; leave every weight at 1, or use the geometric method"
    );
    for method in METHODS {
        let expected = "the weight of adapter 1 is NaN, expected a finite number";
        assert_eq!(message(&[(one, f32::NAN)], method), expected);
        let expected = "the vector of `k` is not finite (1 values) in an adapter or in the mix; check whether an adapter is broken or a weight is too large";
        assert_eq!(message(&[(&[1.0, f32::NAN], 1.0), (&[1.0, 1.0], 1.0)], method), expected);
    }
    let overflow = message(&[(&[1e30, 2.0], 3.0)], MixMethod::Geometric);
    assert!(overflow.starts_with("the vector of `k` is not finite (1 values)"), "{overflow}");
    for density in [-0.1, 1.5, f64::NAN] {
        let expected = format!("the density is {density}, expected a number from 0 to 1");
        assert_eq!(message(&[(one, 1.0)], MixMethod::Ties { density }), expected);
    }
}

/// Multiples of 1/16, so that sums are exact in any order.
fn vector() -> impl Strategy<Value = Vec<f32>> {
    prop::collection::vec((1i32..48).prop_map(|n| n as f32 / 16.0), 6)
}

fn weight() -> impl Strategy<Value = f32> {
    (-8i32..16).prop_map(|n| n as f32 / 4.0)
}

proptest! {
    #[test]
    fn one_adapter_with_weight_one_is_itself(l in vector()) {
        for method in METHODS.into_iter().chain([MixMethod::Product]) {
            prop_assert_eq!(&mixed(&[(&l, 1.0)], method), &l, "{:?}", method);
        }
    }

    #[test]
    fn a_weight_of_zero_counts_for_nothing(a in vector(), b in vector(), w in weight()) {
        for method in [MixMethod::Linear, MixMethod::Identity, MixMethod::Geometric] {
            prop_assert_eq!(mixed(&[(&a, w), (&b, 0.0)], method), mixed(&[(&a, w)], method), "{:?}", method);
        }
    }

    #[test]
    fn identities_mix_to_the_identity(v in weight(), w in weight()) {
        let ones = [1.0; 4];
        for method in [MixMethod::Identity, MixMethod::Geometric, METHODS[3]] {
            prop_assert_eq!(mixed(&[(&ones, v), (&ones, w)], method), ones, "{:?}", method);
        }
    }

    #[test]
    fn the_order_of_the_adapters_does_not_matter(a in vector(), b in vector(), v in weight(), w in weight()) {
        for method in METHODS {
            let (ab, ba) = (mixed(&[(&a, v), (&b, w)], method), mixed(&[(&b, w), (&a, v)], method));
            prop_assert_eq!(ab, ba, "{:?}", method);
        }
        prop_assert_eq!(
            mixed(&[(&a, 1.0), (&b, 1.0)], MixMethod::Product),
            mixed(&[(&b, 1.0), (&a, 1.0)], MixMethod::Product)
        );
    }

    #[test]
    fn linear_and_identity_agree_where_the_weights_sum_to_one(a in vector(), b in vector(), w in weight()) {
        let rows = [(&a[..], w), (&b[..], 1.0 - w)];
        prop_assert_eq!(mixed(&rows, MixMethod::Linear), mixed(&rows, MixMethod::Identity));
    }

    #[test]
    fn ties_of_equal_adapters_is_that_adapter(a in vector()) {
        prop_assert_eq!(mixed(&[(&a, 1.0), (&a, 1.0), (&a, 1.0)], METHODS[3]), a);
    }
}
