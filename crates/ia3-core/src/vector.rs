use std::ops::Range;

use burn::module::{Module, Param, ParamId};
use burn::tensor::{Bool, DType, Device, Tensor};
use ia3_config::Placement;

/// A learned vector of an adapter, and the side of the layer that it multiplies.
///
/// The vector is float32, whatever the dtype of the base is (PEFT's `autocast_adapter_dtype`).
#[derive(Module, Debug)]
pub struct Ia3Vector {
    /// The learned values: `[d_out]` for [`Placement::Output`] and `[d_in]` for [`Placement::Input`]. For a convolution, they
    /// are one value per channel of all groups.
    pub l: Param<Tensor<1>>,
    /// Whether the vector multiplies the input or the output of the layer.
    #[module(skip)]
    pub placement: Placement,
    /// The values that are held at 1, regardless of `l`. They get no gradient and no weight decay.
    held: Option<Tensor<1, Bool>>,
    /// The number of axes of the weight that the vector scales.
    #[module(skip)]
    weight_rank: usize,
}

impl Ia3Vector {
    /// A vector for a linear layer that holds `values` of shape `[len]`, cast to float32.
    pub fn new(values: Tensor<1>, placement: Placement) -> Self {
        let l = Param::from_tensor(values.cast(DType::F32));
        Self { l, placement, held: None, weight_rank: 2 }
    }

    /// The same vector for a weight with `weight_rank` axes: 4 for `Conv2d`, 5 for `Conv3d`
    /// ([`ModuleKind::weight_rank`](ia3_config::ModuleKind::weight_rank)). It determines the shape in which the vector is
    /// saved.
    pub fn with_weight_rank(self, weight_rank: usize) -> Self {
        Self { weight_rank, ..self }
    }

    /// The number of axes of the weight that the vector scales: 2 for a linear layer, 4 for `Conv2d`, 5 for `Conv3d`.
    pub fn weight_rank(&self) -> usize {
        self.weight_rank
    }

    /// A vector of `len` ones on `device`, which takes memory only when it is first read.
    pub(crate) fn lazy_ones(len: usize, placement: Placement, device: &Device) -> Self {
        let ones = move |device: &Device, train| Tensor::ones([len], device).set_require_grad(train);
        let l = Param::uninitialized(ParamId::new(), ones, device.clone(), true, [len].into());
        Self { l, placement, held: None, weight_rank: 2 }
    }

    /// The same vector with the values in `ranges` held at 1. They are the parts of a fused projection that are not trained.
    ///
    /// # Panics
    ///
    /// Panics if a range reaches beyond the vector.
    pub fn hold(self, ranges: &[Range<usize>]) -> Self {
        let device = self.l.lazy_device().without_autodiff();
        let none = Tensor::<1>::zeros([self.len()], &device);
        let held = ranges.iter().fold(none, |held, range| held.slice_fill([range.clone()], 1.0));
        Self { held: Some(held.equal_scalar(1.0)), ..self }
    }

    /// The values that multiply the input or output of the layer, `[len]`: `l`, with 1 for the values that are held.
    pub fn values(&self) -> Tensor<1> {
        match &self.held {
            None => self.l.val(),
            Some(held) => self.l.val().mask_fill(held.clone(), 1.0),
        }
    }

    /// The number of values that are held at 1.
    pub fn num_held(&self) -> usize {
        let count = |held: &Tensor<1, Bool>| held.clone().int().sum().into_scalar::<i64>() as usize;
        self.held.as_ref().map_or(0, count)
    }

    /// A vector with the same values in a new parameter.
    pub(crate) fn fork(&self) -> Self {
        Self { l: Self::new(self.values(), self.placement).l, ..self.clone() }
    }

    /// The number of values.
    pub fn len(&self) -> usize {
        self.l.lazy_shape().num_elements()
    }

    /// Whether the vector holds no value. No site of a model has such a vector.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}
