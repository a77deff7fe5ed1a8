//! The parameters of a module in the terms of a checkpoint.

use burn::module::{Module, Param};
use burn::tensor::{Device, Shape, Tensor};

use ia3_core::{ParamPath, ParamVisitor, visit_params_with};

use crate::checkpoint::quantized::names;
use crate::layout;

/// A float parameter of a module.
pub(crate) struct ParamSpec {
    /// Its path in burn.
    pub(crate) path: String,
    /// Its name in Hugging Face's model.
    pub(crate) name: String,
    /// Its shape in the file.
    pub(crate) shape: Vec<usize>,
    /// Whether the matrix of the file is transposed for it.
    pub(crate) transposed: bool,
    /// Whether it takes the matrix of the file and transposes it itself.
    pub(crate) transposes_itself: bool,
    /// Its shape `[d_out, d_in]`, if it is a weight that can be quantised.
    pub(crate) outputs_first: Option<[usize; 2]>,
    pub(crate) device: Device,
}

/// The float parameters of `module`, without state that is attached to them. No weight is initialised.
pub(crate) fn param_specs<M: Module>(module: &M) -> Vec<ParamSpec> {
    let mut collector = Collector::default();
    visit_params_with(module, &mut collector);
    collector.params
}

#[derive(Default)]
struct Collector {
    params: Vec<ParamSpec>,
}

impl ParamVisitor for Collector {
    fn visit_float<const D: usize>(&mut self, path: &ParamPath, param: &Param<Tensor<D>>) {
        if path.inside_reparameterization() {
            return;
        }
        let is_matrix = layout::is_transposed(path.container(), path.name(), D);
        let keeps_layout = is_matrix && transposes_itself(param);
        let mut shape = param.lazy_shape().to_vec();
        if is_matrix && (!keeps_layout || param.is_initialized()) {
            shape.reverse();
        }
        let outputs_first = match shape.as_slice() {
            _ if !names::is_quantizable(path.container(), path.name()) => None,
            &[rows, columns] => Some(if is_matrix { [rows, columns] } else { [columns, rows] }),
            _ => None,
        };
        let device = param.lazy_device();
        let (transposed, transposes_itself) = (is_matrix && !keeps_layout, is_matrix && keeps_layout);
        self.params.push(ParamSpec {
            path: path.to_string(),
            name: layout::file_name(path),
            shape,
            transposed,
            transposes_itself,
            outputs_first,
            device,
        });
    }
}

/// Whether a weight takes the layout of the file and transposes it on loading, as burn's `LinearLayout::Col` does.
///
/// burn has no function that tells, so a matrix `[1, 2]` is loaded into a clone. Before such a weight is initialised, its
/// shape is that of the file.
fn transposes_itself<const D: usize>(param: &Param<Tensor<D>>) -> bool {
    let mut probe = vec![1; D];
    if let Some(last) = probe.last_mut() {
        *last = 2;
    }
    let probe = Tensor::<D>::zeros(Shape::from(probe), &param.lazy_device());
    let loaded = param.clone().transform_for_load(probe.clone(), param.id);
    loaded.base().shape() != probe.shape()
}
