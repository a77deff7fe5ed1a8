//! Batches in which every entry has its own adapter.

mod plan;
mod state;

use std::collections::BTreeMap;

use burn::module::{Module, Param, Reparameterizer};
use burn::tensor::Tensor;

use crate::activation_space::ActivationSpace;
use crate::adapter::Adapter;
use crate::attach::untied_for;
use crate::check::{check_distinct, check_fit, check_pristine};
use crate::error::AdapterError;
use crate::model_info::model_info;
use crate::param_path::from_field_path;
use crate::param_ref::ParamKind;
use crate::untie::ties;
use crate::visit_params::visit_params;
use plan::Rows;

pub use state::Ia3Rows;

/// Attaches one adapter to each row of a batch: row `i` uses the adapter `rows[i]`, or only the base if `rows[i]` is `None`.
/// The result shares the weights of `base`, and `base` does not change.
///
/// A batch for the result must have `rows.len()` rows. Row `i` has the same result as in a batch in which every row uses
/// `rows[i]`: `y[i] = ((x[i] ⊙ l_in[i])·W + b) ⊙ l_out[i]`, with 1 in place of a vector that row `i` does not have (arXiv
/// 2205.05638 §3.3; an author describes it in r-three/t-few#30 as a product of a task matrix with a table of vectors). Each
/// weight is multiplied once for all rows. An adapter costs only the memory of its vectors, even if many rows use it. Layers
/// of `modules_to_save` are computed once for each adapter that has a copy, on the rows of that adapter.
///
/// Clones of an adapter count as the same adapter. All vectors and `modules_to_save` require gradients, and the gradient of a
/// row reaches only the parameters of its own adapter. [`Adapter::extract`] reads each adapter back.
///
/// # Errors
///
/// - The errors of [`attach`](crate::attach).
/// - [`AdapterError::NoRows`]: `rows` is empty.
/// - [`AdapterError::SavedByRow`]: an adapter replaces a parameter that belongs neither to a linear layer nor to one of
///   [`ActivationSpace::embeddings_by_row`].
///
/// # Panics
///
/// The forward of the result panics if a layer gets another number of rows. [`batch_rows`] returns the number that it needs.
///
/// ```
/// use burn::{nn::LinearConfig, tensor::{Device, Tensor}};
/// use ia3_core::{ActivationSpace, Adapter, Ia3Config, Ia3Forward, attach_rows};
///
/// #[derive(burn::module::Module, Debug)]
/// struct Net { wo: burn::nn::Linear }
/// impl ActivationSpace for Net {}
///
/// let device = Device::flex();
/// let base = Net { wo: LinearConfig::new(4, 8).init(&device) };
/// let config = Ia3Config::new().with_target_modules(["wo"]).with_feedforward_modules(["wo"]);
/// let plan = config.plan(&base.info())?;
/// let (a, b) = (Adapter::init(&base, &plan), Adapter::init(&base, &plan));
/// let model = attach_rows(&base, &[Some(&a), Some(&b), None, Some(&a)])?;
/// let y = model.wo.ia3_forward(Tensor::<3>::ones([4, 5, 4], &device));
/// assert_eq!(y.dims(), [4, 5, 8]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn attach_rows<M: ActivationSpace>(base: &M, rows: &[Option<&Adapter>]) -> Result<M, AdapterError> {
    if rows.is_empty() {
        return Err(AdapterError::NoRows);
    }
    let rows = Rows::new(rows);
    let base = &untied_for(base, &rows.adapters);
    let info = model_info(base, None, None);
    check_pristine(base)?;
    check_distinct(&rows.adapters)?;
    rows.adapters.iter().try_for_each(|a| check_fit(a, base, &info))?;
    rows.check_saved(&info, &embeddings(base))?;
    let device = base.devices().first().cloned().unwrap_or_default().without_autodiff();
    let state = |path: String| {
        let state = rows.state(&path, &device);
        (path, state)
    };
    let states = rows.modules().into_iter().map(state).collect();
    Ok(base.clone().apply_reparameterization(Attacher { states }))
}

/// The embeddings that can differ between rows: another layer that is tied to one of them would need a weight by row, too.
fn embeddings<M: ActivationSpace>(base: &M) -> Vec<String> {
    let (mut embeddings, ties) = (base.embeddings_by_row(), ties(base));
    embeddings.retain(|path| ties.iter().all(|tie| tie.embedding != *path));
    embeddings
}

struct Attacher {
    states: BTreeMap<String, Ia3Rows>,
}

impl Reparameterizer for Attacher {
    type Reparam = Ia3Rows;

    fn reparameterize<const D: usize>(
        &mut self,
        path: &str,
        param: Param<Tensor<D>>,
    ) -> (Param<Tensor<D>>, Option<Ia3Rows>) {
        let path = from_field_path(path);
        let state = path.strip_suffix(".weight").and_then(|module| self.states.remove(module));
        (param.set_require_grad(false), state)
    }
}

/// The number of rows that a batch for `model` must have if its rows have their own adapters ([`attach_rows`]), or `None` if
/// the model accepts any number of rows.
pub fn batch_rows<M: Module>(model: &M) -> Option<usize> {
    let mut rows = None;
    visit_params(model, |path, param| {
        let is_rows = path.inside_reparameterization() && path.name() == "rows";
        if rows.is_none() && is_rows && param.kind() == ParamKind::Int {
            rows = Some(param.shape()[0]);
        }
    });
    rows
}
