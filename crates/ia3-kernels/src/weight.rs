//! Weights of a linear layer: floats of 32 or 16 bits, or integers with scales.

use half::{bf16, f16};
use pulp::Simd;

/// The type of an element of a [`Weight`].
pub trait Element: Copy + Send + Sync + private::Sealed {
    /// The element as a float32.
    fn float(self) -> f32;

    /// The elements from `from` on, as many as a vector holds.
    ///
    /// # Safety
    ///
    /// There must be as many.
    #[doc(hidden)]
    #[inline(always)]
    unsafe fn load<S: Simd>(simd: S, from: *const Self) -> S::f32s {
        // SAFETY: the caller promises as many elements.
        unsafe { load_each(simd, from) }
    }
}

mod private {
    pub trait Sealed {}
    impl Sealed for f32 {}
    impl Sealed for half::bf16 {}
    impl Sealed for half::f16 {}
    impl Sealed for i8 {}
}

impl Element for f32 {
    #[inline(always)]
    fn float(self) -> f32 {
        self
    }

    // SAFETY of a call: what the trait asks of the caller.
    #[inline(always)]
    unsafe fn load<S: Simd>(_: S, from: *const Self) -> S::f32s {
        // SAFETY: the caller promises as many elements.
        unsafe { from.cast::<S::f32s>().read_unaligned() }
    }
}

/// A bfloat16 is the upper half of a float32.
impl Element for bf16 {
    #[inline(always)]
    fn float(self) -> f32 {
        f32::from_bits(u32::from(self.to_bits()) << 16)
    }
}

/// No branches, so that the compiler widens a vector at a time: the conversion of the crate `half` asks the processor for its
/// instruction set at each element.
impl Element for f16 {
    #[inline(always)]
    fn float(self) -> f32 {
        /// What the exponents of the two types differ by, in place.
        const BIAS: u32 = (127 - 15) << 23;
        let bits = u32::from(self.to_bits());
        let magnitude = (bits & 0x7fff) << 13;
        let normal = magnitude + BIAS;
        // The smallest normal number is added by the bits, with the exponent, and subtracted as a number.
        let subnormal = f32::from_bits(normal + (1 << 23)) - f32::from_bits(BIAS + (1 << 23));
        let value = match magnitude {
            0x0f80_0000.. => normal + BIAS,
            0x0080_0000.. => normal,
            _ => subnormal.to_bits(),
        };
        f32::from_bits(value | (bits & 0x8000) << 16)
    }

    /// AVX-512 has an instruction for it.
    // SAFETY of a call: what the trait asks of the caller.
    #[cfg(all(target_arch = "x86_64", not(miri)))]
    #[inline(always)]
    unsafe fn load<S: Simd>(simd: S, from: *const Self) -> S::f32s {
        use std::any::TypeId;
        use std::arch::x86_64::__m256i;
        if TypeId::of::<S>() != TypeId::of::<pulp::x86::V4>() {
            // SAFETY: the caller promises as many elements.
            return unsafe { load_each(simd, from) };
        }
        // SAFETY: a vector of `V4` has 16 elements, for which the caller answers. `simd` is a `V4`, so the machine has AVX-512, and
        // `S::f32s` are 64 bytes of floats.
        unsafe {
            let halves = from.cast::<__m256i>().read_unaligned();
            let floats = pulp::x86::V4::new_unchecked().avx512f._mm512_cvtph_ps(halves);
            std::mem::transmute_copy(&floats)
        }
    }
}

impl Element for i8 {
    #[inline(always)]
    fn float(self) -> f32 {
        f32::from(self)
    }
}

/// A matrix `[inputs, outputs]` in row-major order.
#[derive(Clone, Copy)]
pub struct Weight<'a, T> {
    data: &'a [T],
    inputs: usize,
    outputs: usize,
    scales: Option<Scales<'a>>,
}

/// Factors `[inputs / block, outputs]` of a [`Weight`].
#[derive(Clone, Copy)]
pub struct Scales<'a> {
    /// One factor for each block of inputs of each output.
    pub values: &'a [f32],
    /// Inputs that share a factor.
    pub block: usize,
}

impl<'a, T> Weight<'a, T> {
    /// The weight `[inputs, outputs]` of these elements, each times its scale if there are any.
    ///
    /// # Panics
    ///
    /// Panics if there are not as many elements or scales as the shape says.
    pub fn new(data: &'a [T], [inputs, outputs]: [usize; 2], scales: Option<Scales<'a>>) -> Self {
        assert_eq!(
            inputs.checked_mul(outputs),
            Some(data.len()),
            "elements of a weight [{inputs}, {outputs}]"
        );
        if let Some(Scales { values, block }) = scales {
            assert!(
                block > 0 && inputs.is_multiple_of(block) && values.len() == inputs / block * outputs,
                "{} scales of blocks of {block} inputs for a weight [{inputs}, {outputs}]",
                values.len()
            );
        }
        Self { data, inputs, outputs, scales }
    }

    /// The elements in row-major order.
    pub fn data(&self) -> &'a [T] {
        self.data
    }

    /// `[inputs, outputs]`
    pub(crate) fn dims(&self) -> [usize; 2] {
        [self.inputs, self.outputs]
    }

    /// The factors of the elements, if there are any.
    pub fn scales(&self) -> Option<Scales<'a>> {
        self.scales
    }
}

/// The elements from `from` on, as many as a vector holds, one after the other.
///
/// # Safety
///
/// There must be as many.
#[inline(always)]
unsafe fn load_each<S: Simd, T: Element>(simd: S, from: *const T) -> S::f32s {
    let mut vector = simd.splat_f32s(0.0);
    let to = (&raw mut vector).cast::<f32>();
    for i in 0..S::F32_LANES {
        // SAFETY: `vector` has as many lanes, and the caller promises as many elements.
        unsafe { to.add(i).write((*from.add(i)).float()) };
    }
    vector
}

#[cfg(test)]
mod tests {
    use super::*;

    /// All halves, as vectors of this machine.
    struct Vectors<'a, T>(&'a [T]);

    impl<T: Element> pulp::WithSimd for Vectors<'_, T> {
        type Output = Vec<f32>;

        #[inline(always)]
        fn with_simd<S: Simd>(self, simd: S) -> Vec<f32> {
            let chunks = self.0.chunks_exact(S::F32_LANES);
            // SAFETY: a chunk has as many elements as a vector.
            let vector = |chunk: &[T]| unsafe { T::load(simd, chunk.as_ptr()) };
            chunks
                .flat_map(|chunk| pulp::bytemuck::bytes_of(&vector(chunk)).to_vec())
                .collect::<Vec<u8>>()
                .chunks_exact(4)
                .map(|bytes| f32::from_ne_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]))
                .collect()
        }
    }

    #[test]
    #[cfg_attr(miri, ignore = "65,536 vectors take minutes")]
    fn vectors_of_halves_are_widened_like_single_ones() {
        fn check<T: Element>(halves: Vec<T>) {
            let got = pulp::Arch::new().dispatch(Vectors(&halves));
            assert_eq!(got.len(), halves.len());
            for (i, (got, half)) in got.iter().zip(&halves).enumerate() {
                let expected = half.float();
                assert!(
                    got.to_bits() == expected.to_bits() || got.is_nan() && expected.is_nan(),
                    "{i:#06x}: {got}"
                );
            }
        }
        check((0..=u16::MAX).map(f16::from_bits).collect());
        check((0..=u16::MAX).map(bf16::from_bits).collect());
    }

    /// All of them: zeros, subnormal and normal numbers, infinities and NaNs of both signs.
    #[test]
    fn every_half_is_widened_as_the_crate_half_widens_it() {
        let same = |got: f32, expected: f32| {
            got.to_bits() == expected.to_bits() || got.is_nan() && expected.is_nan()
        };
        for bits in 0..=u16::MAX {
            let (b, h) = (bf16::from_bits(bits), f16::from_bits(bits));
            assert!(same(b.float(), b.to_f32()), "bfloat16 {bits:#06x}: {}", b.float());
            assert!(same(h.float(), h.to_f32()), "float16 {bits:#06x}: {}", h.float());
        }
    }
}
