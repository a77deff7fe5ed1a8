//! Asking for memory before it is read.

pub(super) use crate::fetch::fetch;

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
