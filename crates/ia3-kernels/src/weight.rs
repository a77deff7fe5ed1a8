//! Weights of a linear layer: floats, or integers with scales.

use std::ops::Range;

/// The type of an element of a [`Weight`].
pub trait Element: Copy + Send + Sync + private::Sealed {
    /// The element as a float32.
    fn float(self) -> f32;
}

mod private {
    pub trait Sealed {}
    impl Sealed for f32 {}
    impl Sealed for i8 {}
}

impl Element for f32 {
    #[inline(always)]
    fn float(self) -> f32 {
        self
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

    pub(crate) fn data(&self) -> &'a [T] {
        self.data
    }

    /// `[inputs, outputs]`
    pub(crate) fn dims(&self) -> [usize; 2] {
        [self.inputs, self.outputs]
    }

    pub(crate) fn scales(&self) -> Option<Scales<'a>> {
        self.scales
    }

    /// The scales of a block of inputs for some outputs, if there are any.
    #[inline(always)]
    pub(crate) fn scales_of(&self, inputs: &Range<usize>, outputs: Range<usize>) -> Option<&'a [f32]> {
        let Scales { values, block } = self.scales?;
        Some(&values[inputs.start / block * self.outputs..][outputs])
    }
}
