//! Asking for memory before it is read.

/// Asks the machine for the cache line at an address.
#[inline(always)]
pub(crate) fn fetch<T>(address: *const T) {
    #[cfg(all(target_arch = "x86_64", not(miri)))]
    {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        // SAFETY: a prefetch reads nothing, so the address need not be valid.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(address.cast()) };
    }
    #[cfg(not(all(target_arch = "x86_64", not(miri))))]
    let _ = address;
}

/// Asks for the cache lines of `n` elements. Rows of a matrix lie too far apart for the machine to predict them.
#[inline(always)]
pub(crate) fn fetch_all<T>(from: *const T, n: usize) {
    for byte in (0..n * size_of::<T>()).step_by(64) {
        fetch(from.wrapping_byte_add(byte));
    }
}
