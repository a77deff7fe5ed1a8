//! The instructions that sum up products of integers.

use super::plain;
#[cfg(target_arch = "x86_64")]
use super::x86;

/// A set of instructions that this machine has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Isa(Kind);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Plain,
    /// AVX2: products of pairs of bytes.
    #[cfg(target_arch = "x86_64")]
    Avx2,
    /// AVX2 and the products of groups of four bytes of AVX-512 VNNI, in vectors of 256 bits.
    #[cfg(target_arch = "x86_64")]
    Vnni,
}

impl Isa {
    /// All that this machine has, the best one last. None of the others can be made, so that holding one proves that the
    /// machine has it.
    pub(super) fn available() -> Vec<Self> {
        let mut kinds = vec![Self(Kind::Plain)];
        #[cfg(target_arch = "x86_64")]
        if is_x86_feature_detected!("avx2") {
            kinds.push(Self(Kind::Avx2));
            if is_x86_feature_detected!("avx512vnni") && is_x86_feature_detected!("avx512vl") {
                kinds.push(Self(Kind::Vnni));
            }
        }
        kinds
    }

    pub(super) fn best() -> Self {
        static BEST: std::sync::OnceLock<Isa> = std::sync::OnceLock::new();
        *BEST.get_or_init(|| Self::available().pop().unwrap_or(Self(Kind::Plain)))
    }

    /// Sets `sums` to the sums over the products of `x` with the lines of a block, for the columns from `first` on. Lines
    /// begin `stride` bytes apart; `total` is the sum of `x`.
    pub(super) fn sums_of_bytes(
        self,
        lines: &[i8],
        [stride, first]: [usize; 2],
        x: &[i8],
        total: i32,
        sums: &mut [i32],
    ) {
        assert!(first + sums.len() <= stride && lines.len() >= x.len() * stride, "lines of a block");
        if sums.is_empty() || x.is_empty() {
            return sums.fill(0);
        }
        let lines = &lines[first..];
        let whole = match self.0 {
            Kind::Plain => 0,
            // SAFETY: the machine has the instructions, which the existence of `self` proves. Each of the lines has
            // `sums.len()` bytes from `first` on, which is asserted above.
            #[cfg(target_arch = "x86_64")]
            Kind::Avx2 => unsafe { x86::avx2::bytes(lines.as_ptr(), stride, x, sums) },
            // SAFETY: as above.
            #[cfg(target_arch = "x86_64")]
            Kind::Vnni => unsafe { x86::vnni::bytes(lines.as_ptr(), stride, x, total, sums) },
        };
        let _ = total;
        sums[whole..].fill(0);
        if whole < sums.len() {
            plain::add_bytes(&lines[whole..], stride, x, &mut sums[whole..]);
        }
    }

    /// The same for lines of two inputs per byte, as [`Nibbles`](super::Nibbles) has them.
    pub(super) fn sums_of_nibbles(
        self,
        lines: &[u8],
        [stride, first]: [usize; 2],
        x: &[i8],
        total: i32,
        sums: &mut [i32],
    ) {
        let count = x.len().div_ceil(2);
        assert!(first + sums.len() <= stride && lines.len() >= count * stride, "lines of a block");
        if sums.is_empty() || x.is_empty() {
            return sums.fill(0);
        }
        let lines = &lines[first..];
        let whole = match self.0 {
            Kind::Plain => 0,
            // SAFETY: as in `sums_of_bytes`; there is one line for each two elements of `x`.
            #[cfg(target_arch = "x86_64")]
            Kind::Avx2 => unsafe { x86::avx2::nibbles(lines.as_ptr(), stride, x, total, sums) },
            // SAFETY: as above.
            #[cfg(target_arch = "x86_64")]
            Kind::Vnni => unsafe { x86::vnni::nibbles(lines.as_ptr(), stride, x, total, sums) },
        };
        let _ = total;
        sums[whole..].fill(0);
        if whole < sums.len() {
            plain::add_nibbles(&lines[whole..], stride, x, &mut sums[whole..]);
        }
    }

    /// `out += sums · (scales · scale)`
    pub(super) fn add_scaled(self, out: &mut [f32], sums: &[i32], scales: &[f32], scale: f32) {
        match self.0 {
            Kind::Plain => plain::add_scaled(out, sums, scales, scale),
            // SAFETY: the machine has the instructions, which the existence of `self` proves.
            #[cfg(target_arch = "x86_64")]
            Kind::Avx2 | Kind::Vnni => unsafe { x86::avx2::add_scaled(out, sums, scales, scale) },
        }
    }
}
