//! The losses of classifiers of sequences, which are the same for every body.

use burn::tensor::{Int, Tensor};

use crate::encoder::{HeadConfig, ProblemType};
use crate::error::ModelError;
use crate::inputs::{check_labels, check_values};
use crate::loss::{RowLosses, binary_losses, row_losses, squared_losses};

/// The cross entropy of each row of a classification with one class per row. `labels` are `[batch, 1]`; `logits` computes
/// `[batch, 1, num_labels]`. `model_type` is for the message of an error.
pub(crate) fn class_losses(
    head: &HeadConfig,
    model_type: &str,
    labels: Tensor<2, Int>,
    logits: impl FnOnce() -> Result<Tensor<3>, ModelError>,
) -> Result<RowLosses, ModelError> {
    if head.problem() != ProblemType::SingleLabelClassification {
        let problem = "has labels that are values, not classes";
        return Err(ModelError::Unsupported { model_type: model_type.into(), problem });
    }
    let logits = logits()?;
    check_labels(&labels, [logits.dims()[0], 1], head.count())?;
    Ok(row_losses(logits, labels))
}

/// The loss of each row of a regression, or of a classification with several classes per row. `values` are
/// `[batch, num_labels]`.
pub(crate) fn value_losses(
    head: &HeadConfig,
    model_type: &str,
    values: Tensor<2>,
    logits: impl FnOnce() -> Result<Tensor<3>, ModelError>,
) -> Result<RowLosses, ModelError> {
    let loss = match head.problem() {
        ProblemType::Regression => squared_losses,
        ProblemType::MultiLabelClassification => binary_losses,
        ProblemType::SingleLabelClassification => {
            let problem = "has labels that are classes, not values";
            return Err(ModelError::Unsupported { model_type: model_type.into(), problem });
        }
    };
    let logits = logits()?;
    check_values(&values, [logits.dims()[0], head.count()])?;
    Ok(loss(logits.squeeze_dim(1), values))
}
