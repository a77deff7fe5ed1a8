//! Asking for memory before it is read.

/// How far ahead, in bytes.
const AHEAD: usize = 512;

/// What is read soon after `column` of a line, as a distance from the beginning of the line: a later column of the `width`
/// that are read, or the beginning of the line that follows, which lies `next` bytes further.
#[inline(always)]
pub(super) fn soon(column: usize, width: usize, next: usize) -> usize {
    match column + AHEAD {
        at if at < width => at,
        at => next + (at - width),
    }
}

/// Asks the machine for the cache line at an address.
#[inline(always)]
pub(super) fn fetch<T>(address: *const T) {
    #[cfg(all(target_arch = "x86_64", not(miri)))]
    {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        // SAFETY: a prefetch reads nothing, so the address need not be valid.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(address.cast()) };
    }
    #[cfg(not(all(target_arch = "x86_64", not(miri))))]
    let _ = address;
}
