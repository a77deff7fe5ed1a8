//! The forms of quantised weights, some of which only this library reads.

use burn::tensor::{DType, Tensor};

#[cfg(feature = "flex")]
use crate::flex::form::{self, Form};

/// A quantised weight that is multiplied in integers where that is possible: [`matmul_quantized`](crate::matmul_quantized)
/// then quantises a few rows of `x` too, to eight bits with one scale per block of inputs of the weight, and sums up products
/// of integers. This reads less memory than the exact product and computes less; the result differs from it by at most half a
/// step of the integers of `x` times the weight's magnitudes. With more rows, and on a device with autodiff, the product is
/// that of the floats.
///
/// On `flex` a weight of four bits is stored in half a byte per element. Only the operations of this crate can read such a
/// weight; operations of burn panic. On other backends, for other schemes, and for floats the weight is returned as it is.
///
/// # Shapes
///
/// - `weight`: `[d_in, d_out]`
/// - returns the same
pub fn with_integer_products<const D: usize>(weight: Tensor<D>) -> Tensor<D> {
    #[cfg(feature = "flex")]
    return to_form(weight, None, |form, has_halves| Form { fast: true, halves: has_halves, ..form });
    #[cfg(not(feature = "flex"))]
    weight
}

/// A weight of four bits in half a byte per element, whose products are still those of its floats. Only the operations of this
/// crate can read it; operations of burn panic. Other weights, and weights on other backends, are returned as they are.
///
/// # Shapes
///
/// - `weight`: `[d_in, d_out]`
/// - returns the same
pub fn with_halves_of_bytes<const D: usize>(weight: Tensor<D>) -> Tensor<D> {
    #[cfg(feature = "flex")]
    return to_form(weight, None, |form, has_halves| Form { halves: has_halves, ..form });
    #[cfg(not(feature = "flex"))]
    weight
}

/// The weight in the form that `old` has: multiplied in integers or in floats, four bits in half a byte or in a whole one.
///
/// # Shapes
///
/// - `weight`: `[d_in, d_out]`
/// - returns the same
pub fn in_form_of<const D: usize>(old: &Tensor<D>, weight: Tensor<D>) -> Tensor<D> {
    #[cfg(feature = "flex")]
    return match form::form(old) {
        Some(Form { fast, halves, .. }) => {
            to_form(weight, None, |form, has_halves| Form { fast, halves: halves && has_halves, ..form })
        }
        None => weight,
    };
    #[cfg(not(feature = "flex"))]
    {
        let _ = old;
        weight
    }
}

/// A weight that burn's operations can read: the integers with their scales, or the floats of a weight with minima.
///
/// # Shapes
///
/// - `weight`: `[d_in, d_out]`
/// - returns the same
pub fn with_float_products<const D: usize>(weight: Tensor<D>) -> Tensor<D> {
    #[cfg(feature = "flex")]
    if has_minima(&weight) {
        use crate::flex::FastOps;
        return Tensor::from_dispatch(burn::backend::Dispatch::fast_floats(weight.into_dispatch()));
    }
    without_minima(weight)
}

/// The integers and scales of a weight, in a form that burn's operations can read. What is read is the weight less its
/// [`minima`].
///
/// # Shapes
///
/// - `weight`: `[d_in, d_out]`
/// - returns the same
pub fn without_minima<const D: usize>(weight: Tensor<D>) -> Tensor<D> {
    #[cfg(feature = "flex")]
    return to_form(weight, None, |_, _| Form::default());
    #[cfg(not(feature = "flex"))]
    weight
}

/// The integers and scales of a quantised weight, and a minimum for each scale: the weight is the integer times its scale, plus
/// its minimum. `None` if the weight is not one of integers of 8 or 4 bits on `flex`: other backends have no minima.
///
/// Only the operations of this crate can read such a weight; operations of burn panic.
///
/// # Shapes
///
/// - `weight`: `[d_in, d_out]`
/// - `minima`: `[d_in / block, d_out]`, float32
/// - returns the shape of `weight`
///
/// # Panics
///
/// Panics if there are not as many minima as scales.
pub fn with_minima<const D: usize>(weight: Tensor<D>, minima: Tensor<2>) -> Option<Tensor<D>> {
    #[cfg(feature = "flex")]
    return Some(to_form(weight, Some(minima), |form, _| Form { minima: true, ..form })).filter(has_minima);
    #[cfg(not(feature = "flex"))]
    {
        let _ = (weight, minima);
        None
    }
}

/// The minima of a weight, `None` if it has none.
///
/// # Shapes
///
/// - `weight`: `[d_in, d_out]`
/// - returns `[d_in / block, d_out]`, float32
pub fn minima<const D: usize>(weight: &Tensor<D>) -> Option<Tensor<2>> {
    #[cfg(feature = "flex")]
    if has_minima(weight) {
        use crate::flex::FastOps;
        let minima = burn::backend::Dispatch::fast_minima(weight.clone().into_dispatch());
        return Some(Tensor::from_dispatch(minima));
    }
    let _ = weight;
    None
}

/// Whether the weight has [`minima`].
pub fn has_minima<const D: usize>(weight: &Tensor<D>) -> bool {
    #[cfg(feature = "flex")]
    return form::form(weight).is_some_and(|form| form.minima);
    #[cfg(not(feature = "flex"))]
    {
        let _ = weight;
        false
    }
}

/// Whether the weight was made by [`with_integer_products`].
pub fn has_integer_products<const D: usize>(weight: &Tensor<D>) -> bool {
    #[cfg(feature = "flex")]
    return form::form(weight).is_some_and(|form| form.fast);
    #[cfg(not(feature = "flex"))]
    {
        let _ = weight;
        false
    }
}

/// The weight in the form that `choose` makes of its own one and of whether it has four bits.
#[cfg(feature = "flex")]
fn to_form<const D: usize>(
    weight: Tensor<D>,
    minima: Option<Tensor<2>>,
    choose: impl FnOnce(Form, bool) -> Form,
) -> Tensor<D> {
    use crate::flex::FastOps;
    use burn::backend::{Dispatch, DispatchDevice};
    let device = weight.device();
    let plain = device.clone().without_autodiff();
    let (DType::QFloat(scheme), DispatchDevice::Flex(_)) = (weight.dtype(), plain.as_dispatch()) else {
        return weight;
    };
    let has_forms = form::has_forms(scheme, weight.dims().as_slice());
    let Some(old) = form::form(&weight).filter(|_| has_forms) else { return weight };
    let new = choose(old, form::has_halves(scheme));
    if old == new && minima.is_none() {
        return weight;
    }
    let minima = minima.unwrap_or_else(|| Tensor::empty([0, 1], &device));
    let made = Dispatch::fast_to_form(weight.into_dispatch(), minima.into_dispatch(), new);
    Tensor::from_dispatch(made)
}
