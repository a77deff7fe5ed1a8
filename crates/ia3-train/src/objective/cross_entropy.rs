//! The loss of texts, classes and values.

use std::ops::Range;

use burn::module::Module;
use burn::tensor::Tensor;
use ia3_data::Example;
use ia3_models::{Model, RowLosses};

use super::{Loss, ranges};
use crate::collate::{Counts, collate_for};
use crate::error::TrainError;
use crate::loss_config::CausalLoss;

pub(super) fn losses(
    model: &Model,
    groups: &[Vec<&Example>],
    causal: CausalLoss,
) -> Result<Vec<Loss>, TrainError> {
    let device = model.devices().first().cloned().unwrap_or_default();
    let batch = collate_for(causal, &groups.concat(), model, &device);
    let rows = match batch.values {
        Some(values) => model.value_losses(&batch.inputs, values)?,
        None => model.row_losses(&batch.inputs, batch.labels)?,
    };
    let of_group = |(range, group): (Range<usize>, &Vec<&Example>)| {
        let own = |t: &Tensor<1>| t.clone().narrow(0, range.start, range.len());
        let loss = RowLosses { sums: own(&rows.sums), counts: own(&rows.counts) }.mean();
        let Counts { tokens, labelled } = Counts::of(group, causal, model.task());
        let (length_normalised, unlikelihood) = (None, None);
        Loss { total: loss.clone(), cross_entropy: loss, labelled, length_normalised, unlikelihood, tokens }
    };
    Ok(ranges(groups.iter().map(Vec::len)).zip(groups).map(of_group).collect())
}
