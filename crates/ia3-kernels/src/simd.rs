//! The instructions that a kernel is compiled for.

/// Runs `f` compiled for the widest vector instructions of this machine. That holds for what is inlined into `f`, so `f`
/// and every closure that it calls have to be `#[inline(always)]`.
#[inline(always)]
pub(crate) fn vectorised<R>(f: impl FnOnce() -> R) -> R {
    pulp::Arch::new().dispatch(f)
}
