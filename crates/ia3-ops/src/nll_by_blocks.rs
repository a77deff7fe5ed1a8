use burn::tensor::{Int, Tensor};

use crate::nll;

/// [`nll`] of `logits(x)`, computed for some rows of `x` at a time, so that the logits of all rows are never in memory. Rows whose
/// target is negative are not computed.
///
/// If `x` wants a gradient, it is computed right away, while the logits of a block are there, and multiplied by the gradient of the
/// losses in the backward pass. `logits` must compute each row for itself, and its parameters must need no gradient: none would
/// reach them. It is called with `[some rows, d]` and returns `[some rows, classes]` in float32; `classes` decides the number of rows.
///
/// On other backends than `flex` it is `nll(logits(x), targets)`.
///
/// # Shapes
///
/// - `x`: `[rows, d]`
/// - `targets`: `[rows]`
/// - returns `[rows]`
///
/// # Panics
///
/// Panics as [`nll`] does.
pub fn nll_by_blocks(
    x: Tensor<2>,
    targets: Tensor<1, Int>,
    classes: usize,
    logits: impl Fn(Tensor<2>) -> Tensor<2>,
) -> Tensor<1> {
    #[cfg(feature = "flex")]
    if crate::on_flex(&x) {
        return on_flex::by_blocks(x, targets, classes, logits);
    }
    let _ = classes;
    nll(logits(x), targets)
}

/// [`nll`] of `logits(x)` and the most likely class of each row, computed for some rows of `x` at a time. Rows whose target is negative
/// are not computed: their loss is 0, and their class is 0.
///
/// `logits` is called as by [`nll_by_blocks`]. No gradient is computed.
///
/// # Shapes
///
/// - `x`: `[rows, d]`
/// - `targets`: `[rows]`
/// - returns `[rows]` twice
///
/// # Panics
///
/// Panics as [`nll`] does.
pub fn nll_and_classes_by_blocks(
    x: Tensor<2>,
    targets: Tensor<1, Int>,
    classes: usize,
    logits: impl Fn(Tensor<2>) -> Tensor<2>,
) -> (Tensor<1>, Tensor<1, Int>) {
    let both = |x: Tensor<2>, targets: Tensor<1, Int>| {
        let logits = logits(x);
        (nll(logits.clone(), targets), logits.argmax(1).squeeze_dim(1))
    };
    #[cfg(feature = "flex")]
    if crate::on_flex(&x) {
        return on_flex::classes_by_blocks(x, targets, classes, both);
    }
    let _ = classes;
    let is_real = targets.clone().greater_equal_scalar(0).int();
    let (losses, found) = both(x, targets);
    (losses, found * is_real)
}

#[cfg(feature = "flex")]
mod on_flex {
    use burn::backend::Dispatch;
    use burn::tensor::{IndexingUpdateOp, Int, Tensor};

    use crate::flex::FastOps;
    use crate::nll;

    /// Logits of a block, 32 megabytes.
    const BLOCK: usize = 8 << 20;

    /// Rows of a block where there are many classes. With fewer rows, reading the weight of the head would cost more than its
    /// product.
    const LEAST_ROWS: usize = 32;

    pub(super) fn by_blocks(
        x: Tensor<2>,
        targets: Tensor<1, Int>,
        classes: usize,
        logits: impl Fn(Tensor<2>) -> Tensor<2>,
    ) -> Tensor<1> {
        let ([rows, _], device) = (x.dims(), x.device());
        assert_eq!(targets.dims(), [rows], "one target for each of {rows} rows");
        let mut real = real_rows(&targets);
        if real.len() == rows {
            return losses(x, targets, classes, logits);
        }
        if real.is_empty() {
            // Losses of 0 that depend on `x`, like those of `nll`.
            real.push(0);
        }
        let real = Tensor::<1, Int>::from_ints(real.as_slice(), &device);
        let losses = losses(x.select(0, real.clone()), targets.select(0, real.clone()), classes, logits);
        Tensor::zeros([rows], &device).select_assign(0, real, losses, IndexingUpdateOp::Add)
    }

    pub(super) fn classes_by_blocks(
        x: Tensor<2>,
        targets: Tensor<1, Int>,
        classes: usize,
        both: impl Fn(Tensor<2>, Tensor<1, Int>) -> (Tensor<1>, Tensor<1, Int>),
    ) -> (Tensor<1>, Tensor<1, Int>) {
        let ([rows, _], device) = (x.dims(), x.device());
        assert_eq!(targets.dims(), [rows], "one target for each of {rows} rows");
        let (losses, found) = (Tensor::zeros([rows], &device), Tensor::zeros([rows], &device));
        let real = real_rows(&targets);
        if real.is_empty() {
            return (losses, found);
        }
        let blocks = real.chunks(height(classes)).map(|real| {
            let at = Tensor::<1, Int>::from_ints(real, &device);
            both(x.clone().select(0, at.clone()), targets.clone().select(0, at))
        });
        let (block_losses, block_classes) = blocks.unzip::<_, _, Vec<_>, Vec<_>>();
        let at = Tensor::<1, Int>::from_ints(real.as_slice(), &device);
        (
            losses.select_assign(0, at.clone(), Tensor::cat(block_losses, 0), IndexingUpdateOp::Add),
            found.select_assign(0, at, Tensor::cat(block_classes, 0), IndexingUpdateOp::Add),
        )
    }

    /// The rows of a block.
    fn height(classes: usize) -> usize {
        (BLOCK / classes.max(1)).max(LEAST_ROWS)
    }

    /// The rows with a target.
    fn real_rows(targets: &Tensor<1, Int>) -> Vec<i64> {
        let targets: Vec<i64> = targets.clone().into_data().iter().collect();
        (0..).zip(targets).filter(|(_, target)| *target >= 0).map(|(row, _)| row).collect()
    }

    fn losses(
        x: Tensor<2>,
        targets: Tensor<1, Int>,
        classes: usize,
        logits: impl Fn(Tensor<2>) -> Tensor<2>,
    ) -> Tensor<1> {
        let [rows, _] = x.dims();
        let (tracked, values) = (x.is_tracked(), x.clone().set_require_grad(false));
        let height = height(classes);
        let (mut all, mut gradients) = (vec![], vec![]);
        for start in (0..rows).step_by(height) {
            let len = height.min(rows - start);
            let block = values.clone().narrow(0, start, len).set_require_grad(tracked);
            let losses = nll(logits(block.clone()), targets.clone().narrow(0, start, len));
            if tracked {
                let mut grads = losses.clone().sum().backward();
                gradients.extend(block.grad_remove(&mut grads));
            }
            all.push(losses.set_require_grad(false));
        }
        if gradients.is_empty() {
            return if all.is_empty() { nll(logits(x), targets) } else { Tensor::cat(all, 0) };
        }
        let [losses, x, gradient] = [
            Tensor::cat(all, 0).into_dispatch(),
            x.into_dispatch(),
            Tensor::cat(gradients, 0).into_dispatch(),
        ];
        Tensor::from_dispatch(Dispatch::fast_with_gradient(losses, x, gradient))
    }
}
