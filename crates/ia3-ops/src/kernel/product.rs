//! Matrix products of strided views.

/// A matrix somewhere in memory.
#[derive(Clone, Copy)]
pub(crate) struct Matrix<P> {
    pub(crate) data: P,
    /// Elements from one row to the next.
    pub(crate) row: isize,
    /// Elements from one column to the next.
    pub(crate) column: isize,
}

pub(crate) type View = Matrix<*const f32>;
pub(crate) type ViewMut = Matrix<*mut f32>;

impl View {
    pub(crate) fn transposed(self) -> Self {
        Self { data: self.data, row: self.column, column: self.row }
    }
}

impl ViewMut {
    pub(crate) fn view(self) -> View {
        View { data: self.data, row: self.row, column: self.column }
    }
}

/// `c = factor·a·b`, or `c += factor·a·b`, of shape `[m, n]` with `a` `[m, k]`.
///
/// # Safety
///
/// All three views must lie in memory that is live and initialised (`c` only if it is added to), and nobody else may
/// use `c` meanwhile.
pub(crate) unsafe fn product([m, k, n]: [usize; 3], c: ViewMut, a: View, b: View, factor: f32, add: bool) {
    let none = gemm::Parallelism::None;
    unsafe {
        gemm::gemm(
            m, n, k, c.data, c.column, c.row, add, a.data, a.column, a.row, b.data, b.column, b.row, 1.0,
            factor, false, false, false, none,
        );
    }
}

/// Multiplications for which starting threads pays, as `flex` has it.
const WORTH_THREADS: usize = 192 * 192 * 192;

/// `a·b` on all threads, of `a` `[m, k]` in row-major order.
///
/// # Safety
///
/// As [`product`], of `b`.
pub(crate) unsafe fn whole([m, k, n]: [usize; 3], a: &[f32], b: View) -> Vec<f32> {
    assert_eq!(a.len(), m * k, "as many values as the shape says");
    let mut out: Vec<f32> = Vec::with_capacity(m * n);
    let (row, column) = (n as isize, 1);
    let threads =
        if m * n * k < WORTH_THREADS { gemm::Parallelism::None } else { gemm::Parallelism::Rayon(0) };
    // SAFETY: without elements to sum up gemm writes zeros; `out` has room for the result and is not read.
    unsafe {
        gemm::gemm(
            m,
            n,
            k,
            out.as_mut_ptr(),
            column,
            row,
            false,
            a.as_ptr(),
            1,
            k as isize,
            b.data,
            b.column,
            b.row,
            0.0,
            1.0,
            false,
            false,
            false,
            threads,
        );
        out.set_len(m * n);
    }
    out
}
