use std::cell::Cell;

thread_local! {
    static BY_ROW: Cell<bool> = const { Cell::new(false) };
}

/// Calls `f`. On `flex`, each row of a product in it has the same bits whatever the other rows are and however many there are.
///
/// Elsewhere a product with few rows is summed up in another order than one with many, because that is faster. Here both have
/// the order of the kernels for few rows. Products with a transposed weight, and with one of integers, read the weight once for each
/// few rows, which is slower from about sixteen rows on; instructions for bfloat16 are not used.
///
/// It holds for [`linear`](crate::linear), [`matmul_transposed`](crate::matmul_transposed) and
/// [`matmul_quantized`](crate::matmul_quantized) in float32 on this thread; the other operations of this crate compute each
/// row by itself anyway. Other backends promise nothing.
///
/// ```
/// use burn::tensor::{Device, Distribution, Tensor};
///
/// let device = Device::flex();
/// let random = |dims| Tensor::<2>::random(dims, Distribution::Default, &device);
/// let (x, w) = (random([40, 300]), random([300, 70]));
/// let product = |x: Tensor<2>| ia3_ops::by_row(|| ia3_ops::linear(x, w.clone(), None));
/// let (alone, all) = (product(x.clone().narrow(0, 7, 1)), product(x));
/// assert_eq!(alone.into_data(), all.narrow(0, 7, 1).into_data());
/// ```
pub fn by_row<T>(f: impl FnOnce() -> T) -> T {
    let _before = Before(BY_ROW.replace(true));
    f()
}

/// Whether [`by_row`] is at work on this thread.
#[cfg(feature = "flex")]
pub(crate) fn is_by_row() -> bool {
    BY_ROW.get()
}

/// What is set again when it is dropped, also by a panic.
struct Before(bool);

impl Drop for Before {
    fn drop(&mut self) {
        BY_ROW.set(self.0);
    }
}
