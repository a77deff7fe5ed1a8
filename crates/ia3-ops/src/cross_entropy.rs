use burn::tensor::{Int, Tensor, activation::log_softmax};

/// `−log softmax(logits)[target]` for each row, or 0 where the target is negative.
///
/// The gradient, `softmax(logits) − 1[target]`, is computed in the memory of the logits.
///
/// # Shapes
///
/// - `logits`: `[rows, classes]`
/// - `targets`: `[rows]`
/// - returns `[rows]`
///
/// # Panics
///
/// Panics if there are not as many targets as rows, or if a target is not below the number of classes.
pub fn nll(logits: Tensor<2>, targets: Tensor<1, Int>) -> Tensor<1> {
    let [rows, classes] = logits.dims();
    assert_eq!(targets.dims(), [rows], "one target for each row of logits {:?}", [rows, classes]);
    #[cfg(feature = "flex")]
    if crate::on_flex(&logits) {
        use crate::flex::FastOps;
        let targets: Vec<i64> = targets.into_data().iter().collect();
        assert!(
            targets.iter().all(|&t| t < classes as i64),
            "targets below the {classes} classes of the logits"
        );
        let losses = burn::backend::Dispatch::fast_nll(logits.into_dispatch(), targets.into());
        return Tensor::from_dispatch(losses);
    }
    let ignored = targets.clone().lower_elem(0);
    let index = targets.mask_fill(ignored.clone(), 0).unsqueeze_dim(1);
    log_softmax(logits, 1).gather(1, index).squeeze_dim::<1>(1).mask_fill(ignored, 0.0).neg()
}
