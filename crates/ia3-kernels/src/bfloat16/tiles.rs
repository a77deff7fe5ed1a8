//! The instructions that multiply tiles.

#[cfg(all(target_arch = "x86_64", target_os = "linux", not(miri)))]
use super::amx;
use super::operands::Operands;
use super::plain;
use super::split::Parts;
#[cfg(target_arch = "x86_64")]
use super::vectors;
use super::{BLOCK, SIZE};

/// A set of instructions that this machine has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Tiles(Kind);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Plain,
    /// AVX-512 BF16: pairs of products in vectors.
    #[cfg(target_arch = "x86_64")]
    Vectors,
    /// AMX: whole tiles.
    #[cfg(all(target_arch = "x86_64", target_os = "linux", not(miri)))]
    Amx,
}

impl Tiles {
    /// Loops that any machine runs.
    pub(super) const PLAIN: Self = Self(Kind::Plain);

    /// All that this machine has, the best one last. None of the others can be made, so that holding one proves that the machine has
    /// it.
    pub(super) fn available() -> Vec<Self> {
        #[allow(unused_mut)]
        let mut kinds = vec![Self::PLAIN];
        #[cfg(target_arch = "x86_64")]
        if vectors::is_available() {
            kinds.push(Self(Kind::Vectors));
        }
        #[cfg(all(target_arch = "x86_64", target_os = "linux", not(miri)))]
        if amx::is_available() {
            kinds.push(Self(Kind::Amx));
        }
        kinds
    }

    /// The fastest instructions of this machine, if they compute the products of `parts` faster than those for float32 do. Vectors of
    /// bfloat16 have twice the rate of float32, AMX more than three times.
    pub(super) fn best(parts: Parts) -> Option<Self> {
        static BEST: std::sync::OnceLock<Tiles> = std::sync::OnceLock::new();
        let best = *BEST.get_or_init(|| Self::available().pop().unwrap_or(Self::PLAIN));
        match (best.0, parts) {
            (Kind::Plain, _) => None,
            #[cfg(target_arch = "x86_64")]
            (Kind::Vectors, Parts::Three) => None,
            #[cfg(target_arch = "x86_64")]
            (_, _) => Some(best),
        }
    }

    /// Calls `f` while the thread is ready for these instructions.
    pub(super) fn configured(self, f: impl FnOnce()) {
        match self.0 {
            // SAFETY: the machine has AMX, which the existence of `self` proves.
            #[cfg(all(target_arch = "x86_64", target_os = "linux", not(miri)))]
            Kind::Amx => unsafe { amx::configured(f) },
            _ => f(),
        }
    }

    /// Writes the product of the blocks to 32 rows and columns of `y`, or adds it to them.
    ///
    /// # Safety
    ///
    /// `y` must point to 32 rows of 32 elements, `stride` apart, that may be written, and that are initialised if `add`. It must be
    /// called inside of [`configured`](Self::configured).
    #[inline]
    pub(super) unsafe fn multiply(self, operands: &Operands, y: *mut f32, stride: usize, add: bool) {
        let steps = operands.steps();
        assert!(operands.w.len() == steps * SIZE / 2 && operands.x.len() == steps * operands.parts * SIZE);
        assert!(stride >= BLOCK && steps > 0 && operands.parts > 0);
        // SAFETY: the operands have as many blocks as is asserted; the caller answers for `y`, and the existence of `self` proves that
        // the machine has the instructions.
        unsafe {
            match self.0 {
                Kind::Plain => plain::multiply(operands, y, stride, add),
                #[cfg(target_arch = "x86_64")]
                Kind::Vectors => vectors::multiply(operands, y, stride, add),
                #[cfg(all(target_arch = "x86_64", target_os = "linux", not(miri)))]
                Kind::Amx => amx::multiply(operands, y, stride, add),
            }
        }
    }
}
